"""Sorts the words of a command line into the order that Hydra wants, and into words that it reads as they are meant."""

from __future__ import annotations

import re
import shlex
import sys
from argparse import Namespace
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import NoReturn

from runner.cli.flags import parse_flags
from runner.config.plugins import LOADED
from runner.config.presets import require_grids_apart
from runner.config.tracking_words import with_environment
from runner.config.words import depth, readable
from runner.errors import UserError

SPLIT_MAP = re.compile(r"[A-Za-z_]\w*:(?!/)")
"""The begin of a value that was the inside of {name:value,name:value}."""


@dataclass(frozen=True)
class Arguments:
    """A command line: Hydra's flags and the overrides of the config."""

    known: Namespace
    """The flags as Hydra's parser names them."""
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


def parse(words: Sequence[str]) -> Arguments:
    """Sort the words of a command line.

    Raises UserError for a flag that does not exist, a word that the shell has split, one that is no text, and presets
    that exclude each other.
    """
    for word in words:
        _require_text(word)
    known = parse_flags(words)
    config_dir = Path(known.config_dir).absolute() if known.config_dir else None
    overrides = [] if known.version else [readable(word) for word in with_environment(_whole(known.overrides))]
    require_grids_apart(overrides, config_dir)
    return Arguments(
        known,
        flags=[word for word in words if word not in known.overrides],
        overrides=overrides,
        config_dir=config_dir,
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
