"""How far the outputs of a reloaded model may be from the original's, by the numbers that are multiplied here."""

from __future__ import annotations

from experiments.runtime.device import current
from experiments.runtime.modes import SIGNIFICAND_BITS, TF32_SIGNIFICAND_BITS, tf32_in_use
from experiments.training.answer import ROUNDING

ROUNDINGS = 8
"""Unit roundoffs of short numbers that outputs may differ by, relative to the largest output."""


def accepted_rounding(precision: str) -> float:
    """Return the accepted difference, relative to the largest output.

    On a CPU it is :data:`ROUNDING`, whatever the precision: a fresh process computes as this one does. On a GPU each
    process of cuDNN times its algorithms for a convolution and takes the fastest. They add in different orders, and
    where TensorFloat-32 is allowed some round the operands to it and others do not. So two processes may differ by
    roundings of short numbers, one or two in each layer.
    """
    return max(ROUNDING, ROUNDINGS * 2.0 ** -_significand_bits(precision)) if current().is_gpu else ROUNDING


def _significand_bits(precision: str) -> int:
    if precision == "float32" and tf32_in_use():
        return TF32_SIGNIFICAND_BITS
    return SIGNIFICAND_BITS[precision.removeprefix("mixed_")]
