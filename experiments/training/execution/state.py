"""The variables that training changes, saved and restored."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import numpy.typing as npt

Arrays = list[npt.NDArray[Any]]


class State:
    """All variables of a model and its optimizer: what a training needs to resume exactly.

    They include moving statistics (BatchNormalization), the states of seed generators (Dropout) and the optimizer's
    step count. ``model.weights`` alone lacks the seed generators and the optimizer.
    """

    def __init__(self, model: Any, optimizer: Any) -> None:
        self.variables: list[Any] = _distinct([*model.variables, *optimizer.variables])

    def values(self) -> Arrays:
        """Return copies of all values, in the order of :attr:`variables`."""
        return values_of(self.variables)

    def restore(self, values: Arrays) -> None:
        """Set the variables to what :meth:`values` has returned."""
        assign(self.variables, values)

    @contextmanager
    def kept(self) -> Iterator[None]:
        """Restore the variables on leaving, also after an error."""
        values = self.values()
        try:
            yield
        finally:
            self.restore(values)


def values_of(variables: list[Any]) -> Arrays:
    """Return a copy of every variable's value."""
    return [np.array(variable.numpy()) for variable in variables]


def assign(variables: list[Any], values: Arrays) -> None:
    """Set the variables to ``values``. Raises ValueError if their number or shapes are of another model."""
    if [tuple(variable.shape) for variable in variables] != [value.shape for value in values]:
        raise ValueError("these are values of another model")
    for variable, value in zip(variables, values, strict=True):
        variable.assign(value)


def _distinct(variables: list[Any]) -> list[Any]:
    """Return the variables with each one once, although a shared layer lists its own twice."""
    return list({id(variable): variable for variable in variables}.values())
