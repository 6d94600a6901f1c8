"""A look at a whole table: which columns hold numbers, which categories, and what no network can learn from."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from experiments.experiment import Refused
from experiments.networks.datasets.column import Seen
from experiments.networks.datasets.files import named
from experiments.networks.datasets.table import Reading, parts
from experiments.networks.datasets.target import Target
from experiments.reporting.text import listed

MOST_CATEGORIES = 100
"""A column of text with more different texts, or with more than half as many as rows, is taken for names or prose."""

NAMELESS = "Unnamed: "
"""How pandas names a column without a name: mostly the row numbers that ``DataFrame.to_csv`` writes."""


@dataclass(frozen=True)
class Survey:
    """What is in the columns of a file."""

    reading: Reading
    target: Target
    others: Mapping[str, Seen]
    """The columns beside the target that are not ignored, by name, in the file's order."""
    nameless: Sequence[int]
    """The places of columns without a name."""

    @classmethod
    def of(cls, reading: Reading, task: str) -> Survey:
        """Read the file once. Raises Refused where it is no table with the target."""
        target = Target(reading.target, task)
        others: dict[str, Seen] = {}
        for frame in parts(reading):
            for name in map(str, frame.columns):
                if name not in (reading.target, *reading.ignored):
                    others.setdefault(name, Seen(name)).add(frame[name])
            target.add(frame[reading.target])
        nameless = [place for place, name in enumerate(map(str, frame.columns)) if name.startswith(NAMELESS)]
        return cls(reading, target, others, nameless)

    @property
    def rows(self) -> int:
        """The count of all rows."""
        return self.target.there + self.target.gaps

    @property
    def taken(self) -> list[Seen]:
        """The columns to learn from: all others that have a name and a value."""
        return [seen for name, seen in self.others.items() if seen.there and not name.startswith(NAMELESS)]

    def remarks(self) -> Iterator[str]:
        """Yield what is left out although nobody said so, and where values are missing."""
        for place in self.nameless:
            yield f"Column {place} has no name, as row numbers have none; it is left out."
        for name, seen in self.others.items():
            if not seen.there and not name.startswith(NAMELESS):
                yield f"The column {name!r} is empty; it is left out."
        yield from self.dropped("Rows")
        if gaps := [seen.name for seen in self.taken if seen.gaps]:
            yield (
                f"Values are missing in {listed(gaps, 5)}: a missing number becomes the mean of the training "
                "examples', a missing text a category of its own."
            )

    def dropped(self, what: str) -> Iterator[str]:
        """Yield how many rows have no target, where there are such rows; ``what`` names them."""
        if missing := self.target.gaps:
            yield f"{what} without a {self.target.name!r} are left out: {missing:,} of {self.rows:,}."

    def numeric(self) -> list[str]:
        """Return which columns hold numbers: those that were given as such, and those in which all texts are.

        Raises Refused for a column that holds dates or prose, or infinity, or numbers with a comma, or texts
        where numbers were announced.
        """
        found, dates, commas, prose = [], [], [], []
        for seen in self.taken:
            is_category = seen.name in self.reading.categorical
            if seen.name in self.reading.numeric or (not is_category and seen.are_numbers):
                seen.require_numbers()
                found.append(seen.name)
            elif not is_category and seen.are_dates:
                dates.append(seen)
            elif not is_category and seen.number_with_comma:
                commas.append(seen)
            elif not is_category and len(seen.different) > min(MOST_CATEGORIES, self.rows / 2):
                prose.append(seen)
        if dates:
            raise Refused(
                f"holds dates in {listed([seen.name for seen in dates])} ({dates[0].first}), which are not supported: "
                f"put numbers such as year and month in their place, or say {_ignoring([*dates, *prose])}"
            )
        if commas:
            names = [seen.name for seen in commas]
            raise Refused(
                f"{commas[0].holds_commas(names)}, or say experiment.dataset.categorical=[{','.join(names)}] "
                "if they are names"
            )
        if prose:
            raise Refused(
                f"holds names or prose in {listed([seen.name for seen in prose])} ({prose[0].count} different texts in "
                f"{self.rows:,} rows of {prose[0].name}), which are no categories: say {_ignoring(prose)}, "
                "or categorical= if they are"
            )
        return found

    def require_learnable(self) -> None:
        """Raise Refused unless there is something to predict, and something to learn it from."""
        with named(self.reading.path):
            self.numeric()
            if not self.taken:
                raise Refused("has no column to learn from beside the target")
            self.target.require_something_to_predict()

    def require_as_in(self, first: Survey) -> None:
        """Raise Refused unless the file has the columns of ``first``, with numbers where those are numbers.

        It has to have targets, too, and those of a classification have to be classes that ``first`` has.
        """
        with named(self.reading.path):
            for seen in first.taken:
                if seen.name not in self.others:
                    raise Refused(f"has no column {seen.name!r}, which {first.reading.path} has")
            for name in first.numeric():
                self.others[name].require_numbers()
            if not self.target.there:
                raise Refused(f"has no value of the column {self.target.name!r}: there is nothing to test with")
            if first.target.task == "regression":
                self.target.require_numbers()
            self.target.labels(first.target)

    def dtype_of(self, columns: Sequence[str], numeric: Sequence[str]) -> np.dtype[np.void]:
        """Return the dtype of the file's rows as a structured array."""
        return np.dtype([(name, "f8" if name in numeric else f"U{self.others[name].longest}") for name in columns])


def _ignoring(columns: Sequence[Seen]) -> str:
    return f"experiment.dataset.ignored=[{','.join(seen.name for seen in columns)}]"
