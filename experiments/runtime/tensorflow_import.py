"""Importing TensorFlow without Keras, in half the time."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Sequence
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec
from types import ModuleType

from experiments.runtime.keras_variables import set_keras_variables


class _KerasLater(MetaPathFinder):
    """Makes Keras look as if it were not installed."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        # The bare name must be found: TensorFlow looks up the package's location, to load it lazily.
        if fullname.startswith("keras."):
            raise ModuleNotFoundError(f"No module named {fullname!r}", name=fullname)
        return None


def import_tensorflow() -> ModuleType:
    """Import and return TensorFlow; Keras is left out until someone imports it.

    At its end ``import tensorflow`` tries ``import keras.src.optimizers``, which brings scikit-learn, pandas and
    pyplot along and takes almost as long as TensorFlow itself (2.5 of 5.5 s, see benchmarks/README.md). TensorFlow
    works without Keras, so Keras is hidden for that moment; ``tf.keras`` and ``import keras`` work afterwards.
    """
    if "tensorflow" in sys.modules:
        return sys.modules["tensorflow"]
    set_keras_variables()
    finder = _KerasLater()
    sys.meta_path.insert(0, finder)
    try:
        return importlib.import_module("tensorflow")
    finally:
        sys.meta_path.remove(finder)
