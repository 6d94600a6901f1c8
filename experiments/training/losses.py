"""The loss that training minimises."""

from __future__ import annotations

from typing import Any

import numpy as np

from experiments.networks.data import Data


def new_loss(data: Data) -> Any:
    """Return the Keras loss for the task: cross-entropy of logits, or the squared error over the targets' variance.

    Divided by the variance of the training targets, the squared error is the unexplained share (1 - R²), and the size
    of the gradients does not depend on the targets' unit, which is the unit of the model's outputs.
    """
    import keras

    if data.task == "classification":
        return keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    scale = 1 / (float(np.var(data.train.y)) or 1.0)

    class ShareOfVariance(keras.losses.Loss):  # type: ignore[misc]  # Keras has no types
        def call(self, y_true: Any, y_pred: Any) -> Any:
            return scale * keras.losses.mean_squared_error(keras.ops.reshape(y_true, keras.ops.shape(y_pred)), y_pred)

    return ShareOfVariance()
