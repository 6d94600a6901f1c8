"""A function's computational graph as artifacts of a run."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from experiments.autodiff.graph.picture import dot_source
from experiments.autodiff.graph.rendering import NotRendered, render
from experiments.autodiff.graph.tracing import Graphs, trace

if TYPE_CHECKING:
    import tensorflow as tf

MOST_NODES = 150
"""Graphs of more nodes are not drawn: nobody could read them."""


@dataclass(frozen=True)
class Drawing:
    """The files of a graph, and its numbers of operations."""

    files: dict[str, bytes]
    """Content by artifact path: ``graph/traced.pbtxt`` and ``graph/optimised.pbtxt``; ``graph/graph.dot`` unless the
    graph is too large; ``graph/graph.svg`` and ``plots/graph.png`` where ``dot`` could draw it."""
    nodes: int
    """The number of operations that compute something, as traced."""
    optimised_nodes: int
    """The same number for the optimised graph, which runs."""
    hint: str
    """Why there is no image and what to do about it; empty if there is one."""


def draw(
    function: Callable[..., Sequence[tf.Tensor | None]],
    operands: Sequence[tf.Tensor],
    names: Sequence[str],
    title: str,
    results: Sequence[str] | None = None,
) -> Drawing:
    """Draw the graph of ``function(*operands)``, which returns a value and derivatives; a None among them is left out.

    ``names`` are the names of the operands, ``results`` those of the results (by default ``y``, ``dy/dw``, ...). The
    function is traced and run once. Raises ValueError where the names are too many or too few, and whatever the
    function raises. Where ``dot`` is missing or fails, the drawing has a hint instead of a picture.
    """
    graphs = trace(function, operands, names, results or ["y", *(f"dy/d{name}" for name in names)])
    pictures, hint = _pictures(graphs, title)
    return Drawing(_texts(graphs) | pictures, graphs.traced.operations, graphs.optimised.operations, hint)


def _texts(graphs: Graphs) -> dict[str, bytes]:
    from google.protobuf.text_format import MessageToString

    return {
        "graph/traced.pbtxt": MessageToString(graphs.traced.definition).encode(),
        "graph/optimised.pbtxt": MessageToString(graphs.optimised.definition).encode(),
    }


def _pictures(graphs: Graphs, title: str) -> tuple[dict[str, bytes], str]:
    """The picture's source and images, and a hint where there is no image."""
    nodes = len(graphs.traced.nodes)
    if nodes > MOST_NODES:
        return {}, f"no picture of the graph, only its text in graph/: it has {nodes} nodes, more than {MOST_NODES}"
    source = dot_source(title, graphs.traced, graphs.optimised)
    files = {"graph/graph.dot": source.encode()}
    try:
        images = render(source)
    except NotRendered as reason:
        return files, f"no picture of the graph, only its text in graph/: {reason}"
    return files | {"graph/graph.svg": images["svg"], "plots/graph.png": images["png"]}, ""
