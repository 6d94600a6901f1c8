"""Overrides that are refused as they are written, before Hydra reads them: it would do what nobody means."""

from __future__ import annotations

import re
from typing import Any, get_origin

from runner.config.question import key_of
from runner.config.references import require_inside
from runner.config.schema import types_of
from runner.errors import UserError

LONGEST_KEY, MOST_DIGITS = 200, 400

OF_HYDRA = re.compile(r"hydra([/.](launcher|sweeper)([.@].*)?|\.(searchpath|verbose))")
"""The keys of Hydra's own config that mean something here."""

PATH = re.compile(r"/.*|(.*/)?\.\.?(/.*)?")
"""A choice that is no name below its group's folder."""

NUMBER = re.compile(r"[+-]?[\d.]+")

DIGITS = re.compile(r"\d")

NUMBERS: tuple[Any, ...] = (int, float, list[int], list[float])


def require_meant(word: str) -> None:
    """Raise UserError for an override that no key of this program can have, or that reads the environment."""
    _, _, value = word.partition("=")
    key = key_of(word)
    _require_key(word, key)
    if key.partition("/")[0].partition(".")[0] == "hydra":
        _require_ours(key, value)
    require_inside(key, value)
    if key == "experiment" and word.startswith("~"):
        raise UserError("experiment: one must be chosen; --help lists what there is")
    if "." not in key and not types_of(key) and "${" in value:
        raise UserError(f"{key}: {value!r} is a reference; a choice is a name, and --help lists what there is")
    if any(get_origin(kind) is list for kind in types_of(key.rpartition(".")[0])):
        whole = key.rpartition(".")[0]
        raise UserError(f"{key}: a list is set as a whole, {whole}=[...]")
    if "." not in key and PATH.fullmatch(value.strip("'\"")):
        raise UserError(f"{key}: {value!r} is a path; a choice is a name, and --help lists what there is")
    if re.search(rf"\d{{{MOST_DIGITS}}}", value):
        raise UserError(f"{key}: this number has more than {MOST_DIGITS} digits")
    kinds = types_of(key)
    if kinds == {bool} and NUMBER.fullmatch(value) and value not in ("0", "1"):
        raise UserError(f"{key}: '{value}' is not true or false")
    if kinds and kinds <= {*NUMBERS} and any(not digit.isascii() for digit in DIGITS.findall(value)):
        raise UserError(f"{key}: {value!r} is not written with the digits 0 to 9")


def _require_key(word: str, key: str) -> None:
    if not word.strip():
        raise UserError("an empty word is no override; write key=value")
    if not key and "=" in word:
        raise UserError(f"'{word}': there is no key before the sign '='; write key=value")
    if len(key) > LONGEST_KEY:
        raise UserError(f"'{key[:30]}...': no key has more than {LONGEST_KEY} characters")
    if not key.isprintable():
        raise UserError(f"{key!r}: this key has a character that cannot be seen; write it anew")


def _require_ours(key: str, value: str) -> None:
    if not OF_HYDRA.fullmatch(key):
        raise UserError(
            f"{key}: this program keeps everything in its store and decides where Hydra writes; of Hydra's own keys "
            "it takes hydra/launcher, hydra/sweeper, the keys below them, and hydra.searchpath"
        )
    if "_target_" in f"{key} {value}":
        raise UserError(f"{key}: names code to call; hydra/launcher and hydra/sweeper choose among those of conf/")
