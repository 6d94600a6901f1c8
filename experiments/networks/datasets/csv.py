"""A dataset from a user's table."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import ClassVar

import numpy as np

from experiments.networks.data import Data, Split
from experiments.networks.datasets.dataset import Dataset
from experiments.networks.datasets.files import digest, located
from experiments.networks.datasets.kept import Kept, fits_into_memory
from experiments.networks.datasets.ready import ready
from experiments.networks.datasets.splitting import Array, Rows, split_off
from experiments.networks.datasets.survey import Survey
from experiments.networks.datasets.table import Reading
from experiments.networks.datasets.table_rows import TableRows
from experiments.networks.datasets.target import TASKS
from experiments.validators import InvalidField, require_choice, require_share


@dataclass
class Csv(Dataset):
    """A CSV file with a header: numbers, categories and gaps, as pandas reads them."""

    name: ClassVar[str] = "csv"

    path: str = ""
    target: str = ""
    """The name of the column to predict."""
    test_path: str = ""
    """A file with the test set; if empty, it is a part of the first file."""
    task: str = "auto"
    numeric: list[str] = field(default_factory=list)
    """Columns of numbers; those that are named nowhere are recognised by their values."""
    categorical: list[str] = field(default_factory=list)
    """Columns of categories, also where they look like numbers."""
    ignored: list[str] = field(default_factory=list)
    separator: str = ","
    test_share: float = 0.2
    """The test set's share of all rows, where it has no file of its own."""
    stream: bool | None = None
    """Whether the encoded rows stay on disk and are read while the network trains; None if memory does not do."""

    def __post_init__(self) -> None:
        super().__post_init__()
        require_choice(self, "task", TASKS)
        require_share(self, "test_share")
        if self.validation_share + self.test_share >= 1:
            raise InvalidField(self, "test_share", "leaves nothing to train with, beside validation_share")
        if not self.path.strip():
            raise InvalidField(self, "path", "names no file; say experiment.dataset.path=FOLDER/FILE.csv")
        if not self.target.strip():
            raise InvalidField(self, "target", "names no column; say experiment.dataset.target=COLUMN")
        if self.separator == r"\t":  # as a shell and Hydra hand it over
            self.separator = "\t"
        if len(self.separator) != 1:
            raise InvalidField(self, "separator", f"{self.separator!r} is not a single character")
        for name in {*self.numeric} & {*self.categorical} | {*self.ignored} & {*self.numeric, *self.categorical}:
            raise InvalidField(self, "ignored" if name in self.ignored else "numeric", f"{name!r} is named twice")

    def check(self) -> None:
        self._surveys()

    def load(self, seed: int) -> Data:
        surveys = self._surveys()
        first, target = surveys[0], surveys[0].target
        labels = [survey.target.labels(target) for survey in surveys]
        y, parts = np.concatenate(labels), self._parts(labels, seed)
        names, numeric = [seen.name for seen in first.taken], first.numeric()
        dtypes = [survey.dtype_of(names, numeric) for survey in surveys]
        table = TableRows([(survey.reading, dtype) for survey, dtype in zip(surveys, dtypes, strict=True)])
        preprocessing = table.preprocessing(parts[0], len(y))
        order, tested = np.concatenate(parts), len(parts[-1])
        kept = self._kept(len(order) * preprocessing.width * 8 + tested * dtypes[-1].itemsize)
        x, test_rows = table.ordered(order, len(y), tested, preprocessing, kept)
        ends = np.cumsum([len(part) for part in parts])
        train, validation, test = (
            Split(x[end - len(part) : end], y[part]) for part, end in zip(parts, ends, strict=True)
        )
        data = Data(
            self.name, target.task, train, validation, test, target.class_names, is_image=False,
            source=_source(surveys), preprocessing=preprocessing, test_rows=test_rows,
        )  # fmt: skip
        data = ready(data, kept)
        of_test = [remark for survey in surveys[1:] for remark in survey.dropped("Rows of the test file")]
        remarks = [*first.remarks(), *of_test, *([target.in_words()] if self.task == "auto" else [])]
        return replace(data, remarks=(*remarks, *data.remarks))

    def _parts(self, labels: list[Array], seed: int) -> tuple[Rows, Rows, Rows]:
        """Return which rows are to train, to validate and to test; the labels are those of each file."""
        if len(labels) > 1:
            learnt, tested = (np.arange(len(y)) for y in labels)
            tested += len(learnt)
        else:
            (y,) = labels
            learnt, tested = split_off(np.arange(len(y)), y, self.test_share, len(y), seed)
        return *self._training_rows(labels[0], learnt, seed), tested

    def _surveys(self) -> list[Survey]:
        """Look at the files. Raises Refused where they cannot be learnt from."""
        first = Survey.of(self._reading(self.path), self.task)
        first.require_learnable()
        if not self.test_path.strip():
            return [first]
        second = Survey.of(self._reading(self.test_path), first.target.task)
        second.require_as_in(first)
        return [first, second]

    def _reading(self, path: str) -> Reading:
        return Reading(located(path), self.separator, self.target, self.numeric, self.categorical, self.ignored)

    def _kept(self, size: int) -> Kept:
        """Return the place for so many bytes of numbers and test rows."""
        streams = not fits_into_memory(size) if self.stream is None else self.stream
        return Kept(streams, "the table's numbers", "leave columns out with experiment.dataset.ignored")


def _source(surveys: list[Survey]) -> str:
    paths = [survey.reading.path for survey in surveys]
    return ", and ".join(f"{path}, sha256 {digest(path)}" for path in paths)
