"""What stands before a network and turns a user's examples into its inputs: once in NumPy, once as Keras' layers."""

from __future__ import annotations

import re
import warnings
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from keyword import iskeyword
from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]
Table = npt.NDArray[np.void]
"""Rows of a table [n]: a structured array, whose fields are float64 or text; NaN and "" stand for missing values."""

TENSOR_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]*")
"""The names of columns that a tensor can have, too. The keys of the model's inputs are the columns' own names."""

OUR_NAME = re.compile(r"column_\d+", re.IGNORECASE)
"""The names of tensors for columns whose own name a tensor cannot have."""


class Preprocessing(ABC):
    """The preprocessing that belongs to a model and travels in its file."""

    @abstractmethod
    def layers(self, dtype: str, network: str) -> tuple[Any, Any]:
        """Return the symbolic inputs in the user's terms, and the input of the network of that name, in ``dtype``."""


@dataclass(frozen=True)
class Resized(Preprocessing):
    """Images of any size become images of one size, as Keras' ``image_dataset_from_directory`` makes them.

    Their numbers are rounded to whole ones, as which a training keeps them.
    """

    size: tuple[int, int]
    """Height and width in pixels."""
    channels: int

    def layers(self, dtype: str, network: str) -> tuple[Any, Any]:
        """Take float32 images [n, any height, any width, channels]."""
        import keras

        raw = keras.Input((None, None, self.channels), dtype=dtype, name="images")
        # Not the layer Resizing: a model that is called without ``training`` would then drop units out behind it.
        return raw, keras.ops.round(keras.ops.image.resize(raw, self.size, interpolation="bilinear"))


@dataclass(frozen=True)
class Column:
    """One column of a table."""

    name: str
    categories: tuple[str, ...] | None
    """The texts among the training examples, each of which becomes a 1 among 0s; None for a column of numbers.

    A text that is none of them becomes 0s alone. A missing value is a category if the training examples have any.
    """
    mean: float = 0.0
    """The mean of the training examples' numbers, which takes the place of missing ones."""

    @property
    def width(self) -> int:
        """How many numbers a network sees of this column."""
        return 1 if self.categories is None else len(self.categories)

    def encoded(self, values: Array) -> Array:
        """Return the numbers [n, width] that a network sees of the values [n], in float64."""
        if self.categories is None:
            return np.where(np.isnan(values), self.mean, values)[:, None]
        known = {text: number for number, text in enumerate(self.categories)}
        codes = np.array([known.get(text, -1) for text in values.tolist()], dtype=np.int64)
        ones: Array = (codes[:, None] == np.arange(len(known))).astype(np.float64)
        return ones


@dataclass(frozen=True)
class Columns(Preprocessing):
    """A table's columns by name: gaps are filled, and categories become numbers."""

    columns: tuple[Column, ...]

    @classmethod
    def of(cls, parts: Iterable[Table]) -> Columns:
        """Learn means and categories from the training examples, which come part by part."""
        learnt: dict[str, _Learnt] = {}
        for rows in parts:
            for name in rows.dtype.names or ():
                learnt.setdefault(name, _Learnt()).add(rows[name])
        return cls(tuple(one.column(name) for name, one in learnt.items()))

    @property
    def width(self) -> int:
        """How many numbers a network sees of a row."""
        return sum(column.width for column in self.columns)

    def encoded(self, rows: Table) -> Array:
        """Return what a network sees of the rows [n]: float64 [n, width of all columns]."""
        return np.concatenate([column.encoded(rows[column.name]) for column in self.columns], axis=1)

    def layers(self, dtype: str, network: str) -> tuple[Any, Any]:
        """Take a value [n] for each column's name: numbers in ``dtype``, or text."""
        import keras

        inputs, parts = {}, []
        for column, name in zip(self.columns, self._tensor_names(network), strict=True):
            is_number = column.categories is None
            inputs[column.name] = keras.Input((), dtype=dtype if is_number else "string", name=name)
            parts.append(_layers(column, inputs[column.name], dtype))
        return inputs, keras.layers.Concatenate(dtype=dtype, name="all.columns")(parts) if len(parts) > 1 else parts[0]

    def _tensor_names(self, network: str) -> Iterator[str]:
        """Yield names for the columns that TensorFlow's graphs can have, all of them different whatever their case."""
        used = {network.lower()}
        for number, column in enumerate(self.columns):
            name = column.name
            is_taken = name.lower() in used or iskeyword(name) or OUR_NAME.fullmatch(name)
            if is_taken or not TENSOR_NAME.fullmatch(name):
                name = f"column_{number}"
            used.add(name.lower())
            yield name


class _Learnt:
    """What the training examples seen so far say about a column."""

    def __init__(self) -> None:
        self._texts: set[str] = set()
        self._is_text = False
        self._sum, self._count = 0.0, 0

    def add(self, values: Array) -> None:
        if values.dtype.kind == "U":
            self._is_text = True
            self._texts.update(map(str, np.unique(values)))
            return
        there = values[~np.isnan(values)]
        self._sum, self._count = self._sum + float(there.sum()), self._count + there.size

    def column(self, name: str) -> Column:
        if self._is_text:
            return Column(name, tuple(sorted(self._texts)))
        return Column(name, None, self._sum / self._count if self._count else 0.0)


def _layers(column: Column, given: Any, dtype: str) -> Any:
    """Return the numbers [n, width] that a network sees of a column, as a symbolic tensor."""
    import keras

    if column.categories is None:
        filled = keras.ops.where(keras.ops.not_equal(given, given), np.asarray(column.mean, dtype), given)
        return keras.ops.expand_dims(filled, -1)
    lookup = lookup_of(column.categories, output_mode="one_hot")
    return keras.ops.cast(lookup(given)[:, 1:], dtype)  # the first one stands for unknown texts


def lookup_of(texts: Sequence[str], **options: Any) -> Any:
    """Return Keras' layer between texts and their numbers, whatever the texts are."""
    import keras

    unknown = "[UNK]"
    while unknown in texts:
        unknown = f"[{unknown}]"
    return keras.layers.StringLookup(vocabulary=list(texts), oov_token=unknown, **options)


def named_columns(rows: Table) -> Mapping[str, Array]:
    """Return a structured array's fields by name: the inputs of a model that begins with :class:`Columns`."""
    return {name: rows[name] for name in rows.dtype.names or ()}


@contextmanager
def any_names() -> Iterator[None]:
    """Keep Keras from warning of inputs whose keys are not the names of their tensors."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="When providing `inputs` as a dict")
        yield
