"""The space of a search: Hydra's overrides as Optuna's distributions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

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


@dataclass(frozen=True)
class Space:
    """The overrides that all trials share, and the keys whose values are searched."""

    fixed: tuple[str, ...]
    searched: Mapping[str, BaseDistribution]

    def overrides(self, values: Mapping[str, Any]) -> list[str]:
        """The command line of the trial that has these values."""
        return [*self.fixed, *(f"{key}={value}" for key, value in values.items())]

    def example(self) -> list[str]:
        """The command line of a trial with the first value of every key."""
        return self.overrides(
            {key: distribution.to_external_repr(_first(distribution)) for key, distribution in self.searched.items()}
        )


def space_of(overrides: Sequence[Override]) -> Space:
    """Translate a command. As in Hydra, the last of several overrides of a key counts.

    Raises UserError if an override cannot be searched, or if there is nothing to search.
    """
    by_key = {override.get_key_element(): override for override in overrides}
    fixed = tuple(str(override.input_line) for override in by_key.values() if not override.is_sweep_override())
    searched = {key: distribution_of(override) for key, override in by_key.items() if override.is_sweep_override()}
    if not searched:
        raise UserError(
            "hydra/sweeper=optuna: there is nothing to search; give a key several values, "
            "such as 'device.intra_op_threads=range(1,5)'"
        )
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


def _first(distribution: BaseDistribution) -> float:
    """The first value in Optuna's internal representation, in which a choice is its index."""
    return float(getattr(distribution, "low", 0))
