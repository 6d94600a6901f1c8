"""Mean and deviation of numbers in any unit, and the floats that keep them apart."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]
Float64s = npt.NDArray[np.float64]

BATCH = 4096
"""Examples that are looked at in float64 at a time, to save memory; fewer of those with many numbers."""

NUMBERS = 2**22
"""The most numbers that are looked at in float64 at a time."""

BYTES = 2**21
"""... and so many numbers of images that are kept as bytes, which may be large."""

ROUNDING = 2.0**-53
"""The largest relative error of a number that is rounded to float64."""

BLUR = 1e-4
"""The part of a deviation that rounding to float32 may change."""

COMFORTABLE = 1e30
"""float32 holds numbers up to 3e38; what is computed from them on the way to deviations needs room."""


@dataclass(frozen=True)
class Moments:
    """Mean and standard deviation for each index of the last axis [k]; the deviation is 0 where nothing varies."""

    mean: Float64s
    deviation: Float64s

    @property
    def unit(self) -> Float64s:
        """The deviation, or 1 where nothing varies: what numbers can be divided by."""
        return np.where(self.deviation > 0, self.deviation, 1.0)

    @property
    def dtype(self) -> str:
        """``float32`` where that keeps numbers of these moments apart and in range, else ``float64``."""
        varies, size = self.deviation > 0, np.abs(self.mean)
        blurred = size * 2.0**-24 > BLUR * self.deviation
        too_large = np.maximum(size, self.deviation) > COMFORTABLE
        too_small = self.deviation < 1 / COMFORTABLE
        return "float64" if np.any(varies & (blurred | too_small) | too_large) else "float32"

    def standardised(self, values: Array) -> Float64s:
        """Return numbers [..., k] in deviations from the mean; infinity where that is beyond float64."""
        with np.errstate(over="ignore"):
            result: Float64s = (values.astype(np.float64) - self.mean) / self.unit
        return result


def moments(values: Array) -> Moments:
    """Return mean and deviation of numbers [n, ..., k] for each index of the last axis, whatever their unit.

    Nothing overflows or loses digits on the way: the numbers are divided by a power of two and counted from the first
    of them. What varies by rounding alone does not vary.
    """
    exponent = np.frexp(largest(values))[1]

    def within_one(block: Array) -> Float64s:
        numbers = block.reshape(-1, values.shape[-1]).astype(np.float64)
        return np.ldexp(numbers, -exponent, out=numbers)

    origin = within_one(values[:1])[0]
    size = max(min(BATCH, NUMBERS // values[0].size), 1)

    def blocks(center: Float64s) -> Iterator[Float64s]:
        for start in range(0, len(values), size):
            block = within_one(values[start : start + size])
            block -= origin
            block -= center
            yield block

    count = values.size // values.shape[-1]
    mean = sum(block.sum(axis=0) for block in blocks(np.zeros_like(origin))) / count
    variance = sum(np.square(block, out=block).sum(axis=0) for block in blocks(mean)) / count
    deviation = np.sqrt(variance)
    deviation[deviation <= 8 * ROUNDING] = 0.0
    scaled = np.ldexp(deviation, exponent)
    scaled[scaled < np.finfo(np.float64).tiny] = 0.0  # its inverse may be beyond float64
    return Moments(np.ldexp(origin + mean, exponent), scaled)


def moments_of_bytes(values: npt.NDArray[np.uint8]) -> Moments:
    """Return the same for bytes, by counting how often each of them is there: faster, and in little memory."""
    channels, levels = values.shape[-1], np.arange(256)
    counts = np.zeros((channels, len(levels)))
    size = max(BYTES // values[0].size, 1)
    for start in range(0, len(values), size):
        block = values[start : start + size].reshape(-1, channels)
        counts += [np.bincount(column, minlength=len(levels)) for column in block.T]
    shares = counts / counts[0].sum()
    mean = shares @ levels
    return Moments(mean, np.sqrt((shares * np.square(levels - mean[:, None])).sum(axis=1)))


def largest(values: Array) -> Float64s:
    """Return the largest absolute value of numbers [n, ..., k] for each index of the last axis."""
    flat = values.reshape(-1, values.shape[-1])
    ends = np.stack([flat.min(axis=0), flat.max(axis=0)])
    result: Float64s = np.abs(ends.astype(np.float64)).max(axis=0)
    return result
