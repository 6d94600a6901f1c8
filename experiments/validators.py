"""Checks of single config fields, with messages that tell a user what to change."""

from __future__ import annotations

import difflib
import math
from collections.abc import Collection


class InvalidField(ValueError):
    """A field holds a value that cannot be used.

    ``owner`` is the dataclass instance and ``field`` the name of its field; whoever composed the config knows the
    key that they stand for.
    """

    def __init__(self, owner: object, field: str, problem: str) -> None:
        super().__init__(problem)
        self.owner = type(owner)
        self.field = field


def nearest(word: str, choices: Collection[str]) -> str | None:
    """The choice most like ``word``; None where none is like it."""
    return next(iter(difflib.get_close_matches(word, choices, n=1)), None)


def suggestion(word: str, choices: Collection[str]) -> str:
    """The hint `` (did you mean X?)``, or an empty text where no choice is like ``word``."""
    close = nearest(word, choices)
    return f" (did you mean {close}?)" if close else ""


def require_choice(owner: object, field: str, choices: Collection[str]) -> None:
    """Raises InvalidField unless the field is one of ``choices``."""
    value = getattr(owner, field)
    if value not in choices:
        hint = suggestion(str(value), choices)
        raise InvalidField(owner, field, f"{value!r} is not one of {', '.join(choices)}{hint}")


def require_choices(owner: object, field: str, choices: Collection[str]) -> None:
    """Raises InvalidField unless the field is a list of different ones of ``choices``; it may be empty."""
    values: list[str] = getattr(owner, field)
    for number, value in enumerate(values):
        if value not in choices:
            raise InvalidField(
                owner, field, f"{value!r} is not one of {', '.join(choices)}{suggestion(str(value), choices)}"
            )
        if value in values[:number]:
            raise InvalidField(owner, field, f"{value!r} is named twice")


def require_at_least(owner: object, field: str, minimum: float) -> None:
    """Raises InvalidField unless the field is a number of at least ``minimum``, or None."""
    value = getattr(owner, field)
    if value is not None and not minimum <= value < float("inf"):  # NaN fails as well
        raise InvalidField(owner, field, f"{value} is not a number of at least {minimum:g}")


def require_between(owner: object, field: str, minimum: float, maximum: float) -> None:
    """Raises InvalidField unless the field is a number in this range, its ends included, or None."""
    value = getattr(owner, field)
    if value is not None and not minimum <= value <= maximum:
        raise InvalidField(owner, field, f"{value} is not a number from {minimum:g} to {maximum:g}")


def require_seed(owner: object) -> None:
    """Raises InvalidField unless the field ``seed`` is a whole number from 0 to 2^31 - 1."""
    seed = getattr(owner, "seed")  # noqa: B009  # of any dataclass that has one
    if not 0 <= seed < 2**31:
        raise InvalidField(owner, "seed", f"{seed} is not a seed; seeds are whole numbers from 0 to 2^31 - 1")


def require_positive(owner: object, field: str) -> None:
    """Raises InvalidField unless the field is a finite number above 0, or None."""
    value = getattr(owner, field)
    if value is not None and not 0 < value < math.inf:  # NaN fails as well
        raise InvalidField(owner, field, f"{value} is not a number above 0")


def require_share(owner: object, field: str) -> None:
    """Raises InvalidField unless the field is a number above 0 and below 1."""
    value = getattr(owner, field)
    if not 0 < value < 1:
        raise InvalidField(owner, field, f"{value} is not a share; shares are above 0 and below 1")


def require_rate(owner: object, field: str) -> None:
    """Raises InvalidField unless the field, such as a dropout, a momentum or a decay, is at least 0 and below 1."""
    value = getattr(owner, field)
    if not 0 <= value < 1:
        raise InvalidField(owner, field, f"{value} is not at least 0 and below 1")


def require_widths(owner: object, field: str) -> None:
    """Raises InvalidField unless the field is a list of layer widths: at least one, each at least 1."""
    widths = getattr(owner, field)
    if not widths:
        raise InvalidField(owner, field, "is empty; give at least one layer, such as [64]")
    for width in widths:
        if width < 1:
            raise InvalidField(owner, field, f"{width} is not the width of a layer; widths are at least 1")
