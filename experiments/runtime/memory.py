"""The memory that is free for operands, and the most that a point took."""

from __future__ import annotations

import math
import resource
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil

from experiments.runtime.control_groups import own_groups
from experiments.runtime.device import Placement, current, memory_grows
from experiments.runtime.nvml import card_of
from experiments.runtime.tensorflow_import import import_tensorflow

RSS_UNIT = 1 if sys.platform == "darwin" else 1024
"""Bytes in which getrusage counts."""


def free_bytes(placement: Placement) -> int | None:
    """Return the free memory of ``placement`` in bytes; None if it is unknown."""
    return _free_on_gpu(placement) if placement.is_gpu else free_on_host()


def left_bytes() -> int:
    """Return how many bytes of memory this process may still take: what is free here, or what its limit leaves."""
    limit, _ = resource.getrlimit(resource.RLIMIT_DATA)
    if limit == resource.RLIM_INFINITY:
        return free_on_host()
    return min(free_on_host(), max(limit - psutil.Process().memory_info().data, 0))


def free_on_host() -> int:
    """Return how many bytes of the host's memory are free for this process."""
    available: int = psutil.virtual_memory().available
    return min([available, *(left for group in own_groups() if (left := _left_to(group)) is not None)])


def _left_to(group: Path) -> int | None:
    """Return the bytes left to one control group; None without a limit, as the root has none."""
    try:
        limit = (group / "memory.max").read_text().strip()
        used = int((group / "memory.current").read_text())
        counts = dict(line.split() for line in (group / "memory.stat").read_text().splitlines())
    except (OSError, ValueError):
        return None
    reclaimable = int(counts.get("inactive_file", 0))
    return None if limit == "max" else max(int(limit) - used + reclaimable, 0)


def _free_on_gpu(placement: Placement) -> int | None:
    """Return the free bytes that the NVIDIA driver reports; None if it cannot be asked or TensorFlow holds them."""
    if not memory_grows():
        return None  # TensorFlow has taken all of it and does not tell how much of that is free
    card = card_of(placement.actual)
    return card.free_bytes() if card else None


class PeakMemory:
    """The most memory that one point took during its visits.

    On a GPU: what TensorFlow's allocator had given out at most, less what other points keep there between their visits.
    On a CPU: the resident set of the whole process at the end of a visit, TensorFlow and the operands of other points
    included. It is all that is known there: nobody counts what a single call takes.
    """

    def __init__(self) -> None:
        self.bytes = math.nan
        self._held = 0

    @contextmanager
    def making(self) -> Iterator[None]:
        """Enclose what makes the point's operands, which stay until its last visit."""
        before = _in_use()
        yield
        self._held = _in_use() - before

    @contextmanager
    def visiting(self) -> Iterator[None]:
        """Enclose a visit."""
        others = _in_use() - self._held
        if current().is_gpu:
            _statistics().reset_memory_stats(_device())
        yield
        now = _allocator("peak") - others if current().is_gpu else psutil.Process().memory_info().rss
        self.bytes = now if math.isnan(self.bytes) else max(self.bytes, now)


def peak_bytes() -> int:
    """Return the most memory so far: of TensorFlow's allocator on a GPU, the resident set of this process on a CPU."""
    return _allocator("peak") if current().is_gpu else resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * RSS_UNIT


def _in_use() -> int:
    return _allocator("current") if current().is_gpu else 0


def _allocator(name: str) -> int:
    return int(_statistics().get_memory_info(_device())[name])


def _device() -> str:
    return current().scope.removeprefix("/device:")


def _statistics() -> Any:
    return import_tensorflow().config.experimental
