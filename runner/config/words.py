"""Reads the words of a command line as their keys want them.

Hydra decides by a value's looks what it is: 1e5 is a number even where a name is wanted, and what its grammar does not
know, such as an umlaut, is an error. Here the schema decides: each word becomes one that Hydra reads as it was meant.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from functools import cache

from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import QuotedString
from hydra.errors import HydraException

from experiments.reporting.commands import quoted
from runner.config.question import key_of
from runner.config.refused_words import require_meant
from runner.config.schema import types_of

QUOTES = "'\""
BRACKETS = {"[": "]", "{": "}", "(": ")"}

SWEEPS = ("choice", "shuffle", "sort", "tag", "range", "interval")
"""Hydra's functions whose arguments are values of the key."""

NUMBERS_ONLY = ("range", "interval")

FUNCTION = re.compile(rf"({'|'.join(SWEEPS)})\s*\((.*)\)", re.DOTALL)

WHOLE = re.compile(r"-?(0|[1-9][0-9]*)")

MOST_DIGITS = 30
"""The longest whole number that is written out."""

OF_HYDRA = {
    str: re.compile(
        r"hydra\.sweeper\.(study_name|storage)"
        r"|hydra\.launcher\.(partition|account|qos|constraint|nodelist|exclude|gres|name|folder|address)"
    ),
    int: re.compile(
        r"hydra\.sweeper\.(n_trials|n_jobs|seed|min_steps)"
        r"|hydra\.launcher\.(n_jobs|gpus_per_node|cpus_per_task|timeout_min|array_parallelism)"
    ),
}
"""The keys below ``hydra`` that hold text or whole numbers: they have no schema."""


TEXT_OR_LIST = re.compile(r"sweep\.(metric|direction)")
"""The keys that hold a text or a list of texts: a schema has no type for that."""


@dataclass(frozen=True)
class Wanted:
    """What a key wants: ``str``, ``int``, or None for anything else."""

    kind: type | None
    is_container: bool = False
    """Whether it wants a list of them, or names with them."""


def readable(word: str) -> str:
    """Return an override such that Hydra reads what its key wants. What Hydra reads rightly stays as it is.

    Where the key wants text, text that looks like a number is quoted. Where it wants whole numbers, 1e3 becomes 1000.
    Anywhere, values with characters that Hydra's grammar does not have are quoted. Commas outside of brackets separate
    the values of a sweep. Raises UserError for what no word can be.

    >>> readable("experiment.expression=dot(a,b),sin(x)")
    "experiment.expression='dot(a,b)','sin(x)'"
    >>> readable("experiment.registered_name=1e5"), readable("experiment.sizes=[1e3,1e4]")
    ("experiment.registered_name='1e5'", 'experiment.sizes=[1000,10000]')
    """
    require_meant(word)
    key, equals, value = word.partition("=")
    wanted, is_read = _wanted(key_of(key)), _is_read(word)
    if is_read and wanted.kind is None:
        return word
    rewritten = f"{key}{equals}{_Values(wanted, is_read).sweep(value)}"
    return rewritten if _is_read(rewritten) else word


@dataclass(frozen=True)
class _Values:
    """Rewrites the values of one key, from a sweep of them down to single words."""

    wanted: Wanted
    is_read: bool
    """Whether Hydra can read the word as it stands."""

    def sweep(self, text: str) -> str:
        return ",".join(map(self._element, _split(text)))

    def _element(self, text: str) -> str:
        bare = text.strip()
        if not bare or _end_of_quoted(bare, 0) == len(bare):
            return text
        if function := FUNCTION.fullmatch(bare):
            return self._function(function[1], function[2])
        if bare[0] in "[{" and bare[-1] == BRACKETS[bare[0]]:
            return self._container(bare)
        return self._word(bare)

    def _function(self, name: str, arguments: str) -> str:
        if name in NUMBERS_ONLY and self.wanted.kind is not int:
            return f"{name}({arguments})"
        return f"{name}({','.join(map(self._argument, _split(arguments)))})"

    def _argument(self, text: str) -> str:
        name, equals, value = text.partition("=")
        if equals and name.strip().isidentifier():
            return f"{name}={self._argument(value)}"
        element = self._element(text).strip()
        is_quoted = _end_of_quoted(element, 0) == len(element)
        return quoted(element) if is_quoted else element  # Hydra drops the outer quotes

    def _container(self, text: str) -> str:
        if self.wanted.kind is str and not self.wanted.is_container:
            return text if self.is_read else quoted(text)  # such as a formula
        part = self._pair if text[0] == "{" else self._item
        return f"{text[0]}{','.join(map(part, _split(text[1:-1])))}{text[-1]}"

    def _pair(self, text: str) -> str:
        name, colon, value = text.partition(":")
        return f"{name}{colon}{self._element(value)}"

    def _item(self, text: str) -> str:
        is_null = self.wanted.kind is str and text.strip().lower() == "null"  # a list of text has no gaps
        return quoted(text.strip()) if is_null else self._element(text)

    def _word(self, text: str) -> str:
        if self.wanted.kind is int and WHOLE.fullmatch(text):
            return text  # a long list of sizes need not be parsed one by one
        if not _is_read(f"x={text}"):
            return text if depth(text) else quoted(text)  # an open bracket is a slip
        value = _parser().parse_override(f"x={text}").value()
        if self.wanted.kind is str and isinstance(value, bool | int | float):
            return quoted(text)
        if self.wanted.kind is int and isinstance(value, float):
            return _whole(text) or text
        return text


def value_of(text: str) -> object:
    """Return what a value means, however it is written: on a command line, or as Python writes what Hydra has read.

    >>> value_of("[1,1e1]") == value_of("[1, 10.0]"), value_of("{x:1,y:2}") == value_of("{y:2.0,x:1}")
    (True, True)
    >>> value_of("1e-3") == value_of("0.001"), value_of("nan") == value_of("nan"), value_of("'a b'")
    (True, True, 'a b')
    """
    try:
        read = _parser().parse_override(f"x={text}")
    except HydraException:
        return text
    return text if read.is_sweep_override() else _plain(read.value())


def _plain(value: object) -> object:
    """Return a value as something that equals its like and can be a key."""
    if isinstance(value, list):
        return tuple(map(_plain, value))
    if isinstance(value, dict):
        return frozenset((_plain(key), _plain(one)) for key, one in value.items())
    if isinstance(value, bool | int | float) and value == value:  # NaN is no number, and equals nothing
        return value
    return value.text if isinstance(value, QuotedString) else str(value)


def _whole(number: str) -> str | None:
    """Return the digits of a whole number that is written with a point or an exponent; None if it is not whole."""
    try:
        value = Decimal(number)
    except InvalidOperation:
        return None
    is_whole = value.is_finite() and value.adjusted() < MOST_DIGITS and value == value.to_integral_value()
    return str(int(value)) if is_whole else None


def _wanted(key: str) -> Wanted:
    """Return what a key wants. A key without a dot that is no single value is a group: its choices have names."""
    kinds = types_of(key)
    if not kinds and "." not in key:
        return Wanted(str)
    if TEXT_OR_LIST.fullmatch(key):
        return Wanted(str, is_container=True)
    if dict[str, str] in types_of(key.rpartition(".")[0]):
        return Wanted(str)
    for kind in (str, int):
        containers = {list[kind], dict[str, kind]}  # type: ignore[valid-type]
        if OF_HYDRA[kind].fullmatch(key) or (kinds and kinds <= {kind, *containers}):
            return Wanted(kind, is_container=bool(kinds & containers))
    return Wanted(None)


def _is_read(word: str) -> bool:
    try:
        _parser().parse_override(word)
    except HydraException:
        return False
    return True


@cache
def _parser() -> OverridesParser:
    return OverridesParser.create()


def _split(values: str) -> list[str]:
    """Split at the commas outside of brackets and quoted parts."""
    depth, found = 0, [""]
    for part in _parts(values):
        depth += (part in BRACKETS) - (part in BRACKETS.values())
        if part == "," and depth <= 0:
            found.append("")
        else:
            found[-1] += part
    return found


def depth(text: str) -> int:
    """Return how many brackets a text opens and does not close."""
    return sum((part in BRACKETS) - (part in BRACKETS.values()) for part in _parts(text))


def _parts(text: str) -> Iterator[str]:
    """Yield quoted parts as a whole, anything else character by character. A quote within a word is an apostrophe."""
    at, is_begin = 0, True
    while at < len(text):
        end = _end_of_quoted(text, at) if is_begin else None
        part = text[at : end or at + 1]
        yield part
        is_begin = part in "[{(,:=" or (is_begin and part.isspace())
        at += len(part)


def _end_of_quoted(text: str, begin: int) -> int | None:
    """Return where the quoted part that begins at an index ends; None if none begins there or it has no end."""
    if text[begin : begin + 1] not in tuple(QUOTES):
        return None
    found = re.compile(rf"{text[begin]}(?:\\.|[^\\])*?{text[begin]}", re.DOTALL).match(text, begin)
    return found.end() if found else None
