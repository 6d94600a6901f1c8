"""Keras' own training loop."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from experiments.runtime import device
from experiments.runtime.tensorflow_import import import_tensorflow
from experiments.training.execution.execution import Execution, Task
from experiments.training.execution.reading import batches, is_on_disk


class Fit(Execution):
    """Calls ``model.fit`` for one epoch at a time, on arrays that are already in order."""

    name = "fit"

    def __init__(self, task: Task) -> None:
        super().__init__(task)
        # task.model itself stays uncompiled, whatever auto has tried.
        with task.model.distribute_strategy.scope():
            self._trainer = _trainer(task.model)
            metrics = ["sparse_categorical_accuracy"] if task.classifies else None
            # On any machine with a GPU Keras would compile with XLA, which draws other numbers for dropout.
            self._trainer.compile(task.optimizer, task.loss, metrics=metrics, auto_scale_loss=False, jit_compile=False)

    def _train(self, order: npt.NDArray[np.int64]) -> tuple[float, float | None]:
        with device.scope_of_libraries():
            history = self._trainer.fit(**self._examples(order), epochs=1, shuffle=False, verbose=0).history
        accuracy = history["sparse_categorical_accuracy"][0] if self.task.classifies else None
        return history["loss"][0], accuracy

    def _examples(self, order: npt.NDArray[np.int64]) -> dict[str, Any]:
        """The examples in order, as arguments of Keras' ``fit``, which would convert arrays of float64 to float32."""
        size = self.task.batch_size
        if is_on_disk(self.task.x):
            return {"x": batches(self.task.x, self.task.y, order, size)}
        x, y = self.task.x[order], self.task.y[order]
        if x.dtype != np.float64:
            return {"x": x, "y": y, "batch_size": size}
        return {"x": import_tensorflow().data.Dataset.from_tensor_slices((x, y)).batch(size)}


def _trainer(model: Any) -> Any:
    """Return a model around ``model`` with the same variables and losses."""
    import keras

    class Trainer(keras.Model):  # type: ignore[misc]  # Keras has no types
        def __init__(self) -> None:
            super().__init__(autocast=False)  # the model has its own dtypes
            self.model = model

        def call(self, inputs: Any, training: bool = False) -> Any:
            return self.model(inputs, training=training)

    return Trainer()
