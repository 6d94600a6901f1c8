"""Measuring many points of one kind in turns, such as the sizes of a product, in one process or several."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Hashable, Iterable, Iterator, Mapping
from dataclasses import replace
from functools import cached_property
from typing import Any, Generic, Protocol, TypeVar

from experiments.experiment import Refused
from experiments.measure import Measurement, Timing, Turns, visiting_order
from experiments.recorder import Cell
from experiments.reporting.text import first_line
from experiments.runtime import alternation
from experiments.runtime.conditions import Conditions
from experiments.runtime.device import current
from experiments.runtime.memory import PeakMemory, free_bytes, free_on_host
from experiments.runtime.nvml import card_of
from experiments.runtime.tensorflow_import import import_tensorflow
from experiments.series.processes import Before, Part, PointPart

Key = TypeVar("Key", bound=Hashable)
Point = TypeVar("Point")
Point_co = TypeVar("Point_co", covariant=True)


class InProgress(Protocol[Point_co]):
    """A point that is being measured; keeps its operands on the device."""

    @property
    def turns(self) -> Turns: ...

    @property
    def point(self) -> Point_co | None:
        """The point as far as it is measured; None until every call has a sample."""


class Series(ABC, Generic[Key, Point]):
    """Measures points, each of which has a key.

    A point that does not fit into memory, or whose result or time cannot be believed, is left out; the rest go on.
    """

    def __init__(self, keys: Iterable[Key], timing: Timing, seed: int) -> None:
        self.keys = list(dict.fromkeys(keys))
        self.processes = timing.processes_needed
        """In how many processes each point is measured."""
        self.timing, self.seed = timing.of_one_process, seed
        self.given_up: dict[Key, str] = {}
        """The reason for each key that is not measured any more."""
        self.before: Before[Key] = Before()
        """What earlier processes of this run have found."""
        self._in_progress: dict[Key, InProgress[Point]] = {}
        self._memory: dict[Key, PeakMemory] = {}

    def go_on_from(self, before: Before[Key]) -> None:
        """Add to what earlier processes of this run have found."""
        self.before = before
        self.given_up = before.not_measured

    @property
    def not_measured(self) -> dict[Key, str]:
        """The reason for each key that has no point."""
        known = set(self.before.keys)
        return {key: reason for key, reason in self.given_up.items() if key not in known}

    @abstractmethod
    def bytes_needed(self, key: Key) -> int:
        """Return about how many bytes of the device's memory measuring takes."""

    def bytes_on_host(self, key: Key) -> int:
        """Return about how many bytes of the host's memory are needed beside them, whatever the device: by checks."""
        return 0

    @property
    def most_bytes_needed(self) -> int:
        """:meth:`bytes_needed` of the point that takes most."""
        return max(map(self.bytes_needed, self.keys))

    @property
    def most_bytes_on_host(self) -> int:
        """:meth:`bytes_on_host` of the point that takes most."""
        return max(map(self.bytes_on_host, self.keys))

    def require_memory(self, key: Key, beside: int = 0) -> None:
        """Raise MemoryError where a key is not likely to fit beside so many bytes on the device: Linux would kill us.

        A GPU has a memory of its own; a CPU computes in the host's.
        """
        on_device, on_host = self.bytes_needed(key) + beside, self.bytes_on_host(key)
        if current().is_gpu:
            _require_free(on_device, self.free_bytes(), "on the GPU")
            _require_free(on_host, free_on_host(), "on the host")
        else:
            _require_free(on_device + on_host, self.free_bytes(), "")

    def free_bytes(self) -> int | None:
        """Return the free memory of the device in bytes, None where it is not known.

        A GPU is asked only once: TensorFlow keeps memory for reuse, and the driver counts that as used.
        """
        return self._free_at_first if current().is_gpu else free_bytes(current())

    @cached_property
    def _free_at_first(self) -> int | None:
        return free_bytes(current())

    @abstractmethod
    def begin(self, key: Key) -> InProgress[Point]:
        """Make the operands and check the first results, unless they are :meth:`checked`.

        Raises Refused where these are wrong or on another device.
        """

    def checked(self, key: Key) -> Mapping[str, Any]:
        """Return the facts of a key whose first results an earlier process of this run has checked; else none.

        Each process makes the same operands and the same calls, so that one check is enough: it may take longer than
        the measurement.
        """
        return self.before.facts(key) if key in self.before.keys else {}

    @abstractmethod
    def facts(self, point: Point) -> Mapping[str, Cell]:
        """Return what is known of a point beside its key and its measurements."""

    @abstractmethod
    def restored(self, key: Key, facts: Mapping[str, Any], measurements: Mapping[str, Measurement]) -> Point:
        """Return a point that earlier processes measured, from what :meth:`facts` said of it."""

    def own_problems(self) -> tuple[type[Exception], ...]:
        """Return the errors for which only the point is left out. Any other error is a bug and ends the series.

        By default those of TensorFlow's libraries: cuBLAS and cuDNN say no more where a GPU has no memory for them.
        """
        return (import_tensorflow().errors.InternalError,)

    def visits(self) -> Iterator[tuple[Key, Point | None]]:
        """Measure. Yields after each visit the key and its point so far, None where the key is given up."""
        for key in self._order_beside_others() if alternation.present().has_company else self.order():
            if key not in self.given_up and not self.is_complete(key):
                yield key, self._visit(key)

    def order(self) -> Iterator[Key]:
        """Yield the keys in the order of their visits."""
        return visiting_order(self.keys, self.timing.rounds, self.seed_of_order)

    def _order_beside_others(self) -> Iterator[Key]:
        """Yield the keys in an order that is that of all processes which measure beside this one, one by one."""
        for key in sorted(self.keys, key=alternation.present().place_of):
            yield from (key,) * self.timing.rounds

    @property
    def seed_of_order(self) -> str:
        """The seed of the visits' order, which is another one in each process."""
        return f"{self.seed} {self.before.processes}"

    def is_complete(self, key: Key) -> bool:
        return key in self._in_progress and self._in_progress[key].turns.finished

    def share_done(self, key: Key) -> float:
        """Return how far a key in progress is in all processes together, from 0 to 1."""
        here = 1.0 if self.is_complete(key) else self._in_progress[key].turns.rounds_done / self.timing.rounds
        return (self.before.processes + here) / self.processes

    def points(self) -> dict[Key, Point]:
        """Return the points so far, complete or not, by key; those of earlier processes included."""
        known = {key: in_progress.point for key, in_progress in self._in_progress.items()}
        return self._points_before() | {key: point for key, point in known.items() if point is not None}

    def _points_before(self) -> dict[Key, Point]:
        before = self.before
        return {key: self.restored(key, before.facts(key), before.joined(key)) for key in before.keys}

    def conditions(self, key: Key) -> Conditions:
        """Return the conditions under which a key was measured, in all processes."""
        here = self._conditions_here(key) if key in self._in_progress else Conditions()
        return self.before.conditions(key) + here

    def _conditions_here(self, key: Key) -> Conditions:
        return replace(self._in_progress[key].turns.conditions, peak_bytes=self._memory[key].bytes)

    def part(self) -> Part[Key]:
        """Return what this process has found."""
        points = {
            key: PointPart(self.facts(point), own, self._conditions_here(key))
            for key, one in self._in_progress.items()
            if (point := one.point) is not None and (own := one.turns.own)
        }
        return Part(points, self.given_up)

    def give_up(self, key: Key, reason: str) -> None:
        """Measure a key no further. What earlier processes measured of it stays."""
        self.given_up[key] = reason
        self._in_progress.pop(key, None)

    def out_of_memory(self, key: Key, reason: str) -> None:
        """Give up a key that does not fit into memory, and any that cannot fit either."""
        self.give_up(key, reason)

    def _visit(self, key: Key) -> Point | None:
        try:
            if key not in self._in_progress:
                self.require_memory(key)
                self._begin(key)
            with self._memory[key].visiting():
                self._in_progress[key].turns.visit(alternation.present().place_of(key))
        except (import_tensorflow().errors.ResourceExhaustedError, MemoryError) as problem:
            self.out_of_memory(key, f"out of memory: {first_line(problem)}")
            return None
        except Refused as refused:
            self.give_up(key, str(refused))
            return None
        except self.own_problems() as problem:
            self.give_up(key, f"{type(problem).__name__}: {first_line(problem)}")
            return None
        in_progress = self._in_progress[key]
        if in_progress.turns.finished:
            in_progress.turns.free()
        return in_progress.point

    def _begin(self, key: Key) -> None:
        self._memory[key] = PeakMemory()
        with self._memory[key].making():
            self._in_progress[key] = self.begin(key)
        turns = self._in_progress[key].turns
        turns.watch(card_of(current().actual))
        turns.go_on_from(self.before.measurements(key))


class SizeSeries(Series[int, Point]):
    """Measures points whose keys are sizes. Once a size does not fit into memory, no larger one is tried."""

    def __init__(self, sizes: Iterable[int], timing: Timing, seed: int) -> None:
        super().__init__(sorted(sizes), timing, seed)

    def out_of_memory(self, key: int, reason: str) -> None:
        super().out_of_memory(key, reason)
        for larger in self.keys:
            if larger > key and not self.is_complete(larger):
                self.give_up(larger, f"larger than n={key}, which does not fit")


def _require_free(needed: int, free: int | None, where: str) -> None:
    if free is not None and needed > free:
        needed_there = " ".join(filter(None, (f"about {needed / 1e9:.3g} GB are needed", where)))
        raise MemoryError(f"{needed_there}, {free / 1e9:.3g} GB are free")
