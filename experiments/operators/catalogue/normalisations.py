"""Normalisation as in training: by the mean and variance of the input.

Their FLOP are not counted: there is no agreed count for a root and a division.
"""

from __future__ import annotations

import numpy as np

from experiments.operators.operator import Array, Operand, Operator, layer
from experiments.operators.size import Size

EPSILON = 1e-3
"""The constant that Keras adds to the variance."""


def _normalised(x: Array, axis: int | tuple[int, ...]) -> Array:
    centred = x - x.mean(axis=axis, keepdims=True)
    return np.asarray(centred / np.sqrt((centred**2).mean(axis=axis, keepdims=True) + EPSILON))


def _scale_and_offset(length: int) -> tuple[Operand, Operand]:
    return Operand((length,), deviation=0.1, mean=1.0), Operand((length,))


def _images(size: Size) -> tuple[int, ...]:
    return size.images


def _sequences(size: Size) -> tuple[int, ...]:
    return size.sequences


NORMALISATIONS = (
    Operator(
        name="batch_norm",
        operands=lambda size: (Operand(size.images, mean=0.5), *_scale_and_offset(size.channels)),
        prepare=layer("BatchNormalization", lambda size: {"epsilon": EPSILON}, _images),
        reference=lambda x, scale, offset: scale * _normalised(x, axis=(0, 1, 2)) + offset,
    ),
    Operator(
        name="layer_norm",
        operands=lambda size: (Operand(size.sequences, mean=0.5), *_scale_and_offset(size.units)),
        prepare=layer("LayerNormalization", lambda size: {"epsilon": EPSILON}, _sequences),
        reference=lambda x, scale, offset: scale * _normalised(x, axis=-1) + offset,
    ),
)
