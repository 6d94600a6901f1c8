"""Importing TensorFlow without paying for what nobody asked for."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Sequence
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec
from types import ModuleType


class _KerasLater(MetaPathFinder):
    """Makes Keras look not installed."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        # The bare name must be found: TensorFlow asks where the package lies, to load it lazily.
        if fullname.startswith("keras."):
            raise ModuleNotFoundError(f"No module named {fullname!r}", name=fullname)
        return None


def import_tensorflow() -> ModuleType:
    """TensorFlow, with Keras left out until someone imports it.

    The last thing ``import tensorflow`` does is to try ``import keras.src.optimizers``, which
    brings scikit-learn, pandas and pyplot along and takes as long as TensorFlow itself (2.5 of
    5.5 s, see benchmarks/README.md). TensorFlow carries on where Keras is not installed, so we
    let it look so for that moment; ``tf.keras`` and ``import keras`` work normally afterwards.
    """
    if "tensorflow" in sys.modules:
        return sys.modules["tensorflow"]
    finder = _KerasLater()
    sys.meta_path.insert(0, finder)
    try:
        return importlib.import_module("tensorflow")
    finally:
        sys.meta_path.remove(finder)
