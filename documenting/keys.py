"""The keys of a file of conf/, with the comments above them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from runner.config.composing import CONF
from runner.config.schema import types_of

KEY = re.compile(r"^( *)(\w+):(?: (.*?))?(?: +# .*)?$")
PACKAGE = re.compile(r"^# @package (\S+)")


@dataclass(frozen=True)
class Key:
    """A key, as the file has it."""

    name: str
    """With its full path."""
    default: str
    meaning: str

    @property
    def kind(self) -> str:
        """Its type in Python's words; empty where it takes anything."""
        return " or ".join(
            sorted(
                getattr(one, "__name__", "") if one in (int, str, bool, float) else str(one)
                for one in types_of(self.name)
            )
        )


def purpose_of(path: Path) -> str:
    """The first sentence of the comment at the file's head, which ``--help`` shows, too."""
    return next(line[1:].strip() for line in path.read_text().splitlines() if re.match(r"# (?!@package)", line))


def keys_of(path: Path) -> list[Key]:
    """Return the keys that have a value, in the file's order.

    A key without a comment that follows another one without an empty line in between shares its comment.
    """
    text = path.read_text()
    found, folders, comment, was_used = [], list[tuple[int, str]](), list[str](), False
    for line in _body(text):
        if line.lstrip().startswith("#"):
            comment = comment if not was_used else []
            comment, was_used = [*comment, line.strip(" #")], False
        elif not line.strip():
            comment, was_used = [], False
        elif match := KEY.match(line):
            indent, name, value = len(match[1]), match[2], match[3]
            folders = [(depth, folder) for depth, folder in folders if depth < indent]
            full = ".".join([*_prefix(path, text), *(folder for _, folder in folders), name])
            if value is None:
                folders.append((indent, name))
            elif not full.startswith("hydra.") or path.parent.parent.name == "hydra":
                found.append(Key(full, value.strip(), " ".join(comment)))
                was_used = True
    return found


def _body(text: str) -> list[str]:
    """The lines behind the defaults list."""
    lines = text.splitlines()
    begin = (
        lines.index("defaults:") + 1
        if "defaults:" in lines
        else next(n for n, line in enumerate(lines) if line.startswith("_target_")) + 1
    )
    return [line for line in lines[begin:] if not line.lstrip().startswith("- ")]


def _prefix(path: Path, text: str) -> list[str]:
    """Where the keys of a file are in the config."""
    if match := PACKAGE.search(text):
        return [] if match[1] == "_global_" else match[1].split(".")
    return list(path.parent.relative_to(CONF).parts)
