"""The rows of a table: read part by part, and put in order, in memory or on disk."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from experiments.networks.datasets.kept import Kept, blocks
from experiments.networks.datasets.splitting import Array, Rows
from experiments.networks.datasets.table import Reading, parts, rows_of
from experiments.networks.preprocessing import Columns, Table


@dataclass(frozen=True)
class TableRows:
    """The rows that have a target, of one file or of several with the same columns."""

    files: Sequence[tuple[Reading, np.dtype[np.void]]]
    """How each file is read, and the dtype of its rows."""

    def preprocessing(self, training: Rows, count: int) -> Columns:
        """Learn from the rows ``training`` of all ``count``."""
        is_for_training = np.zeros(count, dtype=bool)
        is_for_training[training] = True
        return Columns.of(rows[is_for_training[where]] for where, rows in self._parts())

    def ordered(self, order: Rows, count: int, tested: int, preprocessing: Columns, kept: Kept) -> tuple[Array, Table]:
        """Return the rows ``order`` of all ``count`` as a network sees them, and the last ``tested`` as they are."""
        place = np.full(count, -1)
        place[order] = np.arange(len(order))
        x = kept.room((len(order), preprocessing.width), np.float64)
        as_they_are = kept.room((tested,), self.files[-1][1])
        before = len(order) - tested
        for where, rows in self._parts():
            at = place[where]
            in_test = at >= before
            as_they_are[at[in_test] - before] = rows[in_test]
            rows, at = rows[at >= 0], at[at >= 0]
            for some in blocks(len(rows), preprocessing.width):
                x[at[some]] = preprocessing.encoded(rows[some])
        return x, as_they_are

    def _parts(self) -> Iterator[tuple[slice, Table]]:
        """Yield some rows at a time, with their places among all."""
        done = 0
        for reading, dtype in self.files:
            for frame in parts(reading):
                rows = rows_of(frame[frame[reading.target].notna()], dtype)
                yield slice(done, done + len(rows)), rows
                done += len(rows)
