"""What the Tab key may write: the choices, keys and values that go on with a line that has been begun."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Sequence
from itertools import pairwise
from os.path import isdir
from pathlib import Path

from omegaconf import DictConfig, OmegaConf

from runner.cli.flags import all_flags
from runner.config.composing import CONF, composed, groups
from runner.config.error_messages import CONFIG_ERRORS
from runner.config.key_hints import keys_of_hydra
from runner.config.nodes import child
from runner.config.schema import JOINED, register, types_of
from runner.errors import UserError

PROGRAMS = {
    "ui": ("--port", "--help"),
    "compare": ("latest", "latest~1", "--plot", "--json", "--fail-on", "--margin", "--help"),
    "store": ("check", "relocate", "export", "prune", "--where", "--older-than", "--delete", "--help"),
}
"""The words of the programs beside ``runner``, which also take those that name a store."""

OF_THE_STORE = ("tracking=local", "tracking=server", "tracking.dir=", "tracking.uri=")

FIRST_WORDS = ("replay=latest", "plan=true", "plugins=")
"""Words of a command that are neither groups nor keys."""

ADDED = "preset"
"""The group that is added with a plus: nothing is chosen there by default."""


def completions(line: str) -> list[str]:
    """Return the words that may stand in place of the last word of a line, which is empty after a blank.

    ``line`` ends at the cursor; its first words are the program: ``runner``, ``python -m runner.compare``, ...
    Never raises for a line that is wrong so far, and never loads what it names.
    """
    words = _words(line)
    name, given = _program(words)
    if name is None or not given:
        return []
    *before, begun = given
    found = (*PROGRAMS[name], *OF_THE_STORE) if name in PROGRAMS else _of_runner(before, begun)
    return sorted({word for word in found if word.startswith(begun)})


def _words(line: str) -> list[str]:
    for end in ("", "'", '"'):  # a quote may still be open
        try:
            words = shlex.split(line + end)
        except ValueError:
            continue
        return [*words, ""] if not end and (not line or line[-1].isspace()) else words
    return []


def _program(words: Sequence[str]) -> tuple[str | None, Sequence[str]]:
    """Return the program's name without ``runner``, empty for that itself, and its words; None for another program."""
    if not words:
        return None, ()
    name, rest = Path(words[0]).name, words[1:]
    if name.startswith("python") and rest[:1] == ["-m"] and len(rest) > 1:
        name, rest = rest[1].replace(".", "-"), rest[2:]
    first, _, own = name.partition("-")
    return (own, rest) if first == "runner" and own in ("", *PROGRAMS) else (None, ())


def _of_runner(before: Sequence[str], begun: str) -> Iterator[str]:
    if begun.startswith("-"):
        yield from all_flags()
        return
    register()
    key, equals, value = begun.partition("=")
    folders = [CONF, *_config_dir(before)]
    if equals:
        done, comma, _ = value.rpartition(",")
        sign, bare = key[: len(key) - len(key.lstrip("+~"))], key.lstrip("+~")
        values = _choices(bare, folders) or _values(bare, before, folders)
        yield from (f"{sign}{bare}={done}{comma}{one}" for one in values)
        return
    config = _config(before, folders)
    yield from FIRST_WORDS
    yield from (f"+{ADDED}=", "hydra/launcher=", "hydra/sweeper=")
    yield from (f"{group}=" for group in groups() if group in config or group in config.get("experiment", {}))
    yield from _next_parts([*_keys(config), *keys_of_hydra()], begun)


def _config_dir(before: Sequence[str]) -> list[Path]:
    """Return the user's own folder of choices, if the words name one."""
    for flag, value in pairwise([*before, ""]):
        if flag.startswith("--config-dir="):
            value = flag.partition("=")[2]
        elif flag not in ("--config-dir", "-cd"):
            continue
        if isdir(value):
            return [Path(value).absolute()]
    return []


def _config(before: Sequence[str], folders: Sequence[Path]) -> DictConfig:
    """Return the config of the words before, or the default one if they are wrong so far."""
    words = [word for word in before if "=" in word and not word.startswith(("-", *FIRST_WORDS, "replay=", "plan="))]
    for tried in (words, [word for word in words if word.startswith("experiment=")], []):
        try:
            return composed(tried, folders[1] if len(folders) > 1 else None)
        except (*CONFIG_ERRORS, UserError, ValueError, TypeError):
            continue
    return OmegaConf.create()


def _choices(group: str, folders: Sequence[Path]) -> list[str]:
    """Return the names of a group's choices."""
    parents = [folder / group for folder in folders]
    files = [path.relative_to(parent).with_suffix("") for parent in parents for path in parent.rglob("*.yaml")]
    return [*(file.as_posix() for file in files), *(choice.name for joined, choice in JOINED if joined == group)]


def _values(key: str, before: Sequence[str], folders: Sequence[Path]) -> list[str]:
    """Return the values of a key that are known: its default, and what a truth value may be besides."""
    if bool in types_of(key):
        return ["true", "false"]
    value = OmegaConf.select(_config(before, folders), key, throw_on_resolution_failure=False)
    return [] if value is None or OmegaConf.is_config(value) else [str(value)]


def _keys(config: DictConfig, prefix: str = "") -> Iterator[str]:
    for name in map(str, config):
        node = child(config, name)
        if isinstance(node, DictConfig) and len(node):
            yield from _keys(node, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}="


def _next_parts(keys: Sequence[str], begun: str) -> Iterator[str]:
    """Yield the keys up to the next dot behind what has been begun."""
    for key in keys:
        if key.startswith(begun):
            part, dot, _ = key[len(begun) :].partition(".")
            yield f"{begun}{part}{dot}"
