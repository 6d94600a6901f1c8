"""Loads a trained model for ``mlflow.pyfunc``; this file is copied into each MLflow model, and needs only Keras.

Keras' ``predict``, which MLflow's own loader calls, takes no arrays of text, rounds float64 to float32, and gives text
as bytes, which ``mlflow models serve`` would answer in base64.
"""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

BATCH = 1024
"""Examples that are computed at a time."""


def _load_pyfunc(path: str) -> Model:
    """Load the model from the folder ``path``, as MLflow asks for it."""
    import keras

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

        ``data`` is an array, a table whose columns are the model's inputs, or a dict of arrays; batch first.
        """
        import numpy as np

        inputs: Any
        if isinstance(self._taken, dict):
            inputs = {name: np.asarray(data[name]) for name in self._taken}
        else:
            inputs = np.asarray(next(iter(data.values())) if isinstance(data, dict) else data)
        count = len(next(iter(inputs.values()))) if isinstance(inputs, dict) else len(inputs)
        parts = [self._part(inputs, slice(begin, begin + BATCH)) for begin in range(0, max(count, 1), BATCH)]
        if not isinstance(parts[0], dict):
            return np.concatenate(parts)
        return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}

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


def _tensor(values: Any, dtype: str) -> Any:
    import keras

    return keras.ops.convert_to_tensor(values if dtype == "string" else values.astype(dtype), dtype=dtype)


def _array(output: Any) -> Any:
    import numpy as np

    array = np.asarray(output)
    return np.array([text.decode() for text in array.ravel()]).reshape(array.shape) if array.dtype == object else array
