"""What a model says, without training it."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from experiments.runtime.tensorflow_import import import_tensorflow
from experiments.training.execution.execution import is_classification


class Evaluation:
    """Loss and accuracy of a model on fixed examples, which lie on the device. Keep it: it is traced only once."""

    def __init__(self, model: Any, loss: Any, x: npt.NDArray[Any], y: npt.NDArray[Any], batch_size: int) -> None:
        tf = import_tensorflow()
        self._x, self._y = tf.constant(x), tf.constant(y)
        self._size = batch_size
        self._classifies = is_classification(loss)
        self._targets = y.size
        self._over = tf.function(_summed(model, loss), autograph=False)

    def __call__(self) -> tuple[float, float | None]:
        """Mean loss over the examples, the model's own losses included as in Keras, and the share of right classes."""
        total, right = self._over(self._x, self._y, self._size)
        return float(total) / len(self._x), int(right) / self._targets if self._classifies else None


def evaluate(
    model: Any, loss: Any, x: npt.NDArray[Any], y: npt.NDArray[Any], batch_size: int
) -> tuple[float, float | None]:
    """Loss and accuracy once; for more than once make an :class:`Evaluation`."""
    return Evaluation(model, loss, x, y, batch_size)()


def predict(model: Any, x: npt.NDArray[Any], batch_size: int) -> npt.NDArray[Any]:
    """The model's outputs for all rows of ``x``, computed ``batch_size`` at a time."""
    tf = import_tensorflow()
    outputs = tf.function(lambda batch: model(batch, training=False), autograph=False, reduce_retracing=True)
    starts = range(0, len(x), batch_size)
    return np.concatenate([outputs(tf.constant(x[start : start + batch_size])).numpy() for start in starts])


def _summed(model: Any, loss: Any) -> Any:
    """A function of (x, y, batch size): sum of the loss over the examples, and the number of right classes."""
    tf = import_tensorflow()

    def one(x: Any, y: Any) -> tuple[Any, Any]:
        outputs = model(x, training=False)
        return weighted_loss(tf, total_loss(model, loss, y, outputs), x), right_classes(tf, loss, y, outputs)

    def over(x: Any, y: Any, size: int) -> Any:
        def add(step: Any, total: Any, right: Any) -> Any:
            batch = slice(step * size, (step + 1) * size)
            loss_sum, right_count = one(x[batch], y[batch])
            return step + 1, total + loss_sum, right + right_count

        steps = -(-x.shape[0] // size)
        begin = (tf.constant(0), tf.zeros([], tf.float64), tf.zeros([], tf.int64))
        return tf.while_loop(lambda step, *_: step < steps, add, begin, parallel_iterations=1)[1:]

    return over


def total_loss(model: Any, loss: Any, y: Any, outputs: Any) -> Any:
    """The batch's loss and the model's own losses (regularisation, ``add_loss``): what Keras minimises."""
    import keras

    own = [keras.ops.sum(keras.ops.cast(term, "float32")) for term in model.losses]
    return sum(own, loss(y, outputs))


def weighted_loss(tf: Any, loss: Any, x: Any) -> Any:
    """A batch's mean loss times its examples: so the mean over an epoch is one over examples, not over batches."""
    return tf.cast(loss, tf.float64) * tf.cast(tf.shape(x)[0], tf.float64)


def right_classes(tf: Any, loss: Any, y: Any, outputs: Any) -> Any:
    """How many classes are right, an int64; 0 for a regression."""
    if not is_classification(loss):
        return tf.zeros([], tf.int64)
    return tf.math.count_nonzero(tf.argmax(outputs, -1, y.dtype) == y)
