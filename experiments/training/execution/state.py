"""All that training changes."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import numpy.typing as npt

Arrays = list[npt.NDArray[Any]]


class State:
    """The variables of a model and its optimizer; a training that is to go on exactly needs all of them.

    These are the weights, moving statistics (BatchNormalization), the seed generators' states (Dropout draws the same
    numbers again only from the same state) and the optimizer's variables with its step count. ``model.weights`` has
    neither the seed generators' states nor the optimizer's variables.
    """

    def __init__(self, model: Any, optimizer: Any) -> None:
        self.variables: list[Any] = _distinct([*model.variables, *optimizer.variables])

    def values(self) -> Arrays:
        """In the order of :attr:`variables`."""
        return values_of(self.variables)

    def restore(self, values: Arrays) -> None:
        """Sets the variables to what :meth:`values` has returned."""
        assign(self.variables, values)

    @contextmanager
    def kept(self) -> Iterator[None]:
        """Whatever happens within, the variables are afterwards as they were."""
        values = self.values()
        try:
            yield
        finally:
            self.restore(values)


def values_of(variables: list[Any]) -> Arrays:
    """A copy of every variable's value."""
    return [np.array(variable.numpy()) for variable in variables]


def assign(variables: list[Any], values: Arrays) -> None:
    """Puts values back. Raises ValueError where they are of another model."""
    if [tuple(variable.shape) for variable in variables] != [value.shape for value in values]:
        raise ValueError("these are values of another model")
    for variable, value in zip(variables, values, strict=True):
        variable.assign(value)


def _distinct(variables: list[Any]) -> list[Any]:
    """A layer used twice is there once."""
    return list({id(variable): variable for variable in variables}.values())
