"""What is in a column of a table, which is looked at part by part."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from experiments.experiment import Refused
from experiments.networks.datasets.table import numbers

if TYPE_CHECKING:
    from pandas import Series

MOST_DIFFERENT = 10_000
"""Different texts of a column are counted up to this number."""

LOOKED_AT = 1000
"""How many texts of a column are looked at for dates."""

DATE = r"\d{1,4}[-/.]\d{1,2}[-/.]\d{1,4}([ T]\d{1,2}:\d{2}.*)?"
"""Texts that are written like dates, with or without a time of the day."""


class Seen:
    """What has been seen of a column."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.gaps, self.there = 0, 0
        """Cells without a value, and with one."""
        self.first = ""
        """The first value."""
        self.longest = 1
        """The most letters of a text."""
        self.different: set[str] = set()
        """The texts; not all of them where they are more than :data:`MOST_DIFFERENT`."""
        self.odd: tuple[int, str] | None = None
        """The first value that is no finite number, after the number of its row."""
        self._are_numbers, self._are_dates = True, True

    def add(self, cells: Series[str]) -> None:
        """Look at further cells, whose index has the numbers of their rows from 0."""
        texts = cells.dropna()
        self.gaps += len(cells) - len(texts)
        if not len(texts):
            return
        if not self.there:
            self.first = str(texts.iloc[0])
        if self._are_numbers:
            self._look_for_numbers(texts)
        if self._are_dates and self.there < LOOKED_AT:
            self._are_dates = bool(texts.iloc[: LOOKED_AT - self.there].str.fullmatch(DATE).all())
        if len(self.different) <= MOST_DIFFERENT:
            self.different.update(map(str, texts.unique()))
        self.longest = max(self.longest, int(texts.str.len().max()))
        self.there += len(texts)

    def _look_for_numbers(self, texts: Series[str]) -> None:
        values = numbers(texts)
        finite = np.isfinite(values)
        if self.odd is None and not finite.all():
            place = int(np.argmin(finite))
            self.odd = int(texts.index[place]), str(texts.iloc[place])
        self._are_numbers = not np.isnan(values).any()

    @property
    def are_numbers(self) -> bool:
        """Whether there are values, and all of them are numbers."""
        return self._are_numbers and self.there > 0

    @property
    def are_dates(self) -> bool:
        """Whether there are values, and the first of them are all written like dates."""
        return self._are_dates and self.there > 0

    @property
    def count(self) -> str:
        """How many different texts there are, in words."""
        is_more = len(self.different) > MOST_DIFFERENT
        return f"more than {MOST_DIFFERENT:,}" if is_more else f"{len(self.different):,}"

    def require_numbers(self) -> None:
        """Raise Refused unless all values are finite numbers."""
        if self.odd:
            row, text = self.odd
            raise Refused(f"holds {text!r} in the column {self.name!r} of numbers, in row {row + 1} below the header")
