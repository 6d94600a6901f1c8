"""The dependencies in a graph's definition."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

FORWARD, GRADIENT, UNUSED = "forward", "gradient", "unused"
"""The use of a node: for the value, for derivatives only, for nothing that is returned."""

PASSES_ON = {"Identity", "IdentityN", "StopGradient", "PreventGradient", "Snapshot", "EnsureShape"}
COMPUTES_NOTHING = PASSES_ON | {"Placeholder", "_Arg", "_Retval", "Const", "NoOp"}


@dataclass(frozen=True)
class Edge:
    """A dependency of one node on another."""

    source: str
    position: int | None
    """The number of the operand, from 0; None for a control edge, which only says what must run before."""


@dataclass(frozen=True)
class Dataflow:
    """A ``GraphDef`` with names for its arguments and results.

    :attr:`nodes` leaves out those that only pass a tensor on (``Identity``, ``NoOp``, ``_Retval``).
    """

    definition: Any
    arguments: Mapping[str, str]
    """The variable's name for each argument node's name."""
    results: Sequence[tuple[str, str]]
    """The label and the tensor of each result. The first is the value, the others are derivatives."""

    @property
    def operations(self) -> int:
        """The number of nodes that compute something."""
        return sum(node.op not in COMPUTES_NOTHING for node in self.definition.node)

    @cached_property
    def nodes(self) -> dict[str, Any]:
        """The nodes worth drawing, by name."""
        return {name: node for name, node in self._all.items() if not self._is_clutter(node)}

    @cached_property
    def outputs(self) -> list[tuple[str, str]]:
        """The label of each result, and the name of the node that computes it."""
        return [(label, source) for label, tensor in self.results for source in self._sources(_node_of(tensor))]

    @cached_property
    def uses(self) -> dict[str, str]:
        """The use of each node, by its name: FORWARD, GRADIENT or UNUSED."""
        forward = self._needed_for(node for _, node in self.outputs[:1])
        needed = self._needed_for(node for _, node in self.outputs)
        return {name: FORWARD if name in forward else GRADIENT if name in needed else UNUSED for name in self.nodes}

    def edges(self, name: str) -> list[Edge]:
        """The edges into a node: its operands in order, then the nodes that it only waits for."""
        tensors = [tensor for tensor in self._all[name].input if not tensor.startswith("^")]
        operands = [
            Edge(source, position)
            for position, tensor in enumerate(tensors)
            for source in self._sources(_node_of(tensor))
        ]
        known = {edge.source for edge in operands}
        waits = (tensor for tensor in self._all[name].input if tensor.startswith("^"))
        before = {source: None for tensor in waits for source in self._sources(_node_of(tensor))}
        return operands + [Edge(source, None) for source in before if source not in known]

    @cached_property
    def _all(self) -> dict[str, Any]:
        return {node.name: node for node in self.definition.node}

    def _sources(self, name: str) -> Iterator[str]:
        """The node itself, or the sources of what it passes on."""
        node = self._all[name]
        if not self._is_clutter(node):
            yield name
            return
        for tensor in node.input:
            yield from self._sources(_node_of(tensor))

    def _is_clutter(self, node: Any) -> bool:
        if node.op in {"_Retval", "NoOp"}:
            return True
        # A node that also waits for another does more than pass on.
        return node.op in PASSES_ON and len(node.input) == 1

    def _needed_for(self, names: Iterable[str]) -> set[str]:
        needed: set[str] = set()
        ahead = list(names)
        while ahead:
            name = ahead.pop()
            if name not in needed:
                needed.add(name)
                ahead += [edge.source for edge in self.edges(name)]
        return needed


def _node_of(tensor: str) -> str:
    """The name of the node that a tensor comes from: ``x`` for ``x``, ``x:1`` and ``^x``."""
    return tensor.removeprefix("^").partition(":")[0]
