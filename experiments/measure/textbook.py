"""Measuring exactly as the textbook does, to show how the result differs."""

from __future__ import annotations

import math
import timeit

from experiments.measure.measurement import Measurement, Sample
from experiments.measure.sampler import Sampler

CALLS = 10


class TextbookSampler(Sampler):
    """Warms up with ten calls, then takes the mean of ten calls, both by ``timeit``.

    It does not wait for a GPU to finish: where calls are asynchronous it times only their enqueueing, which is
    exactly what the comparison is meant to show.
    """

    _sample: Sample | None = None

    def visit(self) -> None:
        if self.finished:
            return
        if math.isnan(self.first_call_seconds):
            self.first_call()
        timeit.timeit(lambda: self.function(*self.operands), number=CALLS)
        seconds = timeit.timeit(lambda: self.function(*self.operands), number=CALLS)
        self._sample = Sample(0, CALLS, seconds)

    @property
    def finished(self) -> bool:
        return self._sample is not None

    @property
    def measurement(self) -> Measurement | None:
        if self._sample is None:
            return None
        return Measurement((self._sample,), self.first_call_seconds, math.nan, "textbook")
