"""A dataset from a user's table."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, cast

import numpy as np

from experiments.experiment import Refused
from experiments.networks.data import Data, Split, Task
from experiments.networks.datasets import table
from experiments.networks.datasets.dataset import Dataset, picked
from experiments.networks.datasets.files import digest, located, named
from experiments.networks.datasets.ready import ready
from experiments.networks.datasets.splitting import Array, split_off
from experiments.networks.datasets.table import Reading
from experiments.networks.front import Columns, Table
from experiments.validators import InvalidField, require_choice, require_share

if TYPE_CHECKING:
    from pandas import DataFrame, Series

TASKS = ("auto", "classification", "regression")

MOST_CLASSES = 20
"""A target of whole numbers is taken for classes up to this many different ones."""


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
        if len(self.separator) != 1:
            raise InvalidField(self, "separator", f"{self.separator!r} is not a single character")
        for name in {*self.numeric} & {*self.categorical} | {*self.ignored} & {*self.numeric, *self.categorical}:
            raise InvalidField(self, "ignored" if name in self.ignored else "numeric", f"{name!r} is named twice")

    def check(self) -> None:
        self._read()

    def load(self, seed: int) -> Data:
        frame, test_frame, numeric = self._read()
        names = table.taken(frame, self._reading(self.path))
        remarks = list(table.remarks(frame, self._reading(self.path)))
        frame = frame[frame[self.target].notna()]
        task = self._task(frame[self.target])
        class_names = _class_names(frame[self.target]) if task == "classification" else ()
        rows, y = table.rows_of(frame, names, numeric), _labels(frame[self.target], class_names)
        source = f"{located(self.path)}, sha256 {digest(located(self.path))}"
        if test_frame is None:
            learnt, tested = split_off(np.arange(len(y)), y, self.test_share, len(y), seed)
            test = picked(rows, y, tested)
        else:
            learnt, path = np.arange(len(y)), located(self.test_path)
            test_frame = test_frame[test_frame[self.target].notna()]
            test = Split(table.rows_of(test_frame, names, numeric), _labels(test_frame[self.target], class_names, path))
            source += f", and {path}, sha256 {digest(path)}"
        train, validation = self._training(rows, y, learnt, seed)
        front = Columns.of(train.x)
        train, validation, encoded = (_encoded(part, front) for part in (train, validation, test))
        data = Data(
            self.name, task, train, validation, encoded, class_names, is_image=False, source=source,
            front=front, test_rows=cast(Table, test.x),
        )  # fmt: skip
        data = ready(data)
        if self.task == "auto":
            remarks.append(_task_in_words(self.target, task, len(class_names)))
        return replace(data, remarks=(*remarks, *data.remarks))

    def _read(self) -> tuple[DataFrame, DataFrame | None, list[str]]:
        """Read the files; return their cells as text, and the names of the columns of numbers."""
        reading = self._reading(self.path)
        frame = table.read(reading)
        names = table.taken(frame, reading)
        with named(reading.path):
            numeric = table.numeric_columns(frame, names, reading)
            if not names:
                raise Refused("has no column to learn from beside the target")
            self._require_target(frame)
        if not self.test_path.strip():
            return frame, None, numeric
        test_reading = self._reading(self.test_path)
        test_frame = table.read(test_reading)
        with named(test_reading.path):
            if missing := [name for name in names if name not in test_frame.columns]:
                raise Refused(f"has no column {missing[0]!r}, which {self.path} has")
            for name in numeric:
                table.require_numbers(test_frame, name)
        return frame, test_frame, numeric

    def _reading(self, path: str) -> Reading:
        return Reading(located(path), self.separator, self.target, self.numeric, self.categorical, self.ignored)

    def _require_target(self, frame: DataFrame) -> None:
        target = frame[self.target].dropna()
        if target.nunique() < 2:
            raise Refused(f"has {target.nunique()} different values in the column {self.target!r}: nothing to predict")
        if self._task(target) == "regression":
            table.require_numbers(frame, self.target)

    def _task(self, target: Series[str]) -> Task:
        """Return what kind of answer the target's texts are."""
        if self.task != "auto":
            return cast(Task, self.task)
        are_classes = target.nunique() <= MOST_CLASSES and bool(target.str.fullmatch(r"[+-]?\d+(\.0*)?").all())
        return "classification" if are_classes or not table.are_numbers(target) else "regression"


def _class_names(target: Series[str]) -> tuple[str, ...]:
    """Return the different texts of the target, in the order of their numbers where they are numbers."""
    texts = sorted(map(str, target.unique()))
    return tuple(sorted(texts, key=float) if table.are_numbers(target) else texts)


def _labels(target: Series[str], class_names: tuple[str, ...], path: Path | None = None) -> Array:
    """Return class numbers, or a regression's targets. Raises Refused for a class that training does not have."""
    if not class_names:
        return table.numbers(target)
    numbers = {name: number for number, name in enumerate(class_names)}
    if unknown := sorted(set(target) - numbers.keys()):
        raise Refused(f"{path}: has the class {unknown[0]!r}, which the training rows do not have")
    labels: Array = target.map(numbers).to_numpy(dtype=np.int64)
    return labels


def _encoded(part: Split, front: Columns) -> Split:
    return Split(front.encoded(cast(Table, part.x)), part.y)


def _task_in_words(target: str, task: str, classes: int) -> str:
    if task == "regression":
        return (
            f"{target!r} is taken for numbers (a regression); say experiment.dataset.task=classification for classes."
        )
    return f"{target!r} is taken for {classes} classes; experiment.dataset.task=regression would make numbers of it."
