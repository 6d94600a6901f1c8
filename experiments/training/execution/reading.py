"""Examples that stay on disk: batches are read while a network computes on those before them."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from experiments.runtime.tensorflow_import import import_tensorflow

AHEAD = 4
"""Batches that are read ahead."""


def is_on_disk(x: npt.NDArray[Any]) -> bool:
    """Tell whether an array is a file that is read where it is needed."""
    return isinstance(x, np.memmap)


def batches(x: npt.NDArray[Any], y: npt.NDArray[Any], order: npt.NDArray[np.int64], size: int) -> Any:
    """Return the examples in order as a ``tf.data.Dataset`` of batches, a few of which are read ahead."""
    tf = import_tensorflow()

    def read(rows: Any) -> Any:
        read_x, read_y = tf.numpy_function(lambda rows: (x[rows], y[rows]), [rows], (x.dtype, y.dtype))
        read_x.set_shape((None, *x.shape[1:]))
        read_y.set_shape((None, *y.shape[1:]))
        return read_x, read_y

    options = tf.data.Options()
    options.threading.private_threadpool_size = 1  # one reads at a time; each thread takes memory
    return tf.data.Dataset.from_tensor_slices(order).batch(size).map(read).prefetch(AHEAD).with_options(options)
