"""Measuring many points of one kind in turns, such as the sizes of a product."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Hashable, Iterable, Iterator
from functools import cached_property
from typing import Generic, Protocol, TypeVar

from experiments.experiment import Refused
from experiments.measure import Timing, Turns, visiting_order
from experiments.reporting.text import first_line
from experiments.runtime.device import current
from experiments.runtime.memory import free_bytes
from experiments.runtime.tensorflow_import import import_tensorflow

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
        self.timing, self.seed = timing, seed
        self.not_measured: dict[Key, str] = {}
        """The reason for each key that has no point."""
        self._in_progress: dict[Key, InProgress[Point]] = {}

    @abstractmethod
    def bytes_needed(self, key: Key) -> int:
        """Return about how many bytes measuring and checking take."""

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
        """Make the operands and check the first results. Raises Refused where these are wrong or on another device."""

    def own_problems(self) -> tuple[type[Exception], ...]:
        """Return the errors for which only the point is left out. Any other error is a bug and ends the series."""
        return ()

    def visits(self) -> Iterator[tuple[Key, Point | None]]:
        """Measure. Yields after each visit the key and its point so far, None where the key is given up."""
        for key in self.order():
            if key not in self.not_measured and not self.is_complete(key):
                yield key, self._visit(key)

    def order(self) -> Iterator[Key]:
        """Yield the keys in the order of their visits."""
        return visiting_order(self.keys, self.timing.rounds, self.seed)

    def is_complete(self, key: Key) -> bool:
        return key in self._in_progress and self._in_progress[key].turns.finished

    def share_done(self, key: Key) -> float:
        """Return how far a key in progress is, from 0 to 1."""
        return 1.0 if self.is_complete(key) else self._in_progress[key].turns.rounds_done / self.timing.rounds

    def points(self) -> dict[Key, Point]:
        """Return the points so far, complete or not, by key."""
        known = {key: in_progress.point for key, in_progress in self._in_progress.items()}
        return {key: point for key, point in known.items() if point is not None}

    def give_up(self, key: Key, reason: str) -> None:
        self.not_measured[key] = reason
        self._in_progress.pop(key, None)

    def out_of_memory(self, key: Key, reason: str) -> None:
        """Give up a key that does not fit into memory, and any that cannot fit either."""
        self.give_up(key, reason)

    def _visit(self, key: Key) -> Point | None:
        try:
            if key not in self._in_progress:
                self._require_memory(key)
                self._in_progress[key] = self.begin(key)
            self._in_progress[key].turns.visit()
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

    def _require_memory(self, key: Key) -> None:
        """Raise MemoryError where the key is not likely to fit: Linux would kill the process."""
        free, needed = self.free_bytes(), self.bytes_needed(key)
        if free is not None and needed > free:
            raise MemoryError(f"about {needed / 1e9:.3g} GB are needed, {free / 1e9:.3g} GB are free")


class SizeSeries(Series[int, Point]):
    """Measures points whose keys are sizes. Once a size does not fit into memory, no larger one is tried."""

    def __init__(self, sizes: Iterable[int], timing: Timing, seed: int) -> None:
        super().__init__(sorted(sizes), timing, seed)

    def out_of_memory(self, key: int, reason: str) -> None:
        super().out_of_memory(key, reason)
        for larger in self.keys:
            if larger > key and not self.is_complete(larger):
                self.give_up(larger, f"larger than n={key}, which does not fit")
