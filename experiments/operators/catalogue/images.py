"""Convolutions and pooling of images, [batch, height, width, channels]."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from experiments.operators.operator import Array, Operand, Operator, Tensor, operation
from experiments.operators.size import WINDOW, Size
from experiments.runtime.tensorflow_import import import_tensorflow


def _conv2d(x: Tensor, kernel: Tensor) -> Tensor:
    return import_tensorflow().nn.conv2d(x, kernel, strides=1, padding="SAME")


def _depthwise_conv2d(x: Tensor, kernel: Tensor) -> Tensor:
    return import_tensorflow().nn.depthwise_conv2d(x, kernel, strides=[1, 1, 1, 1], padding="SAME")


def _max_pool(x: Tensor) -> Tensor:
    return import_tensorflow().nn.max_pool2d(x, ksize=WINDOW, strides=WINDOW, padding="VALID")


def _avg_pool(x: Tensor) -> Tensor:
    return import_tensorflow().nn.avg_pool2d(x, ksize=WINDOW, strides=WINDOW, padding="VALID")


def _shifted(x: Array, kernel: Array) -> Iterator[tuple[Array, Array]]:
    """Yield the images as each weight of the kernel sees them, and that weight; the output is the sum of the products.

    Images are padded with zeros; an even kernel has the larger half of the padding below and to the right.
    """
    height, width = x.shape[1:3]
    side = kernel.shape[0]
    before, after = (side - 1) // 2, side // 2
    bordered = np.pad(x, ((0, 0), (before, after), (before, after), (0, 0)))
    for row in range(side):
        for column in range(side):
            yield bordered[:, row : row + height, column : column + width], kernel[row, column]


def _conv2d_reference(x: Array, kernel: Array) -> Array:
    return np.asarray(sum(seen @ weights for seen, weights in _shifted(x, kernel)))


def _depthwise_reference(x: Array, kernel: Array) -> Array:
    return np.asarray(sum(seen * weights[:, 0] for seen, weights in _shifted(x, kernel)))


def _windows(x: Array) -> Array:
    """Return [batch, rows, columns, channels, place in the window] without the pixels that fill no whole window."""
    batch, height, width, channels = x.shape
    high, wide = height // WINDOW, width // WINDOW
    cut = x[:, : high * WINDOW, : wide * WINDOW].reshape(batch, high, WINDOW, wide, WINDOW, channels)
    return cut.transpose(0, 1, 3, 5, 2, 4).reshape(batch, high, wide, channels, WINDOW**2)


def _max_pool_reference(x: Array) -> Array:
    windows = _windows(x)
    where = windows.real.argmax(axis=-1, keepdims=True)
    return np.take_along_axis(windows, where, axis=-1)[..., 0]


def _avg_pool_reference(x: Array) -> Array:
    return np.asarray(_windows(x).mean(axis=-1))


def _flops_of_conv2d(size: Size) -> int:
    """Count a multiplication and an addition for each weight at each pixel, padding included.

    This is the usual count (V. Sze et al., Proceedings of the IEEE 105(12), 2017, section III). An implementation
    may need fewer.
    """
    return 2 * size.pixels * size.kernel**2 * size.channels**2


def _flops_of_depthwise(size: Size) -> int:
    """Count as for conv2d, each channel by itself."""
    return 2 * size.pixels * size.kernel**2 * size.channels


def _flops_of_avg_pool(size: Size) -> int:
    """Count one operation per pixel of a window: one addition fewer than it has pixels, and one division."""
    return size.batch * (size.side // WINDOW) ** 2 * size.channels * WINDOW**2


IMAGES = (
    Operator(
        name="conv2d",
        operands=lambda size: (
            Operand(size.images),
            Operand(
                (size.kernel, size.kernel, size.channels, size.channels),
                deviation=(size.kernel**2 * size.channels) ** -0.5,
            ),
        ),
        prepare=operation(_conv2d),
        reference=_conv2d_reference,
        flops=_flops_of_conv2d,
    ),
    Operator(
        name="depthwise_conv2d",
        operands=lambda size: (
            Operand(size.images),
            Operand((size.kernel, size.kernel, size.channels, 1), deviation=1 / size.kernel),
        ),
        prepare=operation(_depthwise_conv2d),
        reference=_depthwise_reference,
        flops=_flops_of_depthwise,
    ),
    Operator(
        name="max_pool",
        operands=lambda size: (Operand(size.images),),
        prepare=operation(_max_pool),
        reference=_max_pool_reference,
    ),
    Operator(
        name="avg_pool",
        operands=lambda size: (Operand(size.images),),
        prepare=operation(_avg_pool),
        reference=_avg_pool_reference,
        flops=_flops_of_avg_pool,
    ),
)
