"""Measuring the time of a call in TensorFlow, the same for every experiment.

>>> measure(tf.matmul, (a, b)).median       # doctest: +SKIP
4.1e-05

This package knows nothing of what it measures. It also holds the tests that decide between measurements, and between
the errors of two models (``contest.py``). docs/measurement.md explains the algorithm, and which behaviour
of TensorFlow makes each of its steps necessary.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
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
    """Return a sampler of ``function(*operands)`` in this process, which follows ``timing.method``."""
    kind = TextbookSampler if timing.is_textbook else AdaptiveSampler
    return kind(function, operands, timing.of_one_process)


def measure(function: Callable[..., Any], operands: Sequence[Any] = (), timing: Timing | None = None) -> Measurement:
    """Measure ``function(*operands)`` from its first call to its last, without interruption, in this process alone.

    Pass tensors as ``operands``: those that a function closes over may be folded into a constant.
    Raises Refused if the time does not grow with the number of calls.
    """
    sampler = new_sampler(function, operands, replace(timing or Timing(), processes=1))
    while not sampler.finished:
        sampler.visit()
    assert sampler.measurement is not None
    return sampler.measurement
