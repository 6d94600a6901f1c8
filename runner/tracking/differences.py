"""What differs between two runs: in their config, code, packages and machine."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from runner.tracking import tags
from runner.tracking.artifacts import read_text

if TYPE_CHECKING:
    from mlflow.entities import Run

CONFIG, CODE, PACKAGES, MACHINE = AREAS = ("config", "code", "packages", "machine")

HASH = "hash"
"""The key of the hash of the code that made a run, which runs have kept since there is one."""

AREA_OF = {"code": CODE, "packages": PACKAGES, "python": PACKAGES}
"""The areas of the parts of environment.json; all others tell of the machine."""

NOT_COMPARED = ("command", "working_folder", "memory_available_bytes", "load_average", "clock_mhz", "celsius")
"""The parts that say nothing, or are another at each moment."""


@dataclass(frozen=True)
class Different:
    """A value that differs; ``None`` stands for none."""

    area: str
    key: str
    first: str | None
    second: str | None


@dataclass(frozen=True)
class Described:
    """What is known of how a run came about: for each area, values by their keys."""

    areas: Mapping[str, Mapping[str, str]]

    @property
    def is_dirty(self) -> bool:
        """Whether its code had changes that no commit has."""
        return self.areas[CODE].get("dirty") == "True"


def described(run: Run, tracking_uri: str) -> Described:
    """Read how a run came about."""
    text = read_text(run, "environment.json", tracking_uri)
    codes = [code for tag in (tags.CODE, tags.BEGUN_BY) if (code := run.data.tags.get(tag))]
    return described_by(run.data.params, json.loads(text) if text else {}, " after ".join(codes))


def described_by(params: Mapping[str, str], surroundings: Mapping[str, Any], code: str | None = None) -> Described:
    """Return how a run came about with these values of the config, this content of environment.json and this code."""
    areas: dict[str, dict[str, str]] = {area: {} for area in AREAS}
    areas[CONFIG] |= params
    for key, value in _flat(dict(surroundings)):
        first, _, rest = key.partition(".")
        areas[AREA_OF.get(first, MACHINE)][rest if first in AREAS and rest else key] = str(value)
    areas[CODE] |= {HASH: code} if code else {}
    return Described(areas)


def on_changes(**described: Described) -> list[str]:
    """Return sentences on runs, by what they are called, whose code had changes that no commit has, or is not known."""
    dirty = [name for name, one in described.items() if one.is_dirty]
    unknown = [name for name, one in described.items() if HASH not in one.areas[CODE]]
    return [
        *([f"The code of {' and '.join(dirty)} had changes that are in no commit."] if dirty else []),
        *(
            [f"Whether the same code made both cannot be known: {' and '.join(unknown)} kept no hash of it."]
            if unknown
            else []
        ),
    ]


def differences(first: Described, second: Described) -> list[Different]:
    """Return the values that differ, area by area. An area of which one run knows nothing is left out."""
    return [
        Different(area, key, one.get(key), other.get(key))
        for area in AREAS
        if (one := first.areas[area]) and (other := second.areas[area])
        for key in dict.fromkeys([*one, *other])
        if one.get(key) != other.get(key)
    ]


def _flat(content: Any, prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Yield the values of nested dictionaries and lists with their full keys."""
    if not isinstance(content, dict | list):
        yield prefix, content
        return
    for key, value in content.items() if isinstance(content, dict) else enumerate(content):
        if key not in NOT_COMPARED:
            yield from _flat(value, f"{prefix}.{key}" if prefix else str(key))
