"""How the time of a product grows with its size."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np

from experiments.matmul.curves import Floats, Sizes, TimeCurve

RESAMPLES = 200

LEAST_SIZES = 4
"""One more than there are parameters."""

LOWEST_K, HIGHEST_K = 0.1, 5.0
"""Where k is looked for: a product of n x n matrices has 3."""

GRID, ZOOMS = 50, 4
"""Values of k tried at once, and how often the neighbourhood of the best is tried again."""


TOO_LITTLE = "the time grows too little over the fixed cost to tell k"


@dataclass(frozen=True, eq=False)
class Growth:
    """The fit t(n) = a + b n^k of a curve, each parameter with its 95 % bootstrap interval.

    The intervals tell what the noise of the samples does to the fit. Whether the law suits the curve at
    all, which caches make doubtful, is told by the deviation.
    """

    curve: TimeCurve
    a: float = math.nan
    """The fixed cost of a call, in seconds."""
    b: float = math.nan
    """What grows, at n = 1, in seconds."""
    k: float = math.nan
    """The growth: twice the size takes 2^k times as long, once the fixed cost is small beside it."""
    a_interval: tuple[float, float] = (math.nan, math.nan)
    b_interval: tuple[float, float] = (math.nan, math.nan)
    k_interval: tuple[float, float] = (math.nan, math.nan)
    deviation: float = math.nan
    """The largest distance of the fit from a median, relative to the median."""
    deviation_n: int = 0
    """The size at which that is."""
    problem: str = ""
    """Why there is no fit, or none to rely on; empty where there is one."""


def growth(curve: TimeCurve, seed: int = 0) -> Growth:
    """Fits a + b n^k with a >= 0 and b > 0, least squares of the relative deviations so that small sizes count."""
    if len(curve.n) < LEAST_SIZES:
        return Growth(curve, problem=f"too few sizes: {len(curve.n)} of at least {LEAST_SIZES}")
    ((a, b, k),) = _fit(curve.n, curve.seconds[None]).tolist()
    if b <= 0:
        return Growth(curve, problem="the time does not grow with n")
    deviations = np.abs((a + b * curve.n**k) / curve.seconds - 1)
    worst = int(np.argmax(deviations))
    problem = TOO_LITTLE if k in (LOWEST_K, HIGHEST_K) else ""
    fit = Growth(curve, a, b, k, problem=problem, deviation=float(deviations[worst]), deviation_n=int(curve.n[worst]))
    return _with_intervals(fit, seed) if curve.has_intervals else fit


def _with_intervals(fit: Growth, seed: int) -> Growth:
    """The fit with the spread of the fits to bootstrap curves."""
    fits = _fit(fit.curve.n, fit.curve.resampled(RESAMPLES, np.random.default_rng(seed)))
    a, b, k = ((float(low), float(high)) for low, high in np.percentile(fits, [2.5, 97.5], axis=0).T)
    open_ended = k[0] <= LOWEST_K or k[1] >= HIGHEST_K
    problem = TOO_LITTLE if open_ended else fit.problem
    return replace(fit, a_interval=a, b_interval=b, k_interval=k, problem=problem)


def _fit(n: Sizes, seconds: Floats) -> Floats:
    """(a, b, k) for each row of ``seconds``.

    Variable projection (G. H. Golub, V. Pereyra, 1973): for a given k the best a and b are linear least
    squares, so that only k is searched for, on a grid that closes in on the best.
    """
    scaled = n / n[-1]  # keeps powers of n within range
    row = np.arange(len(seconds))
    low, high = np.full(len(seconds), LOWEST_K), np.full(len(seconds), HIGHEST_K)
    for _ in range(1 + ZOOMS):
        ks = np.linspace(low, high, GRID, axis=1)
        a, b, cost = _best_linear(scaled ** ks[..., None], seconds)
        best = np.argmin(cost, axis=1)
        low, high = ks[row, np.maximum(best - 1, 0)], ks[row, np.minimum(best + 1, GRID - 1)]
    k = ks[row, best]
    return np.stack([a[row, best], b[row, best] / float(n[-1]) ** k, k], axis=1)


def _best_linear(powers: Floats, seconds: Floats) -> tuple[Floats, Floats, Floats]:
    """The a, b >= 0 that minimise sum(((a + b power) / seconds - 1)^2), and the sum: for each row and each k."""
    u = 1 / seconds[:, None]
    v = powers * u
    uu, uv, vv, u1, v1 = (u * u).sum(-1), (u * v).sum(-1), (v * v).sum(-1), u.sum(-1), v.sum(-1)
    determinant = uu * vv - uv * uv
    a, b = (u1 * vv - v1 * uv) / determinant, (v1 * uu - u1 * uv) / determinant
    # where one would be negative, zero is best for it, and the other is fitted alone
    a, b = np.where(a < 0, 0, np.where(b < 0, u1 / uu, a)), np.where(b < 0, 0, np.where(a < 0, v1 / vv, b))
    cost = ((a[..., None] * u + b[..., None] * v - 1) ** 2).sum(-1)
    return a, b, cost
