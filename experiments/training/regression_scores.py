"""How good the outputs of a regression are, in whatever unit its targets come."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from experiments.networks.standardisation import largest, moments

Array = npt.NDArray[Any]


LARGEST = 1e150
"""Errors of more deviations than this have no square in float64."""


@dataclass(frozen=True)
class RegressionScores:
    """The errors of a regression. Computed in float64, without overflow or underflow in the targets' unit."""

    rmse: float
    """Root mean square error, in the targets' unit."""
    r2: float | None
    """1 - rmse^2 / variance of the targets; None where they have no variance."""
    why_no_r2: str = ""
    """In words, why R² has no meaning; empty if it has."""


def regression_scores(targets: Array, outputs: Array) -> RegressionScores:
    """Compare outputs [n] with the targets [n]."""
    exponent = np.frexp(max(largest(targets[:, None])[0], largest(outputs[:, None])[0]))[1]
    errors = np.ldexp(outputs.astype(np.float64), -exponent) - np.ldexp(targets.astype(np.float64), -exponent)
    rmse = float(np.ldexp(np.sqrt(np.mean(np.square(errors))), exponent))
    deviation = float(moments(targets[:, None]).deviation[0])
    if len(targets) == 1:
        return RegressionScores(rmse, None, "the test set has a single example")
    if not deviation:
        return RegressionScores(rmse, None, "the targets of the test set are all the same")
    share = rmse / deviation
    if share > LARGEST:
        return RegressionScores(rmse, None, f"the errors are {share:.3g} deviations of the targets")
    return RegressionScores(rmse, 1 - share * share)
