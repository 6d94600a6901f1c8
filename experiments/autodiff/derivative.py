"""Which derivative is asked for, entry by entry."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]

Direction = Mapping[str, Array]
"""A tangent: for each variable that moves, how its elements move."""

GRADIENT, JACOBIAN, HESSIAN, HVP = KINDS = ("gradient", "jacobian", "hessian", "hvp")


@dataclass(frozen=True)
class Entry:
    """One number: the derivative of one element of the value along one direction after another."""

    output: int
    """Which element of the value, counted in rows."""
    directions: tuple[Direction, ...]
    """As many as the derivative's order."""


@dataclass(frozen=True)
class Block:
    """All entries that belong to one variable, or to a pair of them in a Hessian."""

    name: str
    """``w``, or ``w.x`` for the second derivatives by w and x: what stands behind ``derivative/``."""
    shape: tuple[int, ...]
    entries: tuple[Entry, ...]

    def index(self, number: int) -> str:
        """Where entry ``number`` stands, such as ``[0,1]``; nothing where there is only one."""
        if not self.shape:
            return ""
        return f"[{','.join(str(i) for i in np.unravel_index(number, self.shape))}]"


@dataclass(frozen=True)
class Derivative:
    """A kind of derivative of an expression by some of its variables."""

    kind: str
    order: int
    """For gradients of scalars by scalars; everything else has the order that its name says."""
    wrt: tuple[str, ...]
    direction: Direction
    """For the Hessian-vector product: the vector."""

    def blocks(self, values: Mapping[str, Array], value_shape: tuple[int, ...]) -> list[Block]:
        """What is to be found, with the shapes that a TensorFlow user gets.

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
        """How a block's derivative is written: dy/dw, d^2y/dw^2, d^2y/dw dx, H v."""
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
    """How many numbers a derivative of this kind has, for variables of these sizes."""
    return sum(sizes) ** 2 if kind == HESSIAN else sum(sizes) * value_size
