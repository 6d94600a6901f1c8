"""Changes of the cross-entropy that training minimises: smoothed labels, and classes with weights.

Both are part of the loss, so that every execution trains with them alike. Validation and test take the plain loss.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

WEIGHTS = ("none", "balanced")
"""The values of ``experiment.class_weights``."""


def balanced(classes: npt.NDArray[np.int64], count: int) -> npt.NDArray[np.float64]:
    """Return a weight [count] for each class, n / (count * n_class), as scikit-learn's ``balanced``.

    With them every class counts as much as any other, and the mean weight of the examples is 1. A class without
    examples gets 0.
    """
    of_class = np.bincount(classes, minlength=count)
    return np.where(of_class > 0, len(classes) / (count * np.maximum(of_class, 1)), 0.0)


def adjusted_loss(smoothing: float, weights: npt.NDArray[np.float64] | None) -> Any:
    """Return the cross-entropy of logits with smoothed labels and an example's weight by its class.

    With ``smoothing`` s the label of n classes is s / n everywhere and 1 - s more at the true class (C. Szegedy et al.,
    CVPR 2016). A batch's loss is the sum of its weighted losses, divided by the number of examples, as Keras'
    ``class_weight`` has it.
    """
    import keras
    from keras import ops

    class AdjustedCrossentropy(keras.losses.SparseCategoricalCrossentropy):  # type: ignore[misc]  # Keras has no types
        def call(self, y_true: Any, y_pred: Any) -> Any:
            losses = super().call(y_true, y_pred)
            if smoothing:
                of_all = -ops.mean(ops.log_softmax(y_pred, axis=-1), axis=-1)
                losses = (1 - smoothing) * losses + smoothing * of_all
            if weights is not None:
                classes = ops.reshape(ops.cast(y_true, "int32"), (-1,))
                losses = losses * ops.take(ops.convert_to_tensor(weights, losses.dtype), classes)
            return losses

    return AdjustedCrossentropy(from_logits=True)
