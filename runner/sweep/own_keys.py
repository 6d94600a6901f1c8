"""Keys of one choice only: ``model=mlp,cnn mlp.units=[32],[64]`` varies the units of the jobs with ``model=mlp``."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields

from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Glob, IntervalSweep, Override, RangeSweep

from runner.config.question import key_of
from runner.config.schema import Config, experiments
from runner.config.words import readable

TOP = ("hydra", *(field.name for field in fields(Config)))
"""The first parts of keys that are no choices."""


@dataclass(frozen=True)
class OwnKeys:
    """The overrides of a command, apart by whom they belong to."""

    shared: Sequence[str]
    """Those of all jobs."""
    own: Mapping[str, Sequence[str]]
    """For each choice, such as ``model=mlp``, the overrides of jobs that make it, with their full keys."""
    full: Mapping[str, Sequence[str]]
    """The full keys of each key of one choice: ``experiment.model.units`` of ``mlp.units``."""

    def of(self, job: Iterable[str]) -> list[str]:
        """Return the overrides that belong to a job with these overrides."""
        return [word for choice in job for word in self.own.get(choice, ())]


def own_keys(words: Sequence[str], parsed: Sequence[Override]) -> OwnKeys:
    """Sort the overrides ``words`` of a command; ``parsed`` are the same as Hydra reads them."""
    groups = _groups_by_choice(parsed)
    shared, own, full = list[str](), dict[str, list[str]](), dict[str, list[str]]()
    for word in words:
        key, value = key_of(word), word.partition("=")[2]
        name, _, rest = key.partition(".")
        if not _is_own(key, groups):
            shared.append(word)
            continue
        full[key] = [f"{prefix(group)}.{rest}" for group in groups[name]]
        for group, whole in zip(groups[name], full[key], strict=True):
            own.setdefault(f"{group}={name}", []).append(readable(f"{whole}={value}"))
    return OwnKeys(shared, own, full)


def as_sweeps(words: Sequence[str]) -> list[str]:
    """Return the overrides of a sweep with each key of one choice as a sweep, also over a single value.

    Hydra would set a single value in the config of all jobs, where there is no such key.
    """
    groups = _groups_by_choice(OverridesParser.create().parse_overrides(list(words)))
    return [_as_sweep(word) if _is_own(key_of(word), groups) else word for word in words]


def _as_sweep(word: str) -> str:
    key, _, value = word.partition("=")
    return word if OverridesParser.create().parse_override(word).is_sweep_override() else f"{key}=choice({value})"


def _is_own(key: str, groups: Mapping[str, object]) -> bool:
    name, _, rest = key.partition(".")
    return bool(rest) and name in groups and name not in TOP


def _groups_by_choice(parsed: Sequence[Override]) -> dict[str, list[str]]:
    """Return the groups of each choice that some job makes."""
    found: dict[str, list[str]] = {}
    for override in parsed:
        key = override.get_key_element()
        if "." in key or not key[0].isalpha() or isinstance(override.value(), RangeSweep | IntervalSweep | Glob):
            continue
        for value in override.sweep_string_iterator() if override.is_sweep_override() else [override.value()]:
            found.setdefault(str(value), []).append(key)
    return found


def prefix(group: str) -> str:
    """Return the part of the config that a choice of a group fills."""
    of_experiments = {name for kind in experiments() for name in kind.choices}
    return f"experiment.{group}" if group in of_experiments else group
