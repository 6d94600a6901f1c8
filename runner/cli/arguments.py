"""Sorts the words of a command line into the order that Hydra wants, and into words that it reads as they are meant."""

from __future__ import annotations

import argparse
import re
import shlex
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import NoReturn

from hydra._internal.utils import get_args_parser

from experiments.validators import suggestion
from runner.config.plugins import LOADED
from runner.config.words import depth, readable
from runner.errors import UserError

SPLIT_MAP = re.compile(r"[A-Za-z_]\w*:(?!/)")
"""The begin of a value that was the inside of {name:value,name:value}."""


@dataclass(frozen=True)
class Arguments:
    """A command line: Hydra's flags and the overrides of the config."""

    flags: list[str]
    overrides: list[str]
    config_dir: Path | None
    wants_help: bool
    wants_version: bool
    multirun: bool

    @property
    def composing(self) -> list[str]:
        """The flags that the config depends on, and the plug-ins."""
        return [*(["--config-dir", str(self.config_dir)] if self.config_dir else []), *LOADED]

    @property
    def in_order(self) -> list[str]:
        """All words, flags first: Hydra refuses overrides on both sides of a flag."""
        return [*self.flags, *self.overrides]


class _Parser(argparse.ArgumentParser):
    """Raises UserError, where argparse would print its usage and exit."""

    def error(self, message: str) -> NoReturn:
        raise UserError(f"{message}; python -m runner --help tells more")


def parse(words: Sequence[str]) -> Arguments:
    """Sort the words of a command line.

    Raises UserError for a flag that does not exist, a word that the shell has split, and one that is no text.
    """
    for word in words:
        _require_text(word)
    parser = _Parser(parents=[get_args_parser()], conflict_handler="resolve", add_help=False)
    parser.add_argument("--version", action="store_true")  # instead of Hydra's, which prints the version of Hydra
    known, unknown = parser.parse_known_intermixed_args(words)
    if unknown:
        flags = re.findall(r"--[a-z-]+", parser.format_usage())
        hint = suggestion(unknown[0], flags)
        raise UserError(f"{unknown[0]}: no such flag{hint}; python -m runner --hydra-help lists the flags")
    if known.multirun and (known.cfg or known.info):
        raise UserError("--cfg and --info show one job: leave out -m, and give each key one value")
    return Arguments(
        flags=[word for word in words if word not in known.overrides],
        overrides=[] if known.version else [readable(word) for word in _whole(known.overrides)],
        config_dir=Path(known.config_dir).absolute() if known.config_dir else None,
        wants_help=known.help,
        wants_version=known.version,
        multirun=known.multirun and not known.hydra_help,
    )


def _require_text(word: str) -> None:
    """Raise UserError for a word with bytes that are no letters in the locale's encoding."""
    try:
        word.encode()
    except UnicodeEncodeError:
        encoding = sys.getfilesystemencoding()
        shown = word.encode(errors="replace").decode()
        raise UserError(f"{shown}: this is not text in {encoding}; set LC_ALL=C.UTF-8 or write it otherwise") from None


def _whole(words: Sequence[str]) -> list[str]:
    """Return the overrides. Raises UserError for one that the shell has split, since it was not in quotes."""
    for key, group in groupby(words, key=lambda word: word.partition("=")[0]):
        values = [word.partition("=")[2] for word in group]
        if len(values) > 1 and SPLIT_MAP.match(values[0]):
            _complain_of_split(f"{key}={{{','.join(values)}}}", "commas")
    for begin, word in enumerate(words):
        for end in range(begin + 2, len(words) + 1) if depth(word) > 0 else ():
            if depth(together := " ".join(words[begin:end])) == 0:
                _complain_of_split(together, "blanks")
    return list(words)


def _complain_of_split(word: str, where: str) -> NoReturn:
    key, _, value = word.partition("=")
    raise UserError(f"{key}: the shell has split {value} at its {where}; put the word in quotes: {shlex.quote(word)}")
