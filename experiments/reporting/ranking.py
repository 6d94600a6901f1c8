"""Which of several is best."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from typing import TypeVar

T = TypeVar("T")

ROUNDING = 1e-9
"""Values that differ by no more than this share are equal."""


def least(items: Iterable[T], value: Callable[[T], float]) -> list[T]:
    """Return the items with the least value: several where they tie, none where nothing has a finite value."""
    known = [(item, found) for item in items if math.isfinite(found := value(item))]
    lowest = min((found for _, found in known), default=math.nan)
    return [item for item, found in known if math.isclose(found, lowest, rel_tol=ROUNDING)]


def most(items: Iterable[T], value: Callable[[T], float]) -> list[T]:
    """Return the items with the greatest value: several where they tie, none where nothing has a finite value."""
    return least(items, lambda item: -value(item))


def ascending(value: float) -> tuple[bool, float]:
    """Return a key that sorts numbers upwards, and what is no finite number behind them."""
    return (False, value) if math.isfinite(value) else (True, 0.0)
