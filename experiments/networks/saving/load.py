"""Loading a saved model, after its files have been checked."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from experiments.networks.saving import checksums, foreign
from experiments.networks.saving.layout import SAVED_MODEL
from experiments.networks.saving.recognise import NotLoadable, require_hdf5, require_keras, require_saved_model
from experiments.plugins import import_all
from experiments.reporting.text import first_line

if TYPE_CHECKING:
    import keras

UNKNOWN = re.compile(r"Could not locate (\w+) '([^']+)'")
"""What Keras says of a class or function of which it has only the name."""


def load(
    path: Path, *, into: keras.Model | None = None, sha256: str | None = None, compiled: bool = False
) -> Callable[..., Any]:
    """Return the model in ``path`` as a callable of its inputs.

    The name of ``path`` decides on the format. ``*.keras`` gives a ``keras.Model`` (ready for further training if
    ``compiled``). ``*.weights.h5`` gives ``into`` with these weights. A folder is a SavedModel, or holds numbered
    versions of one, of which the highest is taken; it gives the endpoint ``serve``.

    Raises NotLoadable, with one line as its message, if the file is missing, cut off or of another kind, if its hash
    is not ``sha256``, if it has changed since its ``checksums.json`` was written, or if Keras cannot load it in safe
    mode, which is never switched off. A SavedModel is a program: load only those that you trust.
    """
    if path.name.endswith(".keras"):
        return _load_keras(path, sha256, compiled)
    if path.name.endswith(".weights.h5"):
        if into is None:
            raise NotLoadable(f"{path} holds weights only: they need the model that they belong to")
        return _load_weights(path, sha256, into)
    if path.suffix and not path.is_dir():
        raise NotLoadable(f"{path} is not named like a model: .keras, .weights.h5, or the folder of a SavedModel")
    return _load_saved_model(_version(path), sha256)


def _load_keras(path: Path, sha256: str | None, compiled: bool) -> Callable[..., Any]:
    require_keras(path)
    checksums.verify(path, sha256)
    import keras

    import_all()  # a model may have layers of a plug-in's
    try:
        with _in_one_line(path):
            model: Callable[..., Any] = keras.saving.load_model(path, compile=compiled, safe_mode=True)
            return model
    except NotLoadable as refused:
        written, here = foreign.version_of(path), keras.__version__
        if written.startswith("2."):
            problem = f"{path} is of Keras {written}, which Keras {here} cannot load"
            raise NotLoadable(f"{problem}; {foreign.FROM_KERAS_2}") from refused
        if _numbers(written) > _numbers(here):
            raise NotLoadable(f"{refused}; it is of Keras {written}, newer than this {here}") from refused
        raise


def _numbers(version: str) -> list[int]:
    return [int(number) for number in re.findall(r"\d+", version)[:2]]


def _load_weights(path: Path, sha256: str | None, model: keras.Model) -> Callable[..., Any]:
    require_hdf5(path)
    checksums.verify(path, sha256)
    with _in_one_line(path):
        model.load_weights(path)
    loaded: Callable[..., Any] = model
    return loaded


def _load_saved_model(path: Path, sha256: str | None) -> Callable[..., Any]:
    require_saved_model(path)
    checksums.verify(path, sha256)
    import tensorflow as tf

    with _in_one_line(path):
        loaded = tf.saved_model.load(str(path))
    if not hasattr(loaded, "serve"):
        raise NotLoadable(f"{path} is a SavedModel without Keras' endpoint 'serve'")

    def serve(*inputs: Any, training: bool = False) -> Any:
        """Call the endpoint. The closure keeps ``loaded`` alive: its functions hold its variables only weakly."""
        return loaded.serve(*inputs)

    return serve


def _version(path: Path) -> Path:
    """Return the folder with the highest number, as TensorFlow Serving does; ``path`` itself if none is numbered."""
    versions = [found for found in path.iterdir() if found.name.isdecimal()] if path.is_dir() else []
    if path.name == SAVED_MODEL and path.is_dir() and not versions:
        raise NotLoadable(f"{path} has no numbered version in it")
    return max(versions, key=lambda found: int(found.name), default=path)


@contextmanager
def _in_one_line(path: Path) -> Iterator[None]:
    """Turn whatever a damaged file makes Keras, h5py or TensorFlow raise into a NotLoadable of one line."""
    try:
        yield
    except MemoryError:
        raise
    except Exception as error:
        raise NotLoadable(f"{path} cannot be loaded: {_reason(error)}") from error


def _reason(error: Exception) -> str:
    if unknown := UNKNOWN.search(str(error)):
        kind, name = unknown.groups()
        return (
            f"its {kind} {name!r} is none of Keras' own, and a model's file does not hold the code of others; name the "
            "Python file that registers it, plugins=[./mine.py], or build the model of Keras' own layers and functions"
        )
    return f"{type(error).__name__}: {first_line(error).partition(' Full object config:')[0]}"
