"""Reading a CSV file: which columns hold numbers, which categories, and what no network can learn from."""

from __future__ import annotations

import warnings
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from experiments.experiment import Refused
from experiments.networks.datasets.files import named
from experiments.networks.front import Array, Table
from experiments.reporting.text import listed, one_line
from experiments.validators import suggestion

if TYPE_CHECKING:
    from pandas import DataFrame, Series

MOST_CATEGORIES = 100
"""A column of text with more different texts, or with more than half as many as rows, is taken for names or prose."""

LOOKED_AT = 1000
"""How many texts of a column are looked at for dates."""

DATE = r"\d{1,4}[-/.]\d{1,2}[-/.]\d{1,4}([ T]\d{1,2}:\d{2}.*)?"
"""Texts that are written like dates, with or without a time of the day."""

NAMELESS = "Unnamed: "
"""How pandas names a column without a name: mostly the row numbers that ``DataFrame.to_csv`` writes."""


@dataclass(frozen=True)
class Reading:
    """How the columns of a file are to be taken."""

    path: Path
    separator: str
    target: str
    numeric: Collection[str]
    categorical: Collection[str]
    ignored: Collection[str]


def read(reading: Reading) -> DataFrame:
    """Return the file's cells as text, missing ones as NaN. Raises Refused where it is no table with the target."""
    import pandas as pd

    with named(reading.path):
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("error", pd.errors.ParserWarning)
                frame = pd.read_csv(
                    reading.path, sep=reading.separator, dtype=str, index_col=False, skipinitialspace=True,
                    encoding="utf-8-sig",
                )  # fmt: skip
        except OSError as error:
            raise Refused(f"cannot be read ({error.strerror or error})") from error
        except UnicodeDecodeError as error:
            raise Refused("is not text in UTF-8; save it as CSV UTF-8") from error
        except (ValueError, MemoryError, pd.errors.ParserWarning) as error:  # pandas' own errors are ValueErrors
            raise Refused(f"is not a table of comma-separated values ({one_line(error)})") from error
        _require_columns(frame, reading)
        return frame


def _require_columns(frame: DataFrame, reading: Reading) -> None:
    columns = list(map(str, frame.columns))
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
    if not len(frame):
        raise Refused("has a header, but no rows")


def taken(frame: DataFrame, reading: Reading) -> list[str]:
    """Return the columns to learn from: all that have a name and a value and are neither the target nor ignored."""
    left_out = {reading.target, *reading.ignored}
    return [
        name
        for name in map(str, frame.columns)
        if name not in left_out and not name.startswith(NAMELESS) and bool(frame[name].notna().any())
    ]


def remarks(frame: DataFrame, reading: Reading) -> Iterator[str]:
    """Yield what is left out although nobody said so, and where values are missing."""
    for name in map(str, frame.columns):
        if name.startswith(NAMELESS):
            yield f"Column {frame.columns.get_loc(name)} has no name, as row numbers have none; it is left out."
        elif name not in {reading.target, *reading.ignored} and not bool(frame[name].notna().any()):
            yield f"The column {name!r} is empty; it is left out."
    missing = int(frame[reading.target].isna().sum())
    if missing:
        yield f"Rows without a {reading.target!r} are left out: {missing:,} of {len(frame):,}."
    gaps = [name for name in taken(frame, reading) if bool(frame[name].isna().any())]
    if gaps:
        yield (
            f"Values are missing in {listed(gaps, 5)}: a missing number becomes the mean of the training examples', "
            "a missing text a category of its own."
        )


def rows_of(frame: DataFrame, names: Sequence[str], numeric: Collection[str]) -> Table:
    """Return the columns ``names`` as a structured array: those of ``numeric`` as float64, others as text."""
    columns = {name: numbers(frame[name]) if name in numeric else _texts(frame[name]) for name in names}
    rows = np.empty(len(frame), dtype=[(name, values.dtype) for name, values in columns.items()])
    for name, values in columns.items():
        rows[name] = values
    return rows


def numeric_columns(frame: DataFrame, names: Sequence[str], reading: Reading) -> list[str]:
    """Return which of the columns hold numbers: those that were given as such, and those in which all texts are.

    Raises Refused for a column that holds dates or prose, or infinity, or texts where numbers were announced.
    """
    found, dates, prose = [], [], []
    for name in names:
        texts = frame[name].dropna()
        if name in reading.numeric or (name not in reading.categorical and are_numbers(texts)):
            require_numbers(frame, name)
            found.append(name)
        elif name not in reading.categorical and _are_dates(texts):
            dates.append(name)
        elif texts.nunique() > (len(frame) if name in reading.categorical else min(MOST_CATEGORIES, len(frame) / 2)):
            prose.append(name)
    if dates:
        raise Refused(
            f"holds dates in {listed(dates)} ({frame[dates[0]].dropna().iloc[0]}), which are not supported: put "
            "numbers such as year and month in their place, or say "
            f"experiment.dataset.ignored={_as_list([*dates, *prose])}"
        )
    if prose:
        count = frame[prose[0]].nunique()
        raise Refused(
            f"holds names or prose in {listed(prose)} ({count:,} different texts in {len(frame):,} rows of "
            f"{prose[0]}), which are no categories: say experiment.dataset.ignored={_as_list(prose)}, "
            "or categorical= if they are"
        )
    return found


def require_numbers(frame: DataFrame, name: str) -> None:
    """Raise Refused unless all values of the column that are there are finite numbers."""
    texts = frame[name].dropna()
    finite = np.isfinite(numbers(texts))
    if not finite.all():
        row = int(texts.index[int(np.argmin(finite))])
        raise Refused(f"holds {texts[row]!r} in the column {name!r} of numbers, in row {row + 1} below the header")


def are_numbers(texts: Series[Any]) -> bool:
    """Tell whether all texts are numbers."""
    return bool(len(texts)) and not np.isnan(numbers(texts)).any()


def _are_dates(texts: Series[Any]) -> bool:
    sample = texts.iloc[:LOOKED_AT]
    return bool(sample.str.fullmatch(DATE).all())


def numbers(texts: Series[Any]) -> Array:
    """Return float64 [n]; NaN for texts that are no number and for missing ones."""
    import pandas as pd

    values: Array = pd.to_numeric(texts, errors="coerce").to_numpy(dtype=np.float64, na_value=np.nan)
    return values


def _texts(texts: Series[Any]) -> Array:
    """Return text [n]; empty for missing ones."""
    values: Array = texts.fillna("").to_numpy(dtype=str)
    return values


def _as_list(names: Sequence[str]) -> str:
    return f"[{','.join(names)}]"
