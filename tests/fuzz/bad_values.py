"""Wrong values for every key of the config, made of the types that the schema declares."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import is_dataclass
from types import NoneType
from typing import Any, get_args, get_origin

from runner.config.schema import Config, experiments, keys_below

WRONG: dict[Any, tuple[str, ...]] = {
    int: ("x", "1.5", "[1]", "nan", "''", "٣"),
    float: ("x", "[1]", "true", "''", "{a:1}"),
    bool: ("maybe", "2", "[true]", "''"),
    str: ("[a]", "{a:1}"),
    list: ("x", "1", "{a:1}", "[[1]]", "[null]"),
    dict: ("x", "1", "[1]"),
}
"""Type -> values that no field of this type takes."""

ALSO_FOR_A_GROUP = ("x", "1", "[1]", "{nope:1}")

CHOICES_WITH_NEEDS = {
    "npz": ("experiment.dataset.path=x.npz",),
    "csv": ("experiment.dataset.path=x.csv", "experiment.dataset.target=y"),
    "images": ("experiment.dataset.path=x",),
    "keras_file": ("experiment.model.path=x.keras",),
}
"""Choices that are not whole without other keys."""

AT_ONCE = 2
"""How many wrong values of its type each key is tried with; which ones turns from key to key."""


def cases() -> Iterator[tuple[tuple[str, ...], str]]:
    """Yield the overrides that choose a config, and a wrong one for it."""
    for number, (choosing, key, kind) in enumerate(_keys()):
        values = _wrong_for(kind)
        for value in (values[(number + step) % len(values)] for step in range(min(AT_ONCE, len(values)))):
            yield choosing, f"{key}={value}"


def _keys() -> Iterator[tuple[tuple[str, ...], str, Any]]:
    for key, kind in keys_below(Config, ""):
        if key not in ("experiment", "device", "tracking"):  # groups: their choices are names
            yield (), key, kind
    seen = set[tuple[str, type]]()
    for experiment in experiments():
        choosing = (f"experiment={experiment.name}",)
        for key, kind in keys_below(experiment, "experiment."):
            if key.removeprefix("experiment.") not in experiment.choices:
                yield choosing, key, kind
        for group, choices in experiment.choices.items():
            for choice in choices:
                if (group, choice) not in seen:
                    seen.add((group, choice))
                    needs = CHOICES_WITH_NEEDS.get(choice.name, ())
                    for key, kind in keys_below(choice, f"experiment.{group}."):
                        yield (*choosing, f"{group}={choice.name}", *needs), key, kind


def _wrong_for(declared: Any) -> tuple[str, ...]:
    kinds = {kind for kind in (get_args(declared) or (declared,)) if kind is not NoneType}
    kind = declared if get_origin(declared) in (list, dict) else next(iter(kinds))
    if kind is Any:
        return ("[[1]]", "{a:1}")  # some take a list, none a list of lists
    if is_dataclass(kind):
        return ALSO_FOR_A_GROUP
    values = WRONG[get_origin(kind) or kind]
    if get_origin(kind) is list:
        values += tuple(f"[{value}]" for value in WRONG[get_args(kind)[0]][:2])
    return values
