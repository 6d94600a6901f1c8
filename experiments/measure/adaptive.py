"""Sampling a call until its time is known precisely enough."""

from __future__ import annotations

import itertools
import math
import statistics
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from time import perf_counter_ns
from typing import Any

from experiments.experiment import Refused
from experiments.measure.measurement import Measurement, Sample
from experiments.measure.sampler import Sampler, garbage_collector_off
from experiments.measure.timing import Timing
from experiments.runtime import alternation


@dataclass(frozen=True)
class BlockPlan:
    """What the blocks of a process are like: how long each is at least, and how many there are if there is time."""

    share: float
    """Of the time that is set for a block."""
    sync_share: float
    """Of the time that it takes to synchronize with an idle device."""
    fewest: int


ALONE = BlockPlan(share=1, sync_share=1000, fewest=0)
IN_ALTERNATION = BlockPlan(share=0.5, sync_share=100, fewest=24)
"""Each makes pairs with those of other processes. The noise of a block hardly grows where it is shorter, and there are
more pairs. The wait for the device is in the times of all of them."""


class AdaptiveSampler(Sampler):
    """Times blocks of calls until the median is precise enough, by the steps of docs/measurement.md."""

    def __init__(self, function: Callable[..., Any], operands: Sequence[Any], timing: Timing) -> None:
        super().__init__(function, operands, timing)
        self._plan = IN_ALTERNATION if alternation.present().has_company else ALONE
        self._samples: list[Sample] = []
        self._round = 0
        self._calls = self._calls_before = 0
        """The calls of a block, here and in the process before; 0 where there is none."""
        self._spent = 0.0
        self._latency = math.nan
        self._stopped = "interrupted"

    def go_on_from(self, before: Sequence[Measurement]) -> None:
        super().go_on_from(before)
        if before:
            self._calls_before = before[-1].samples[-1].calls

    @property
    def finished(self) -> bool:
        return self._round >= self.timing.rounds

    @property
    def measurement(self) -> Measurement | None:
        if not self._samples:
            return None
        return Measurement(tuple(self._samples), self.first_call_seconds, self._latency, self._stopped)

    def visit(self) -> None:
        with garbage_collector_off():
            for _ in self.blocks():
                pass

    def blocks(self) -> Iterator[None]:
        if not self._calls:
            self._prepare()
        elif self._plan is ALONE:
            self._time(self._calls)  # untimed: the points in between have used the caches
        first = len(self._samples)
        self.watch.begin()
        yield from self._take_samples(share=(self._round + 1) / self.timing.rounds)
        self.watch.end(sum(sample.calls for sample in self._samples[first:]))
        self._round += 1

    def _take_samples(self, share: float) -> Iterator[None]:
        """Sample until the median is precise enough or this round's share of the time is used up."""
        fewest = max(self.timing.min_samples, self._plan.fewest) * share
        while True:
            yield
            if (cycle := alternation.present().cycle) is not None:
                self._time(1)  # untimed: the others have used the caches
            seconds = self._time(self._calls)
            self._samples.append(Sample(self._round, self._calls, seconds, cycle=cycle))
            self._spent += seconds
            self.watch.look_between_blocks()
            if len(self._samples) >= fewest and self._relative_half_width() <= self.target:
                reached = "target"
                break
            if self._spent >= self.timing.max_seconds * share:
                reached = "time limit"
                break
        if share == 1:
            self._stopped = reached

    def _relative_half_width(self) -> float:
        """Return how well this process's own median is known: the half width of its interval, relative.

        A few samples have no interval. One process of several may stop at those that agree: its median is hardly off by
        more than half of their range, and if it is, the spread between processes shows it. Not so in alternation, where
        that spread is not looked at.
        """
        measurement = self.measurement
        if not measurement:
            return math.inf
        is_all_there_is = self.timing.processes_needed == 1 or self._plan is IN_ALTERNATION
        if is_all_there_is or measurement.has_interval:
            return measurement.relative_half_width
        times = measurement.per_call
        return float(times[-1] - times[0]) / 2 / measurement.median if len(times) > 1 else math.inf

    def _prepare(self) -> None:
        """Make the first call and warm up. The first process chooses the block's length and checks that calls work."""
        if math.isnan(self.first_call_seconds):
            self.first_call()
        self._warm_up()
        if self._calls_before:
            self._calls = self._calls_before
            seconds = self._time(self._calls)
        else:
            self._calls, seconds = self._grow_block(self._enough_seconds())
            self._require_scaling(seconds)
        self._latency = statistics.median(self._time(1) for _ in range(10)) if self._calls > 1 else seconds

    def _time(self, calls: int) -> float:
        """Return the seconds that ``calls`` calls take, including the wait for the last result."""
        function, operands, repetitions = self.function, self.operands, itertools.repeat(None, calls)
        self._synchronize()
        start = perf_counter_ns()
        for _ in repetitions:
            function(*operands)
        self._synchronize()
        return (perf_counter_ns() - start) * 1e-9

    def _warm_up(self) -> None:
        """Call until the later half of the calls is as fast as the earlier one, for at most five times the set time.

        Three calls are made however long they take.
        """
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

    def _enough_seconds(self) -> float:
        """Return the least length of a block, in seconds."""
        sync_seconds = statistics.median(self._time(0) for _ in range(10))
        return max(self._plan.share * self.timing.block_seconds, self._plan.sync_share * sync_seconds)

    def _grow_block(self, enough_seconds: float) -> tuple[int, float]:
        """Return a number of calls that takes at least ``enough_seconds``, and the seconds that it took."""
        calls = 1
        while (seconds := self._time(calls)) < enough_seconds:
            calls = math.ceil(calls * min(10.0, 1.1 * enough_seconds / seconds))
        return calls, seconds

    def _require_scaling(self, seconds: float) -> None:
        """Raise Refused unless twice the calls take about twice the time: else something optimises calls away."""
        shortest, twice = seconds, self._time(2 * self._calls)
        for _ in range(10):  # another process that takes the machine for a moment looks the same
            if twice >= 1.5 * shortest:
                return
            shortest = min(shortest, self._time(self._calls))
            twice = self._time(2 * self._calls)
        raise Refused(
            f"{2 * self._calls} calls took only {twice / shortest:.2f} times as long as {self._calls}: "
            "the work is not done at each call"
        )
