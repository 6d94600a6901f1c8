"""The last step of loading: numbers become floats that keep the examples apart, and what looks wrong is said."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt

from experiments.experiment import Refused
from experiments.networks.data import Data, Split
from experiments.networks.datasets.kept import IN_MEMORY, Kept, blocks
from experiments.networks.standardisation import Moments, largest
from experiments.reporting.text import listed

Array = npt.NDArray[Any]

LOOKED_AT = 10_000
"""How many numbers of a feature are looked at to see whether they stay apart; fewer where there are many features."""

NUMBERS = 2**22
"""How many numbers are looked at in all."""

COARSE = 0.01
"""The part of the deviation by which neighbouring numbers may differ in the file's dtype."""

MOST_CHANNELS_FIRST = 4
"""Images with more channels than this are seldom written channels first."""


def ready(data: Data, kept: Kept = IN_MEMORY) -> Data:
    """Return the data in the dtypes of :class:`Split`, ``kept`` there, with remarks. Inputs may have any of numbers.

    Raises Refused for an example so far from those for training that float32 cannot hold the distance.
    """
    dtype = "float32" if _is_8_bit(data.train.x) else data.input_moments.dtype
    _require_near("validation", data.validation.x, data, dtype)
    _require_near("the test", data.test.x, data, dtype)

    def converted(part: Split) -> Split:
        y = part.y.astype(np.float64) if data.task == "regression" else part.y
        return Split(kept.converted(part.x, dtype), y)

    train, validation, test = map(converted, (data.train, data.validation, data.test))
    return replace(data, train=train, validation=validation, test=test, remarks=tuple(_remarks(data)))


def _remarks(data: Data) -> Iterator[str]:
    if data.is_image and _seems_channels_first(data.input_shape):
        height, width, channels = data.input_shape
        yield (
            f"An image is taken as {height} x {width} pixels with {channels} channels; "
            "if its channels come first, say experiment.dataset.channels_first=true."
        )
    if not _is_8_bit(data.train.x):
        yield from _on_precision("Channel" if data.is_image else "Feature", data.train.x, data.input_moments)
    if data.task == "regression":
        yield from _on_precision("Target", data.train.y[:, None], data.target_moments)


def _seems_channels_first(shape: tuple[int, ...]) -> bool:
    return shape[0] <= MOST_CHANNELS_FIRST < min(shape[1:])


def _on_precision(what: str, values: Array, known: Moments) -> Iterator[str]:
    """Yield a sentence where the file's dtype is too coarse, and one where a network cannot tell numbers apart."""
    if values.dtype.kind == "f":
        step = np.spacing(largest(values).astype(values.dtype)).astype(np.float64)
        coarse = step > np.where(known.deviation > 0, COARSE * known.deviation, 0.5)
        if coarse.any():
            k = int(np.argmax(coarse))
            yield (
                f"{_named(what, coarse)}: neighbouring numbers of {values.dtype} are {step[k]:.3g} apart there, "
                f"and the deviation is {known.deviation[k]:.3g}; subtract what all have in common before you save."
            )
    sample = values.reshape(-1, values.shape[-1])[: min(LOOKED_AT, max(NUMBERS // values.shape[-1], 2))]
    seen = known.standardised(sample).astype(np.float32)
    before, after = (np.array([len(np.unique(column)) for column in numbers.T]) for numbers in (sample, seen))
    lost = (2 * after < before) | ((after == 1) & (before > 1))
    if lost.any():
        k = int(np.argmax(lost))
        if known.deviation[k]:
            why = f"beside the deviation, {known.deviation[k]:.3g}; leave outliers out, or take logarithms"
        else:
            why = "for float64; subtract what all have in common before you save, or take a smaller unit"
        yield (
            f"{_named(what, lost)}: {before[k]:,} different numbers are only {after[k]:,} to a network, as they differ "
            f"by too little {why}."
        )


def _named(what: str, which: npt.NDArray[np.bool_]) -> str:
    """Return ``Feature 0``, ``Features 0 and 3``, or ``Target``, as there is only one."""
    numbers = [str(number) for number in np.flatnonzero(which)]
    return "Target" if what == "Target" else f"{what}{'s' if len(numbers) > 1 else ''} {listed(numbers)}"


def _require_near(purpose: str, x: Array, data: Data, dtype: str) -> None:
    """Raise Refused unless the inputs [n, ..., k] are finite in their dtype, and in float32 as deviations."""
    if x.dtype.kind != "f":
        return
    for some in blocks(len(x), x[0].size):
        _require_all_near(purpose, x[some], data.input_moments, dtype)


def _require_all_near(purpose: str, x: Array, known: Moments, dtype: str) -> None:
    flat = x.reshape(len(x), -1, x.shape[-1])
    ends = np.stack([flat.min(axis=1), flat.max(axis=1)])
    with np.errstate(over="ignore"):
        is_near = np.isfinite(ends.astype(dtype)) & np.isfinite(known.standardised(ends).astype(np.float32))
    if not is_near.all():
        *_, k = place = np.unravel_index(int(np.argmin(is_near)), is_near.shape)
        raise Refused(
            f"an example for {purpose} holds {ends[place]:.3g}, but those for training have the mean "
            f"{known.mean[k]:.3g} and the deviation {known.deviation[k]:.3g} there; no float32 is so far from them"
        )


def _is_8_bit(x: Array) -> bool:
    """Tell whether float32 holds the numbers whatever they are: pictures are not looked at more closely."""
    return x.dtype.itemsize == 1
