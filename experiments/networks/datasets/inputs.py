"""Checks of a user's inputs."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from experiments.experiment import Refused

Array = npt.NDArray[Any]


def inputs(key: str, values: Array) -> Array:
    """Inputs as [n, features] or [n, height, width, channels]; images of [n, height, width] get one channel.

    ``key`` is the array's name in messages. Raises Refused for other shapes, and unless all are finite in float64.
    """
    if values.dtype.kind not in "biuf":
        raise Refused(f"{key} holds {values.dtype}, but inputs are numbers")
    if values.ndim not in (2, 3, 4):
        raise Refused(
            f"{key} has the shape {list(values.shape)}, but inputs are [n, features], [n, height, width] "
            "or [n, height, width, channels]"
        )
    if not values.size:
        raise Refused(f"{key} is empty: its shape is {list(values.shape)}")
    if values.dtype.kind == "f":
        _require_finite(key, values)
    return values[..., None] if values.ndim == 3 else values


def _require_finite(key: str, values: Array) -> None:
    wrong = ~is_finite(values).reshape(len(values), -1).all(axis=1)
    if wrong.any():
        example = int(np.argmax(wrong))
        what = "NaN" if np.isnan(values[example]).any() else "infinity or a number beyond float64"
        raise Refused(f"{key} holds {what}, first in example {example}")


def is_finite(values: Array) -> npt.NDArray[np.bool_]:
    """Tell for each number whether it is finite in float64, which is smaller than NumPy's longdouble."""
    with np.errstate(over="ignore"):
        numbers = values.astype(np.float64) if values.dtype.itemsize > 8 else values
        finite: npt.NDArray[np.bool_] = np.isfinite(numbers)
        return finite
