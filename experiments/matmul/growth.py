"""Fit the growth of a product's time with its size."""

from __future__ import annotations

import math
import statistics
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from experiments.matmul.curves import Floats, Sizes, TimeCurve
from experiments.measure.verdict import Difference

LEAST_SIZES = 4
"""A fit needs one size more than it has parameters."""

LOWEST_K, HIGHEST_K = 0.1, 5.0
"""The range in which k is looked for; the arithmetic of n x n matrices has k = 3."""

SCANNED = np.geomspace(0.9 * LOWEST_K, 1.1 * HIGHEST_K, 50)
"""The first values of k to be tried; the two at either end lie beyond the range."""

LARGEST_DEVIATION = 0.25
"""The law does not hold for a curve with a size at which it is off by more than this share of the time."""

TOO_LITTLE = "the time grows too little over the fixed cost to tell k"


@dataclass(frozen=True, eq=False)
class Growth:
    """The fit t(n) = a + b n^k of a curve, each parameter with its 95 % interval.

    The intervals come from a fit to each process's times: the spread of these fits says how far off theirs is. The
    deviation says whether the law suits the curve at all, which caches make doubtful.
    """

    curve: TimeCurve
    a: float = math.nan
    """The fixed cost of a call, in seconds."""
    b: float = math.nan
    """The part that grows, in seconds at n = 1."""
    k: float = math.nan
    """The exponent: twice the size takes 2^k times as long, once the fixed cost is small beside it."""
    a_interval: tuple[float, float] = (math.nan, math.nan)
    b_interval: tuple[float, float] = (math.nan, math.nan)
    k_interval: tuple[float, float] = (math.nan, math.nan)
    deviation: float = math.nan
    """The largest distance of the fit from a median, relative to the median."""
    deviation_n: int = 0
    """The size with the largest deviation."""
    problem: str = ""
    """Why there is no fit, or none to rely on; empty where the fit is good."""


def growth(curve: TimeCurve) -> Growth:
    """Fit a + b n^k with a >= 0 and b > 0 to the curve's medians.

    The squares of the relative deviations are least, so that small sizes count as much as large ones.
    """
    if len(curve.n) < LEAST_SIZES:
        return Growth(curve, problem=f"too few sizes: {len(curve.n)} of at least {LEAST_SIZES}")
    ((a, b, k),) = _fit(curve.n, curve.seconds[None]).tolist()
    if b <= 0:
        return Growth(curve, problem="the time does not grow with n")
    deviations = np.abs((a + b * curve.n**k) / curve.seconds - 1)
    worst = int(np.argmax(deviations))
    fit = Growth(curve, a, b, k, deviation=float(deviations[worst]), deviation_n=int(curve.n[worst]))
    if k in (LOWEST_K, HIGHEST_K):
        return replace(fit, problem=TOO_LITTLE)
    if fit.deviation > LARGEST_DEVIATION:
        return replace(fit, problem=f"off by {fit.deviation:.0%} at n={fit.deviation_n:,}")
    return _with_intervals(fit) if curve.processes > 1 else fit


def _with_intervals(fit: Growth) -> Growth:
    """Add intervals by Student's t from the spread of the fits that each process has of its own."""
    levels = np.array([of_size[: fit.curve.processes] for of_size in fit.curve.levels]).T
    a, b, k = _fit(fit.curve.n, levels).T
    if np.any((k <= LOWEST_K) | (k >= HIGHEST_K) | (b <= 0)):
        return replace(fit, problem=TOO_LITTLE)
    low, high = _interval(fit.a, a)
    b_low, b_high = np.exp(_interval(math.log(fit.b), np.log(b))).tolist()
    return replace(fit, a_interval=(max(low, 0.0), high), b_interval=(b_low, b_high), k_interval=_interval(fit.k, k))


def _interval(best: float, by_process: Floats) -> tuple[float, float]:
    return Difference(best, statistics.stdev(by_process.tolist()), len(by_process)).interval


def _fit(n: Sizes, seconds: Floats) -> Floats:
    """The best (a, b, k) for each row of ``seconds``, one column a size: an array with a row for each.

    Variable projection (G. H. Golub, V. Pereyra, 1973): for a given k, a and b are linear least squares, so that only
    k is searched for. There may be several minima: the search begins at the best of :data:`SCANNED`. It searches for
    all rows at once; scipy.optimize.least_squares and curve_fit, row by row, take twenty times as long.
    """
    from scipy.optimize import elementwise  # 0.3 s that only a sweep's end pays for

    scaled = n / n[-1]  # keeps powers of n within range

    def cost(k: Floats, row: npt.NDArray[Any]) -> Floats:
        return _best_linear(scaled ** k[..., None], seconds[row.astype(np.intp)])[2]

    row = np.arange(len(seconds))
    best = np.clip(np.argmin(cost(SCANNED, row[:, None]), axis=1), 1, len(SCANNED) - 2)
    found = elementwise.find_minimum(cost, (SCANNED[best - 1], SCANNED[best], SCANNED[best + 1]), args=(row,))
    # where nothing brackets a minimum the best k lies at an end, or beyond
    k = np.clip(np.where(found.success, found.x, SCANNED[best]), LOWEST_K, HIGHEST_K)
    a, b, _ = _best_linear(scaled ** k[:, None], seconds)
    return np.stack([a, b / float(n[-1]) ** k, k], axis=1)


def _best_linear(powers: Floats, seconds: Floats) -> tuple[Floats, Floats, Floats]:
    """The a, b >= 0 that minimise sum(((a + b power) / seconds - 1)^2) over the last axis, and that sum.

    In closed form for all rows at once: scipy.optimize.nnls, row by row, makes a fit take ten times as long.
    """
    u = 1 / seconds
    v = powers * u
    uu, uv, vv, u1, v1 = (u * u).sum(-1), (u * v).sum(-1), (v * v).sum(-1), u.sum(-1), v.sum(-1)
    determinant = uu * vv - uv * uv
    a, b = (u1 * vv - v1 * uv) / determinant, (v1 * uu - u1 * uv) / determinant
    # where one would be negative, zero is best for it, and the other is fitted alone
    a, b = np.where(a < 0, 0, np.where(b < 0, u1 / uu, a)), np.where(b < 0, 0, np.where(a < 0, v1 / vv, b))
    cost: Floats = ((a[..., None] * u + b[..., None] * v - 1) ** 2).sum(-1)
    return a, b, cost
