"""Sampling until the time of a call is known well enough."""

from __future__ import annotations

import gc
import itertools
import math
import statistics
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from time import perf_counter_ns
from typing import Any

from experiments.experiment import Refused
from experiments.measure.measurement import Measurement, Sample
from experiments.measure.sampler import Sampler
from experiments.measure.timing import Timing

SYNC_SHARE = 1000
"""A block takes at least this many times as long as waiting for an idle device."""


class AdaptiveSampler(Sampler):
    """Blocks of calls until the median is known well enough, by the steps of docs/measurement.md."""

    def __init__(self, function: Callable[..., Any], operands: Sequence[Any], timing: Timing) -> None:
        super().__init__(function, operands, timing)
        self._samples: list[Sample] = []
        self._round = 0
        self._calls = 0
        self._spent = 0.0
        self._latency = math.nan
        self._stopped = "interrupted"

    @property
    def finished(self) -> bool:
        return self._round >= self.timing.rounds

    @property
    def measurement(self) -> Measurement | None:
        if not self._samples:
            return None
        return Measurement(tuple(self._samples), self.first_call_seconds, self._latency, self._stopped)

    def visit(self) -> None:
        with _garbage_collector_off():
            if not self._calls:
                self._prepare()
            else:
                self._time(self._calls)  # other points have had the caches since
            self._take_samples(share=(self._round + 1) / self.timing.rounds)
        self._round += 1

    def _take_samples(self, share: float) -> None:
        """Samples until the given share of the whole is done: precise enough, or out of time."""
        while True:
            seconds = self._time(self._calls)
            self._samples.append(Sample(self._round, self._calls, seconds))
            self._spent += seconds
            enough = len(self._samples) >= self.timing.min_samples * share
            if enough and self._relative_half_width() <= self.timing.target:
                reached = "target"
                break
            if self._spent >= self.timing.max_seconds * share:
                reached = "time limit"
                break
        if share == 1:
            self._stopped = reached

    def _relative_half_width(self) -> float:
        measurement = self.measurement
        return measurement.relative_half_width if measurement else math.inf

    def _prepare(self) -> None:
        """First call, warm-up, the block's length, and the check that work is really done."""
        if math.isnan(self.first_call_seconds):
            self.first_call()
        self._warm_up()
        sync_seconds = statistics.median(self._time(0) for _ in range(10))
        self._calls, seconds = self._grow_block(max(self.timing.block_seconds, SYNC_SHARE * sync_seconds))
        self._require_scaling(seconds)
        self._latency = statistics.median(self._time(1) for _ in range(10)) if self._calls > 1 else seconds

    def _time(self, calls: int) -> float:
        """Seconds for ``calls`` calls and the wait for the last result."""
        function, operands, repetitions = self.function, self.operands, itertools.repeat(None, calls)
        self._synchronize()
        start = perf_counter_ns()
        for _ in repetitions:
            function(*operands)
        self._synchronize()
        return (perf_counter_ns() - start) * 1e-9

    def _warm_up(self) -> None:
        """Calls until the later half of them is as fast as the earlier one; gives up at five times the time."""
        times: list[float] = []
        spent = 0.0
        while True:
            times.append(self._time(1))
            spent += times[-1]
            if len(times) < 3 or spent < self.timing.warmup_seconds:
                continue
            half = len(times) // 2
            earlier, later = statistics.median(times[:half]), statistics.median(times[half:])
            if abs(earlier - later) <= 0.05 * later or spent >= 5 * self.timing.warmup_seconds:
                return

    def _grow_block(self, enough_seconds: float) -> tuple[int, float]:
        """The number of calls that takes ``enough_seconds``, and what it took."""
        calls = 1
        while (seconds := self._time(calls)) < enough_seconds:
            calls = math.ceil(calls * min(10.0, 1.1 * enough_seconds / seconds))
        return calls, seconds

    def _require_scaling(self, seconds: float) -> None:
        """Twice the calls must take about twice the time, or something has optimised them away."""
        shortest, twice = seconds, self._time(2 * self._calls)
        for _ in range(10):  # a busy machine looks the same: give it a chance to pass
            if twice >= 1.5 * shortest:
                return
            shortest = min(shortest, self._time(self._calls))
            twice = self._time(2 * self._calls)
        raise Refused(
            f"{2 * self._calls} calls took only {twice / shortest:.2f} times as long as {self._calls}: "
            "the work is not done at each call"
        )


@contextmanager
def _garbage_collector_off() -> Iterator[None]:
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()
