"""The column of a table that is to be predicted."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, cast

import numpy as np
import numpy.typing as npt

from experiments.experiment import Refused
from experiments.networks.data import Task
from experiments.networks.datasets.column import MOST_DIFFERENT, Seen
from experiments.networks.datasets.splitting import Array
from experiments.networks.datasets.table import numbers

if TYPE_CHECKING:
    from pandas import Series

TASKS = ("auto", "classification", "regression")

MOST_CLASSES = 20
"""A target of whole numbers is taken for classes up to this many different ones."""

WHOLE = r"[+-]?\d+(\.0*)?"
"""Texts that are whole numbers."""


class Target(Seen):
    """What has been seen of the target, with the label of each row that has one."""

    def __init__(self, name: str, task: str) -> None:
        super().__init__(name)
        self._asked = task
        self._numbers: list[Array] = []
        self._codes: list[npt.NDArray[np.int64]] | None = []
        """For each row the place of its text in ``_texts``; None where texts are too many to be classes."""
        self._texts: dict[str, int] = {}

    def add(self, cells: Series[str]) -> None:
        super().add(cells)
        there = cells.dropna()
        self._numbers.append(numbers(there))
        if self._codes is None:
            return
        codes, texts = there.factorize()
        known = [self._texts.setdefault(str(text), len(self._texts)) for text in texts]
        self._codes.append(np.array(known, dtype=np.int64)[codes])
        if self._asked != "classification" and self.are_numbers and len(self._texts) > MOST_DIFFERENT:
            self._codes = None
            self._texts.clear()

    @property
    def task(self) -> Task:
        """What kind of answer the values are."""
        if self._asked != "auto":
            return cast(Task, self._asked)
        if self._codes is None:
            return "regression"
        are_classes = len(self._classes) <= MOST_CLASSES and all(re.fullmatch(WHOLE, text) for text in self._texts)
        return "classification" if are_classes or not self.are_numbers else "regression"

    def require_something_to_predict(self) -> None:
        """Raise Refused unless there are several different values, all of them finite numbers for a regression."""
        if len(self.different) < 2:
            few = "the same value in every row" if self.there else "no value"
            raise Refused(f"has {few} of the column {self.name!r}: there is nothing to predict")
        if self.task == "classification" and len(self.class_names) < 2:
            raise Refused(f"has a single class in the column {self.name!r}: there is nothing to predict")
        if self._asked != "classification" and self.number_with_comma:
            raise Refused(
                f"{self.holds_commas([self.name])}, or say experiment.dataset.task=classification if they are names"
            )
        if self.task == "regression":
            self.require_numbers()

    @property
    def class_names(self) -> tuple[str, ...]:
        """The different values, in the order of their numbers where they are numbers; empty for a regression."""
        if self.task == "regression":
            return ()
        return tuple(sorted(sorted(self._classes), key=float) if self.are_numbers else sorted(self._classes))

    @property
    def _classes(self) -> set[str]:
        return set(map(self.class_of, self._texts))

    def class_of(self, text: str) -> str:
        """Return the class that a text names: of numbers 1 and 1.0 are the same, as programs write either."""
        return text.partition(".")[0] if self.are_numbers and re.fullmatch(WHOLE, text) else text

    def labels(self, first: Target) -> Array:
        """Return class numbers [n], or a regression's targets, of the rows that have a value.

        ``first`` is the target of the training rows, which says what the classes are. Raises Refused for a value that
        is none of them.
        """
        class_names = first.class_names
        if not class_names:
            return np.concatenate(self._numbers)
        assert self._codes is not None
        places = {name: number for number, name in enumerate(class_names)}
        classes = {text: first.class_of(text) for text in self._texts}
        if unknown := sorted(text for text in self._texts if classes[text] not in places):
            raise Refused(f"has the class {unknown[0]!r}, which the training rows do not have")
        numbers_of = np.array([places[classes[text]] for text in self._texts], dtype=np.int64)
        labels: Array = numbers_of[np.concatenate(self._codes)]
        return labels

    def in_words(self) -> str:
        """Return what the values are taken for, and what to say if they are something else."""
        if self.task == "regression":
            taken, otherwise = "numbers (a regression); say", "for classes"
            return f"{self.name!r} is taken for {taken} experiment.dataset.task=classification {otherwise}."
        taken, otherwise = f"{len(self.class_names)} classes;", "would make numbers of it"
        return f"{self.name!r} is taken for {taken} experiment.dataset.task=regression {otherwise}."
