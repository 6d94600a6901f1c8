"""The interface of samplers, which measure a call visit by visit."""

from __future__ import annotations

import gc
import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from time import perf_counter_ns
from typing import Any

from experiments.measure.between import spread
from experiments.measure.measurement import Measurement
from experiments.measure.timing import Timing
from experiments.runtime import alternation
from experiments.runtime.card_watch import CardWatch
from experiments.runtime.tensorflow_import import import_tensorflow


class Sampler(ABC):
    """Measures ``function(*operands)``, one round at each :meth:`visit`."""

    def __init__(self, function: Callable[..., Any], operands: Sequence[Any], timing: Timing) -> None:
        self.function = function
        self.operands = operands
        self.timing = timing
        self.target = timing.target
        """The relative half width of the interval within this process at which sampling stops."""
        self.first_call_seconds = math.nan
        self.watch = CardWatch()
        """Looks at the card between blocks, never within one."""
        self._synchronize: Callable[[], None] = import_tensorflow().test.experimental.sync_devices

    def first_call(self) -> Any:
        """Time the first call on its own and return its result, for the caller to check."""
        self._synchronize()
        start = perf_counter_ns()
        result = self.function(*self.operands)
        self._synchronize()
        self.first_call_seconds = (perf_counter_ns() - start) * 1e-9
        return result

    def go_on_from(self, before: Sequence[Measurement]) -> None:
        """Take over what earlier processes found out about the same call.

        Noise within a process that is small beside the spread between processes is not worth the time to average it,
        but where processes measure in alternation: there the spread cancels, and the noise stays.
        """
        if len(before) > 1 and not alternation.present().has_company:
            self.target = max(self.target, spread([one.median for one in before]))

    @abstractmethod
    def visit(self) -> None:
        """Sample for one round. Raises Refused if the time cannot be believed."""

    def blocks(self) -> Iterator[None]:
        """Sample for one round, too, but pause before each block. By default a round is one block."""
        yield
        self.visit()

    @property
    @abstractmethod
    def finished(self) -> bool:
        """Whether no visit is left to make."""

    @property
    @abstractmethod
    def measurement(self) -> Measurement | None:
        """The measurement so far; None before the first sample."""


@contextmanager
def garbage_collector_off() -> Iterator[None]:
    """Keep Python's garbage collector from running within this context."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()
