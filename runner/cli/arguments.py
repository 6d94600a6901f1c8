"""Sorts the words of a command line into the order that Hydra wants."""

from __future__ import annotations

import argparse
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

from hydra._internal.utils import get_args_parser
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.errors import HydraException

from experiments.validators import suggestion
from runner.errors import UserError

QUOTES = "'\""


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
    def in_order(self) -> list[str]:
        """All words, flags first: Hydra refuses overrides on both sides of a flag."""
        return [*self.flags, *self.overrides]


class _Parser(argparse.ArgumentParser):
    """Raises UserError, where argparse would print its usage and exit."""

    def error(self, message: str) -> NoReturn:
        raise UserError(f"{message}; python -m runner --help tells more")


def parse(words: Sequence[str]) -> Arguments:
    """Sort the words of a command line. Raises UserError for a flag that does not exist."""
    parser = _Parser(parents=[get_args_parser()], conflict_handler="resolve", add_help=False)
    parser.add_argument("--version", action="store_true")  # instead of Hydra's, which prints the version of Hydra
    known, unknown = parser.parse_known_intermixed_args(words)
    if unknown:
        flags = re.findall(r"--[a-z-]+", parser.format_usage())
        hint = suggestion(unknown[0], flags)
        raise UserError(f"{unknown[0]}: no such flag{hint}; python -m runner --hydra-help lists the flags")
    return Arguments(
        flags=[word for word in words if word not in known.overrides],
        overrides=[_readable(override) for override in known.overrides],
        config_dir=Path(known.config_dir).absolute() if known.config_dir else None,
        wants_help=known.help,
        wants_version=known.version,
        multirun=known.multirun and not (known.cfg or known.info or known.hydra_help),
    )


def _readable(override: str) -> str:
    """Quote values with round brackets, such as formulas, which Hydra would take for calls of its few functions.

    Values that Hydra can read stay as they are. Commas outside of brackets separate the values of a sweep.

    >>> _readable("experiment.expression=dot(a,b),sin(x)")
    "experiment.expression='dot(a,b)','sin(x)'"
    """
    key, equals, value = override.partition("=")
    if "(" not in value or any(quote in value for quote in QUOTES) or _is_read(override):
        return override
    return key + equals + ",".join(f"'{text}'" for text in _split(value))


def _is_read(override: str) -> bool:
    try:
        OverridesParser.create().parse_override(override)
    except HydraException:
        return False
    return True


def _split(values: str) -> list[str]:
    """Split at the commas outside of brackets."""
    depth, found = 0, [""]
    for character in values:
        depth += (character in "([{") - (character in ")]}")
        if character == "," and depth <= 0:
            found.append("")
        else:
            found[-1] += character
    return found
