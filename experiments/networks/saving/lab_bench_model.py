"""Loads a trained model for ``mlflow.pyfunc``; this file is copied into each MLflow model, and needs only Keras.

Keras' ``predict``, which MLflow's own loader calls, takes no arrays of text, rounds float64 to float32, and gives text
as bytes, which ``mlflow models serve`` would answer in base64.
"""

from __future__ import annotations

import importlib
import warnings
from pathlib import Path
from typing import Any

OWN_LAYERS = "own_layers"
"""The folder beside this file with Python files that register layers of the model with Keras."""

BATCH = 1024
"""Examples that are computed at a time."""


def _load_pyfunc(path: str) -> Model:
    """Load the model from the folder ``path``, as MLflow asks for it."""
    import keras

    for file in sorted(Path(__file__).with_name(OWN_LAYERS).glob("*.py")):
        importlib.import_module(f"{OWN_LAYERS}.{file.stem}")
    # The columns of a table keep their names where a tensor cannot have them.
    warnings.filterwarnings("ignore", message="When providing `inputs` as a dict")
    return Model(keras.saving.load_model(Path(path, "model.keras"), compile=False))


class Model:
    """A Keras model as MLflow calls it."""

    def __init__(self, model: Any) -> None:
        self._model = model
        self._taken: Any = getattr(model, "input", None)  # a Sequential that has been loaded has inputs, but no input
        if not isinstance(self._taken, dict):
            (self._taken,) = model.inputs

    def predict(self, data: Any, params: Any = None) -> Any:
        """Return the model's output [n, ...], or its outputs by name; text as NumPy's text.

        ``data`` is an array, a table whose columns are the model's inputs, or a dict of arrays or lists; batch first.
        Other dtypes are cast, and an image may lack its one channel. Raises ValueError for anything else.
        """
        import numpy as np

        inputs = self._inputs(data)
        count = len(next(iter(inputs.values()))) if isinstance(inputs, dict) else len(inputs)
        parts = [self._part(inputs, slice(begin, begin + BATCH)) for begin in range(0, max(count, 1), BATCH)]
        if not isinstance(parts[0], dict):
            return np.concatenate(parts)
        return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}

    def _inputs(self, data: Any) -> Any:
        """Return one array, or one for each of the model's inputs by its name."""
        if not isinstance(self._taken, dict):
            (values,) = data.values() if isinstance(data, dict) and len(data) == 1 else (data,)
            return _as_array(values, self._taken, "the input")
        if missing := [name for name in self._taken if not hasattr(data, "keys") or name not in data]:
            raise ValueError(f"the input has no {missing[0]!r}; the model takes {', '.join(map(repr, self._taken))}")
        arrays = {name: _as_array(data[name], taken, repr(name)) for name, taken in self._taken.items()}
        lengths = {name: len(array) for name, array in arrays.items()}
        if len(set(lengths.values())) > 1:
            raise ValueError(f"the inputs have different lengths: {lengths}")
        return arrays

    def _part(self, inputs: Any, rows: slice) -> Any:
        taken = (
            {name: _tensor(values[rows], self._taken[name].dtype) for name, values in inputs.items()}
            if isinstance(inputs, dict)
            else _tensor(inputs[rows], self._taken.dtype)
        )
        outputs = self._model(taken, training=False)
        if isinstance(outputs, dict):
            return {name: _array(output) for name, output in outputs.items()}
        return _array(outputs)


def _as_array(values: Any, taken: Any, what: str) -> Any:
    """Return values as an array in the dtype and shape of the symbolic input ``taken``."""
    import numpy as np

    is_text, shape = taken.dtype == "string", tuple(taken.shape)
    try:
        given = np.asarray(values)
        array = given.astype(object) if is_text else given.astype(taken.dtype)
    except (ValueError, TypeError) as error:
        raise ValueError(f"{what} cannot be made {taken.dtype}: {error}") from error
    if is_text:
        array = np.array(["" if _is_missing(text) else str(text) for text in array.ravel()], object).reshape(
            array.shape
        )
    if shape[-1:] == (1,) and array.ndim == len(shape) - 1:
        array = array[..., None]
    if array.ndim != len(shape) or any(size not in (None, own) for size, own in zip(shape, array.shape, strict=True)):
        wanted = ", ".join("n" if size is None else str(size) for size in shape)
        raise ValueError(f"{what} has the shape {list(array.shape)}, but the model takes [{wanted}]")
    return array


def _is_missing(text: Any) -> bool:
    return text is None or text != text


def _tensor(values: Any, dtype: str) -> Any:
    import keras

    return keras.ops.convert_to_tensor(values, dtype=dtype)


def _array(output: Any) -> Any:
    import numpy as np

    array = np.asarray(output)
    return np.array([text.decode() for text in array.ravel()]).reshape(array.shape) if array.dtype == object else array
