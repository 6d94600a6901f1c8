"""Activations, softmax and dropout of sequences, [batch, sequence, units].

Their FLOP are not counted: a comparison is no floating-point operation, and there is no agreed count for an
exponential.
"""

from __future__ import annotations

import math

import numpy as np

from experiments.experiment import Refused
from experiments.operators.operator import (
    Array,
    Operand,
    Operator,
    Tensor,
    layer,
    operation,
    real_part_is_positive,
)
from experiments.runtime.tensorflow_import import import_tensorflow

RATE = 0.5
"""The share that dropout sets to zero."""

MOST_DEVIATIONS = 6.0
"""Standard deviations by which the number of kept elements may differ from its mean; one draw in 5e8 exceeds it."""


def _relu(x: Tensor) -> Tensor:
    return import_tensorflow().nn.relu(x)


def _gelu(x: Tensor) -> Tensor:
    return import_tensorflow().nn.gelu(x)


def _softmax(x: Tensor) -> Tensor:
    return import_tensorflow().nn.softmax(x)


def _relu_reference(x: Array) -> Array:
    return np.where(real_part_is_positive(x), x, 0)


def _gelu_reference(x: Array) -> Array:
    """Return x times the normal distribution function of x (D. Hendrycks, K. Gimpel, arXiv:1606.08415, 2016)."""
    from scipy.special import erf

    return np.asarray(x * (1 + erf(x / math.sqrt(2))) / 2)


def _softmax_reference(x: Array) -> Array:
    from scipy.special import softmax

    return np.asarray(softmax(x, axis=-1))


def kept(output: Array) -> Array:
    """Return the mask of the elements that dropout has kept.

    Raises Refused where their number is too unlikely for independent draws: it is binomial with probability 1 - RATE.
    The reference checks their values.
    """
    mask = np.asarray(output != 0)
    deviation = math.sqrt(mask.size * RATE * (1 - RATE))
    if abs(mask.sum() - mask.size * (1 - RATE)) > MOST_DEVIATIONS * deviation:
        raise Refused(f"dropout kept {mask.mean():.3%} of {mask.size:,} elements, where {1 - RATE:.0%} are expected")
    return mask


ACTIVATIONS = (
    Operator(
        name="relu",
        operands=lambda size: (Operand(size.sequences),),
        prepare=operation(_relu),
        reference=_relu_reference,
    ),
    Operator(
        name="gelu",
        operands=lambda size: (Operand(size.sequences),),
        prepare=operation(_gelu),
        reference=_gelu_reference,
    ),
    Operator(
        name="softmax",
        operands=lambda size: (Operand(size.sequences),),
        prepare=operation(_softmax),
        reference=_softmax_reference,
    ),
    Operator(
        name="dropout",
        operands=lambda size: (Operand(size.sequences),),
        prepare=layer("Dropout", lambda size: {"rate": RATE, "seed": 0}, lambda size: size.sequences),
        reference=lambda x, mask: np.where(mask, x / (1 - RATE), 0),
        draw=kept,
    ),
)
