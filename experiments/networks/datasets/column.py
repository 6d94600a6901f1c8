"""What is in a column of a table, which is looked at part by part."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from experiments.experiment import Refused
from experiments.networks.datasets.table import numbers
from experiments.reporting.text import listed

if TYPE_CHECKING:
    from pandas import Series

MOST_DIFFERENT = 10_000
"""Different texts of a column are counted up to this number."""

LOOKED_AT = 1000
"""How many texts of a column are looked at for dates and commas."""

DATE = r"\d{1,4}[-/.]\d{1,2}[-/.]\d{1,4}([ T]\d{1,2}:\d{2}.*)?"
"""Texts that are written like dates, with or without a time of the day."""

COMMAS = r"[+-]?\d+(,\d+)*(\.\d*)?"
"""Numbers with a comma for the point or between thousands, and whole ones."""


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
        self._may_have_commas = True
        self._with_comma = ""

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
        if self.there < LOOKED_AT:
            self._look_at_first(texts.iloc[: LOOKED_AT - self.there])
        if len(self.different) <= MOST_DIFFERENT:
            self.different.update(map(str, texts.unique()))
        self.longest = max(self.longest, int(texts.str.len().max()))
        self.there += len(texts)

    def _look_at_first(self, texts: Series[str]) -> None:
        self._are_dates &= bool(texts.str.fullmatch(DATE).all())
        self._may_have_commas &= bool(texts.str.fullmatch(COMMAS).all())
        self._with_comma = self._with_comma or next((text for text in texts if "," in text), "")

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
    def number_with_comma(self) -> str:
        """A number that is written with a comma, if the first values all are such numbers or whole; else empty."""
        return self._with_comma if self._may_have_commas else ""

    def holds_commas(self, names: Sequence[str]) -> str:
        """Say that ``names``, this column among them, hold numbers with a comma, and how to write them."""
        number = self.number_with_comma
        return f"holds numbers with a comma in {listed(names)} ({number}): write them like 1234.5, with a point alone"

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
