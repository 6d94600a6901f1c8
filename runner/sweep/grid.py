"""The jobs of a grid: each combination of the values of all keys, where keys that go together count as one."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence

from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Override

from experiments.reporting.text import listed
from runner.config.question import ZIP, key_of
from runner.errors import UserError
from runner.sweep.own_keys import OwnKeys, own_keys

Axis = list[tuple[str, ...]]
"""The alternatives of one direction of a grid, each with its overrides."""


def jobs_of(parser: OverridesParser, words: Sequence[str], zipped: Sequence[str] = ()) -> list[list[str]]:
    """Return the overrides of each job of a command with these ``words``. The last key varies fastest.

    The values of the keys ``zipped`` go together: the first with the first, and so on. Keys of one choice vary only in
    the jobs that make it.
    Raises UserError for zipped keys that have no values or unequally many, and what Hydra raises.
    """
    if len(zipped) == 1:
        raise UserError(f"{ZIP}: {zipped[0]} alone goes with no other key; name all of them: {ZIP}=[{zipped[0]},KEY]")
    keys = own_keys(words, parser.parse_overrides(list(words)))
    _require_same_owner(zipped, keys)
    shared = [key for key in zipped if key not in keys.full]
    jobs = list[list[str]]()
    for job in _combinations(parser, keys.shared, shared):
        own = keys.of(job)
        full = [key for one in zipped for key in keys.full.get(one, ()) if key in map(key_of, own)]
        jobs += ([*job, *more] for more in _combinations(parser, own, full))
    return jobs


def _combinations(parser: OverridesParser, words: Sequence[str], zipped: Sequence[str]) -> list[list[str]]:
    axes = _axes(parser.parse_overrides(list(words)), zipped)
    return [list(itertools.chain(*chosen)) for chosen in itertools.product(*axes)]


def _axes(overrides: Sequence[Override], zipped: Sequence[str]) -> Iterator[Axis]:
    by_key = {override.get_key_element(): _values(override) for override in overrides}
    together = {key: values for key, values in by_key.items() if key in zipped}
    _require_equal_lengths(zipped, together)
    first = next(iter(together), None)
    for key, values in by_key.items():
        if key == first:
            yield list(zip(*together.values(), strict=True))
        elif key not in together:
            yield [(value,) for value in values]


def _values(override: Override) -> list[str]:
    """Return the override with each of its values. Raises UserError for what has no countable values."""
    key = override.get_key_element()
    if not override.is_sweep_override():
        return [f"{key}={override.get_value_element_as_str()}"]
    if not override.is_discrete_sweep():
        raise UserError(
            f"{override.input_line}: a grid needs values that can be counted, such as {key}=1,2 or range(1,3); "
            "hydra/sweeper=optuna searches an interval"
        )
    return [f"{key}={value}" for value in override.sweep_string_iterator()]


def _require_same_owner(zipped: Sequence[str], keys: OwnKeys) -> None:
    """Raise UserError if keys that go together belong to different choices, which no job makes at once."""
    owners = {key.partition(".")[0] if key in keys.full else "all": key for key in zipped}
    if len(owners) > 1:
        apart = listed([f"{key} belongs to the jobs of {owner}" for owner, key in owners.items()])
        raise UserError(f"{ZIP}: {apart}; only keys of the same jobs can go together")


def _require_equal_lengths(zipped: Sequence[str], together: dict[str, list[str]]) -> None:
    """Raise UserError if keys that go together have no values, or unequally many."""
    if missing := [key for key in zipped if key not in together]:
        raise UserError(f"{ZIP}: {missing[0]} has no values in this command; give it some, such as {missing[0]}=A,B")
    counts = {key: len(values) for key, values in together.items()}
    if len(set(counts.values())) > 1:
        raise UserError(
            f"{ZIP}: {listed([f'{key} has {count}' for key, count in counts.items()])} values; keys that go together "
            "need equally many"
        )
