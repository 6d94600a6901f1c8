"""Evaluating a model without training it."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from experiments.runtime.tensorflow_import import import_tensorflow
from experiments.training.execution.execution import are_classes
from experiments.training.execution.reading import batches, is_on_disk


class Evaluation:
    """Loss and accuracy of a model on fixed examples. An instance is traced only once.

    The examples stay on the device, or on disk if they are there.
    """

    def __init__(self, model: Any, loss: Any, x: npt.NDArray[Any], y: npt.NDArray[Any], batch_size: int) -> None:
        tf = import_tensorflow()
        self._x: Any = x if is_on_disk(x) else tf.constant(x)
        self._y: Any = y if is_on_disk(x) else tf.constant(y)
        self._size = batch_size
        self._classifies = are_classes(y)
        self._targets = y.size
        self._over = tf.function(_summed(model, loss), autograph=False)

    def __call__(self) -> tuple[float, float | None]:
        """Return the mean loss over the examples, regularisation included, and the share of correct classes."""
        total, right = self._sums()
        return float(total) / len(self._x), int(right) / self._targets if self._classifies else None

    def _sums(self) -> tuple[Any, Any]:
        """Return the loss summed over the examples, and the number of correct classes."""
        if not is_on_disk(self._x):
            sums: tuple[Any, Any] = self._over(self._x, self._y, self._size)
            return sums
        total, right = 0.0, 0
        for x, y in batches(self._x, self._y, np.arange(len(self._x)), self._size):
            loss_sum, right_count = self._over(x, y, self._size)
            total, right = total + float(loss_sum), right + int(right_count)
        return total, right


def evaluate(
    model: Any, loss: Any, x: npt.NDArray[Any], y: npt.NDArray[Any], batch_size: int
) -> tuple[float, float | None]:
    """Return loss and accuracy once; to evaluate repeatedly, keep an :class:`Evaluation`."""
    return Evaluation(model, loss, x, y, batch_size)()


def predict(model: Any, x: npt.NDArray[Any], batch_size: int) -> npt.NDArray[Any]:
    """Return the model's outputs for all rows of ``x``, computed in batches of ``batch_size``."""
    tf = import_tensorflow()
    outputs = tf.function(lambda batch: model(batch, training=False), autograph=False, reduce_retracing=True)
    starts = range(0, len(x), batch_size)
    return np.concatenate([outputs(tf.constant(x[start : start + batch_size])).numpy() for start in starts])


def _summed(model: Any, loss: Any) -> Any:
    """Return a function of (x, y, batch size): the loss summed over the examples, and the number of correct classes."""
    tf = import_tensorflow()

    def one(x: Any, y: Any) -> tuple[Any, Any]:
        outputs = model(x, training=False)
        return weighted_loss(tf, total_loss(model, loss, y, outputs), x), right_classes(tf, y, outputs)

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
    """Return what Keras minimises: the batch's loss plus the model's own (regularisation, ``add_loss``)."""
    import keras

    value = loss(y, outputs)
    return sum((keras.ops.sum(keras.ops.cast(term, value.dtype)) for term in model.losses), value)


def weighted_loss(tf: Any, loss: Any, x: Any) -> Any:
    """Return a batch's mean loss times its size, a float64: sums of it average over examples, not over batches."""
    return tf.cast(loss, tf.float64) * tf.cast(tf.shape(x)[0], tf.float64)


def right_classes(tf: Any, y: Any, outputs: Any) -> Any:
    """Return the number of correct classes, an int64; 0 for a regression."""
    if not y.dtype.is_integer:
        return tf.zeros([], tf.int64)
    return tf.math.count_nonzero(tf.argmax(outputs, -1, y.dtype) == y)
