"""Measuring the time of a call in TensorFlow: the one way every experiment does it.

>>> measure(tf.matmul, (a, b)).median       # doctest: +SKIP
4.1e-05

Knows nothing of what it measures. The algorithm, and what TensorFlow does behind one's back
to make each step necessary, is in docs/measurement.md.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from experiments.measure.adaptive import AdaptiveSampler
from experiments.measure.interleave import visiting_order
from experiments.measure.measurement import Measurement, Sample
from experiments.measure.sampler import Sampler
from experiments.measure.textbook import TextbookSampler
from experiments.measure.timing import Timing
from experiments.measure.turns import Turns

__all__ = ["Measurement", "Sample", "Sampler", "Timing", "Turns", "measure", "new_sampler", "visiting_order"]


def new_sampler(function: Callable[..., Any], operands: Sequence[Any], timing: Timing) -> Sampler:
    """The sampler for ``timing.method``."""
    kind = TextbookSampler if timing.method == "textbook" else AdaptiveSampler
    return kind(function, operands, timing)


def measure(function: Callable[..., Any], operands: Sequence[Any] = (), timing: Timing | None = None) -> Measurement:
    """Measures ``function(*operands)`` from its first call to the end, in one go.

    Tensors go in as ``operands``: what a function closes over may be folded into a constant.
    Raises Refused if the time does not grow with the number of calls.
    """
    sampler = new_sampler(function, operands, timing or Timing())
    while not sampler.finished:
        sampler.visit()
    assert sampler.measurement is not None
    return sampler.measurement
