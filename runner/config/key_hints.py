"""Guesses which key was meant by one that does not exist."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from omegaconf import OmegaConf

from experiments.validators import nearest
from runner.config.composing import CONF
from runner.config.schema import all_keys, experiments_with, experiments_with_key

OF_HYDRA = ("hydra.launcher", "hydra.sweeper")
"""The parts of Hydra's config whose keys are ours."""


def unknown_key(key: str, owner: type | None = None) -> str:
    """Say that there is no such key. ``owner`` is the dataclass that lacks it, if that is known."""
    if key.startswith(OF_HYDRA):
        return _unknown_in_hydra(key)
    group = key.removeprefix("experiment.")
    if owners := experiments_with(group):
        return f"{group}: this experiment has no such choice, only {_listed('experiment', owners)}"
    likely = _likely_key(key, all_keys(owner))
    hint = f" (did you mean {likely}?)" if likely else ""
    if having := experiments_with_key(key):
        return f"{key}: this experiment has no such key{hint}, only {_listed('experiment', having)}"
    return f"{key}: no such key{hint}; 'python -m runner --cfg job' shows all of them"


def _listed(group: str, names: Sequence[str]) -> str:
    return " or ".join(f"{group}={name}" for name in names) + (" has it" if len(names) == 1 else " have it")


def keys_of_hydra() -> list[str]:
    """Return the keys of all launchers and sweepers, with a sign behind them as if a value followed."""
    return [f"{key}=" for part in OF_HYDRA for key, _ in _keys_in_hydra(part)]


def _unknown_in_hydra(key: str) -> str:
    """Say that a launcher or sweeper has no such key, and whether another one has it, or one like it."""
    part = next(part for part in OF_HYDRA if key.startswith(part))
    known = list(_keys_in_hydra(part))
    close = key if key in (one for one, _ in known) else nearest(key, [one for one, _ in known])
    having = [choice for one, choice in known if one == close]
    hint = f" (did you mean {close}?)" if close and close != key else ""
    only = f"; {_listed(part.replace('.', '/'), having)}" if having else ""
    return f"{key}: no such key{hint}{only or '; python -m runner --cfg hydra shows all of them'}"


def _keys_in_hydra(part: str) -> Iterator[tuple[str, str]]:
    """Yield each key of the launchers or sweepers of conf/, with the choice that has it."""
    for path in sorted((CONF / part.replace(".", "/")).glob("*.yaml")):
        keys = OmegaConf.load(path)
        yield from ((f"{part}.{key}", path.stem) for key in map(str, keys) if key != "_target_")


def _likely_key(key: str, keys: Sequence[str]) -> str | None:
    """Guess the key that was meant: the name may be misspelt, or right but in the wrong place.

    If the name exists in several places, the written place wins, then the outermost one. ``keys`` may contain ``key``
    itself, since another experiment may have it.
    """
    keys = [known for known in keys if not f"{key}.".startswith(f"{known}.")]
    if (inner := f"experiment.{key}") in keys:  # such as optimizer.learning_rate
        return inner
    path, _, name = key.rpartition(".")
    by_name = _by_name(keys)
    if name in by_name:
        return by_name[name]
    if not path:
        return nearest(key, keys) or _close(name, by_name)
    section = key.partition(".")[0]  # a guess from elsewhere, tracking.tgs for a dataset's task, would mislead
    near = _by_name([known for known in keys if known.startswith(f"{section}.")])
    close = nearest(name, near)
    return f"{path}.{close}" if f"{path}.{close}" in keys else _close(name, near)


def _by_name(keys: Sequence[str]) -> dict[str, str]:
    """Return the keys by the last part of theirs, the outermost one where several have the same."""
    return {known.rpartition(".")[2]: known for known in sorted(keys, key=lambda known: -known.count("."))}


def _close(name: str, by_name: dict[str, str]) -> str | None:
    close = nearest(name, by_name)
    return by_name[close] if close else None
