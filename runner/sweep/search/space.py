"""The space of a search: Hydra's overrides as Optuna's distributions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import Any

from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import (
    ChoiceSweep,
    IntervalSweep,
    Override,
    ParsedElementType,
    RangeSweep,
    Transformer,
)
from hydra.errors import HydraException
from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution, IntDistribution

from runner.config.words import QUOTES
from runner.errors import UserError
from runner.sweep.own_keys import own_keys, prefix


@dataclass(frozen=True)
class Space:
    """The overrides that all trials share, and the keys whose values are searched."""

    fixed: tuple[str, ...]
    searched: Mapping[str, BaseDistribution]
    own: Mapping[str, Space] = field(default_factory=dict)
    """The overrides and keys of one choice only, such as ``model=mlp``, in trials that make it."""
    full: Mapping[str, str] = field(default_factory=dict)
    """The full keys of one choice's keys, such as ``experiment.model.units`` of ``mlp.units``."""

    @property
    def everything(self) -> dict[str, BaseDistribution]:
        """All keys whose values are searched in some trial."""
        return {key: kind for space in (self, *self.own.values()) for key, kind in space.searched.items()}

    def chosen(self, values: Mapping[str, Any]) -> list[Space]:
        """Return the spaces of the choices that a trial with these values makes."""
        words = [*self.fixed, *(f"{key}={value}" for key, value in values.items())]
        return [space for choice, space in self.own.items() if choice in words]

    def overrides(self, values: Mapping[str, Any]) -> list[str]:
        """The command line of the trial that has these values."""
        fixed = [word for space in self.chosen(values) for word in space.fixed]
        return [*self.fixed, *fixed, *self.words(values)]

    def words(self, values: Mapping[str, Any]) -> list[str]:
        """Return the values of a trial as overrides with their full keys."""
        full = {key: whole for space in self.chosen(values) for key, whole in space.full.items()}
        return [f"{full.get(key, key)}={value}" for key, value in values.items()]

    def examples(self) -> list[list[str]]:
        """Command lines of trials with the first value of every key, one for each choice that has keys of its own."""
        first = {key: _first_value(kind) for key, kind in self.searched.items()}
        found = []
        for choice, space in self.own.items() or [("", Space((), {}))]:
            key, _, name = choice.partition("=")
            made = {**first, key: name} if key in first else first
            found.append(self.overrides({**made, **{own: _first_value(kind) for own, kind in space.searched.items()}}))
        return found


def space_of(words: Sequence[str], parser: OverridesParser) -> Space:
    """Translate a command. As in Hydra, the last of several overrides of a key counts.

    Raises UserError if an override cannot be searched, or if there is nothing to search, and what Hydra raises.
    """
    keys = own_keys(words, parser.parse_overrides(list(words)))
    own = {choice: _with_short_keys(choice, _part(parser.parse_overrides(list(of)))) for choice, of in keys.own.items()}
    space = replace(_part(parser.parse_overrides(list(keys.shared))), own=own)
    if not space.everything:
        raise UserError(
            "hydra/sweeper=optuna: there is nothing to search; give a key several values, "
            "such as 'device.intra_op_threads=range(1,5)'"
        )
    return space


def _with_short_keys(choice: str, part: Space) -> Space:
    """Name the keys as they were written: those of two choices may have the same full key, and other values."""
    group, _, name = choice.partition("=")
    full = {f"{name}{key.removeprefix(prefix(group))}": key for key in part.searched}
    return Space(part.fixed, {key: part.searched[whole] for key, whole in full.items()}, full=full)


def _part(overrides: Sequence[Override]) -> Space:
    by_key = {override.get_key_element(): override for override in overrides}
    fixed = tuple(str(override.input_line) for override in by_key.values() if not override.is_sweep_override())
    searched = {key: distribution_of(override) for key, override in by_key.items() if override.is_sweep_override()}
    return Space(fixed, searched)


def distribution_of(override: Override) -> BaseDistribution:
    """The distribution for an override with several values. Raises UserError."""
    sweep: Any = override.value()
    try:
        match sweep:
            case ChoiceSweep():
                return _of_choice(sweep)
            case RangeSweep():
                return _of_range(sweep)
            case IntervalSweep():
                return _of_interval(sweep)
    except (ValueError, HydraException) as error:
        raise UserError(f"{override.input_line}: this cannot be searched: {error}") from None
    raise UserError(
        f"{override.input_line}: a pattern cannot be searched; write the choices, such as {override.key_or_group}=A,B"
    )


def _of_choice(sweep: ChoiceSweep) -> CategoricalDistribution:
    """Keep choices as they are written on a command line: Optuna keeps text exactly, but no lists."""
    if sweep.tags:
        raise ValueError(f"choices take no tag ({', '.join(sorted(sweep.tags))})")
    return CategoricalDistribution([_as_written(choice) for choice in sweep.list])


def _as_written(choice: ParsedElementType) -> str:
    """Keep the quotes that the text still has: Hydra takes one pair off the arguments of its functions."""
    is_quoted = isinstance(choice, str) and choice[:1] in tuple(QUOTES)
    return str(choice) if is_quoted else Transformer.str(choice)


def _of_range(sweep: RangeSweep) -> BaseDistribution:
    """Leave out the stop of a range, as Hydra's grids do, and its order, which does not matter."""
    log = _is_log(sweep.tags)
    values = sweep.range()
    if isinstance(values, range):
        low, high = sorted((values[0], values[-1])) if values else _empty()
        return IntDistribution(low, high, log=log, step=abs(values.step))
    if log:
        raise ValueError("the tag log needs whole numbers in a range; use interval(LOW,HIGH)")
    start, step, count = Decimal(str(sweep.start)), Decimal(str(sweep.step)), len(list(values))
    # In decimals: Optuna would move an end that misses the grid by a rounding error.
    low, high = sorted((start, start + step * (count - 1))) if count else _empty()
    return FloatDistribution(float(low), float(high), step=float(abs(step)))


def _of_interval(sweep: IntervalSweep) -> BaseDistribution:
    """Include both ends. The cast ``int(interval(...))`` makes whole numbers."""
    log = _is_log(sweep.tags)
    assert sweep.start is not None  # Hydra's grammar needs both
    assert sweep.end is not None
    if isinstance(sweep.start, int) and isinstance(sweep.end, int):
        return IntDistribution(sweep.start, sweep.end, log=log)
    return FloatDistribution(sweep.start, sweep.end, log=log)


def _is_log(tags: set[str]) -> bool:
    if unknown := sorted(tags - {"log"}):
        raise ValueError(f"the only tag is log, not {', '.join(unknown)}")
    return "log" in tags


def _empty() -> Any:
    raise ValueError("the range is empty")


def _first_value(distribution: BaseDistribution) -> Any:
    """The first value; in Optuna's internal representation, a choice is its index."""
    return distribution.to_external_repr(float(getattr(distribution, "low", 0)))


def in_words(kind: BaseDistribution) -> str:
    """Return the values of a key as a person reads them."""
    match kind:
        case CategoricalDistribution():
            return ", ".join(map(str, kind.choices))
        case IntDistribution() | FloatDistribution():
            steps = f" in steps of {kind.step:g}" if kind.step not in (None, 1) else ""
            whole = "whole numbers " if isinstance(kind, IntDistribution) else ""
            return f"{whole}from {kind.low:g} to {kind.high:g}{steps}{', logarithmic' * kind.log}"
    return str(kind)
