"""Checks of fields that choices of datasets, models and optimizers share."""

from __future__ import annotations

import math

from experiments.fields import InvalidField


def require_positive(owner: object, field: str) -> None:
    """Raises InvalidField unless the field is a finite number above 0, or None."""
    value = getattr(owner, field)
    if value is not None and not 0 < value < math.inf:  # NaN fails as well
        raise InvalidField(owner, field, f"{value} is not a number above 0")


def require_share(owner: object, field: str) -> None:
    """Raises InvalidField unless the field is above 0 and below 1."""
    value = getattr(owner, field)
    if not 0 < value < 1:
        raise InvalidField(owner, field, f"{value} is not a share; shares are above 0 and below 1")


def require_rate(owner: object, field: str) -> None:
    """Raises InvalidField unless the field is at least 0 and below 1: a dropout, a momentum, a decay."""
    value = getattr(owner, field)
    if not 0 <= value < 1:
        raise InvalidField(owner, field, f"{value} is not at least 0 and below 1")


def require_widths(owner: object, field: str) -> None:
    """Raises InvalidField unless the field is a list of at least one width of a layer."""
    widths = getattr(owner, field)
    if not widths:
        raise InvalidField(owner, field, "is empty; give at least one layer, such as [64]")
    for width in widths:
        if width < 1:
            raise InvalidField(owner, field, f"{width} is not the width of a layer; widths are at least 1")
