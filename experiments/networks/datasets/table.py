"""Reading a CSV file, part by part and as often as it is needed, so that its size does not matter."""

from __future__ import annotations

import warnings
from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from experiments.experiment import Refused
from experiments.networks.datasets.files import named
from experiments.networks.preprocessing import Array, Table
from experiments.reporting.text import listed, one_line
from experiments.validators import suggestion

if TYPE_CHECKING:
    from pandas import DataFrame, Series

FIRST_ROWS, PART_BYTES = 1000, 2**25
"""How many rows are read first, and about the memory that those read at a time after them take."""


@dataclass(frozen=True)
class Reading:
    """How the columns of a file are to be taken."""

    path: Path
    separator: str
    target: str
    numeric: Collection[str]
    categorical: Collection[str]
    ignored: Collection[str]


def parts(reading: Reading) -> Iterator[DataFrame]:
    """Yield the file's cells as text, some rows at a time, missing ones as NaN; the index counts the rows from 0.

    Raises Refused where it is no table with the target.
    """
    with _refused(reading.path):  # the header first: with another separator its rows have any number of values
        _require_columns(list(map(str, _open(reading, nrows=0).columns)), reading)
        _require_different(_open(reading, header=None, nrows=1, keep_default_na=False).iloc[0].tolist())
    with _refused(reading.path):
        reader = _open(reading, iterator=True)
    rows, are_rows = FIRST_ROWS, False
    with reader:
        while (frame := _next(reader, rows, reading.path)) is not None and len(frame):
            yield frame
            are_rows = True
            rows = max(PART_BYTES * len(frame) // int(frame.memory_usage(deep=True).sum()), 1)
    if not are_rows:
        with named(reading.path):
            raise Refused("has a header, but no rows")


def _open(reading: Reading, **how: Any) -> Any:
    import pandas as pd

    return pd.read_csv(
        reading.path, sep=reading.separator, dtype=str, index_col=False, skipinitialspace=True, encoding="utf-8-sig",
        **how,
    )  # fmt: skip


def _next(reader: Any, rows: int, path: Path) -> DataFrame | None:
    """Return so many more rows, or those that are left; None after the last one."""
    with _refused(path):
        try:
            frame: DataFrame = reader.get_chunk(rows)
        except StopIteration:
            return None
    return frame


@contextmanager
def _refused(path: Path) -> Iterator[None]:
    """Raise Refused for what pandas cannot read."""
    import pandas as pd

    with named(path), warnings.catch_warnings():
        warnings.simplefilter("error", pd.errors.ParserWarning)
        try:
            yield
        except OSError as error:
            raise Refused(f"cannot be read ({error.strerror or error})") from error
        except UnicodeDecodeError as error:
            raise Refused("is not text in UTF-8; save it as CSV UTF-8") from error
        except pd.errors.ParserWarning as error:
            raise Refused("has rows with more values than its header has names") from error
        except (ValueError, MemoryError) as error:  # pandas' own errors are ValueErrors
            raise Refused(f"is not a table of comma-separated values ({one_line(error)})") from error


def _require_columns(columns: list[str], reading: Reading) -> None:
    if not all(name.replace("\t", " ").replace("\n", " ").isprintable() for name in columns):
        raise Refused("is no table of text: its header has characters that cannot be seen")
    if len(columns) == 1 and (other := next((sign for sign in ",;\t|" if sign in columns[0]), None)):
        raise Refused(f"has a single column; say experiment.dataset.separator={other!r} if that parts its columns")
    wanted = {"target": [reading.target], "numeric": reading.numeric, "categorical": reading.categorical}
    for key, names in {**wanted, "ignored": reading.ignored}.items():
        for name in names:
            if name not in columns:
                has = listed(columns, 20)
                raise Refused(
                    f"has no column {name!r} (experiment.dataset.{key}){suggestion(name, columns)}; it has {has}"
                )


def _require_different(names: Sequence[str]) -> None:
    """Raise Refused for a name that stands twice in the header: pandas would take the second for another column."""
    twice = sorted(name for name, count in Counter(filter(None, names)).items() if count > 1)
    if twice:
        raise Refused(
            f"has several columns called {listed([repr(name) for name in twice])}; give each a name of its own"
        )


def rows_of(frame: DataFrame, dtype: np.dtype[np.void]) -> Table:
    """Return the columns that ``dtype`` names as a structured array of it: text, or numbers as float64."""
    rows = np.empty(len(frame), dtype)
    for name in dtype.names or ():
        rows[name] = numbers(frame[name]) if dtype[name].kind == "f" else _texts(frame[name])
    return rows


def numbers(texts: Series[Any]) -> Array:
    """Return float64 [n]; NaN for texts that are no number and for missing ones."""
    import pandas as pd

    values: Array = pd.to_numeric(texts, errors="coerce").to_numpy(dtype=np.float64, na_value=np.nan)
    return values


def _texts(texts: Series[Any]) -> Array:
    """Return text [n]; empty for missing ones."""
    values: Array = texts.fillna("").to_numpy(dtype=str)
    return values
