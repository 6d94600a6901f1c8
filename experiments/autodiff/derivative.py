"""The derivative that is asked for, and its entries."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]

Direction = Mapping[str, Array]
"""A tangent vector: for each variable that changes, the changes of its elements."""

GRADIENT, JACOBIAN, HESSIAN, HVP = KINDS = ("gradient", "jacobian", "hessian", "hvp")


@dataclass(frozen=True)
class Entry:
    """One number of a derivative: one element of the value, differentiated along one direction after another."""

    output: int
    """The index of the value's element, in row-major order."""
    directions: tuple[Direction, ...]
    """One direction for each order of the derivative."""


@dataclass(frozen=True)
class Block:
    """All entries for one variable, or for a pair of variables in a Hessian."""

    name: str
    """``w``, or ``w.x`` for the second derivatives by w and x; metrics are named ``derivative/<name>``."""
    shape: tuple[int, ...]
    entries: tuple[Entry, ...]

    def index(self, number: int) -> str:
        """The index of entry ``number``, such as ``[0,1]``; empty where the block is a single number."""
        if not self.shape:
            return ""
        return f"[{','.join(str(i) for i in np.unravel_index(number, self.shape))}]"


@dataclass(frozen=True)
class Derivative:
    """A derivative of an expression with respect to some of its variables."""

    kind: str
    order: int
    """The order of a gradient of a scalar by a scalar; the other kinds have a fixed order."""
    wrt: tuple[str, ...]
    direction: Direction
    """The vector of a Hessian-vector product; empty for the other kinds."""

    def blocks(self, values: Mapping[str, Array], value_shape: tuple[int, ...]) -> list[Block]:
        """The blocks to be found, with the shapes that a TensorFlow user gets.

        For a value of shape ``value_shape`` and a variable of shape s: gradient s, Jacobian value_shape + s,
        Hessian s + t for each pair of variables, Hessian-vector product s.
        """
        if self.kind == HESSIAN:
            return [self._pair(values, v, w) for v, w in itertools.product(self.wrt, repeat=2)]
        outputs = range(math.prod(value_shape))
        shape_before = value_shape if self.kind == JACOBIAN else ()
        blocks = []
        for name in self.wrt:
            units = list(_unit_directions(values, name))
            entries = (Entry(output, self._directions(unit)) for output in outputs for unit in units)
            blocks.append(Block(name, shape_before + values[name].shape, tuple(entries)))
        return blocks

    def _directions(self, unit: Direction) -> tuple[Direction, ...]:
        return (unit, self.direction) if self.kind == HVP else (unit,) * self.order

    def _pair(self, values: Mapping[str, Array], v: str, w: str) -> Block:
        units = itertools.product(_unit_directions(values, v), _unit_directions(values, w))
        return Block(f"{v}.{w}", values[v].shape + values[w].shape, tuple(Entry(0, pair) for pair in units))

    def symbol(self, name: str) -> str:
        """The notation of a block's derivative: dy/dw, d^2y/dw^2, d^2y/dw dx, H v."""
        if self.kind == HESSIAN:
            v, w = name.split(".")
            return f"d²y/d{v}²" if v == w else f"d²y/d{v}d{w}"
        if self.kind == HVP:
            return f"(H·v) for {name}"
        power = "" if self.order == 1 else "⁰¹²³⁴⁵"[self.order]
        return f"d{power}y/d{name}{power}"


def _unit_directions(values: Mapping[str, Array], name: str) -> Iterator[Direction]:
    for element in range(values[name].size):
        tangent = np.zeros(values[name].size)
        tangent[element] = 1.0
        yield {name: tangent.reshape(values[name].shape)}


def entry_count(kind: str, sizes: Sequence[int], value_size: int) -> int:
    """The count of numbers in a derivative of this kind, for variables and a value of these sizes."""
    return sum(sizes) ** 2 if kind == HESSIAN else sum(sizes) * value_size
