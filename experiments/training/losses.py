"""The loss that training minimises."""

from __future__ import annotations

from typing import Any

from experiments.networks.data import Task


def new_loss(task: Task, dtype: str | None = None) -> Any:
    """Return the Keras loss for the task: cross-entropy of logits, or the squared error of standardised targets.

    Targets are standardised by the training targets, so that the squared error is the share of their variance that is
    not explained. ``dtype`` is that of the loss, None for Keras' own float32.
    """
    import keras

    if task == "classification":
        return keras.losses.SparseCategoricalCrossentropy(from_logits=True, dtype=dtype)
    return keras.losses.MeanSquaredError(dtype=dtype)
