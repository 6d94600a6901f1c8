"""The picture of two graphs side by side, in Graphviz's language."""

from __future__ import annotations

import html
from typing import TYPE_CHECKING, Any

from experiments.autodiff.graph import words
from experiments.autodiff.graph.dataflow import FORWARD, GRADIENT, UNUSED, Dataflow

if TYPE_CHECKING:
    from graphviz import Digraph

FONT = "Helvetica,Arial,sans-serif"
GREY, PALE, INK = "#6b6b6b", "#b5b5b5", "#222222"
LARGE = 120
"""From this many nodes on, dot spends less time on straight lines: 1.6 s rather than 11 s for 170 nodes."""

COLOURS = {
    FORWARD: ("#dce8f5", "#1f5fa8", "needed for the value"),
    GRADIENT: ("#fbe6d4", "#c44e00", "only for derivatives"),
    UNUSED: ("#f4f4f4", "#b5b5b5", "for nothing that is returned"),
}
"""Fill color, outline color and legend for each use of a node."""


def dot_source(title: str, traced: Dataflow, optimised: Dataflow) -> str:
    """The picture as DOT: left as traced, right as optimised."""
    from graphviz import Digraph

    flows = (traced, optimised)
    used = {flow.uses[name] for flow in flows for name, node in flow.nodes.items() if node.op != "Const"}
    picture = Digraph("computational graph")
    picture.attr(
        label=_title(title, used), labelloc="t", fontname=FONT, fontsize="12", fontcolor=INK, bgcolor="white",
        nodesep="0.2", ranksep="0.32", pad="0.2", dpi="110",
    )  # fmt: skip
    if len(traced.nodes) >= LARGE:
        picture.attr(nslimit="1")
    picture.attr("node", fontname=FONT, fontsize="12", fontcolor=INK, shape="box", style="rounded,filled")
    picture.attr("node", height="0.3", width="0.5", margin="0.1,0.04", penwidth="1")
    picture.attr("edge", color=GREY, arrowsize="0.6", penwidth="0.9", fontname=FONT, fontsize="8", fontcolor=GREY)
    _add(picture, "traced", "as traced", traced)
    _add(picture, "optimised", "as optimised", optimised)
    return str(picture.source)


def _add(picture: Digraph, key: str, heading: str, flow: Dataflow) -> None:
    with picture.subgraph(name=f"cluster_{key}") as cluster:
        count = f"{flow.operations} operation{'s' if flow.operations != 1 else ''}"
        cluster.attr(label=_html(f"<B>{heading}</B>: {count}"), color="#e3e3e3", style="rounded", margin="12")
        place = _Place(cluster, key, flow)
        for node in flow.nodes.values():
            place.add(node)
        for number, (label, source) in enumerate(flow.outputs):
            place.add_output(f"{key}_output{number}", label, source, GRADIENT if number else FORWARD)


class _Place:
    """The part of the picture that shows one graph."""

    def __init__(self, cluster: Digraph, key: str, flow: Dataflow) -> None:
        self._cluster = cluster
        self._flow = flow
        self._keys = {name: f"{key}{number}" for number, name in enumerate(flow.nodes)}

    def add(self, node: Any) -> None:
        if node.op == "Const":
            return  # drawn where it is used
        key = self._keys[node.name]
        self._cluster.node(key, **_look(self._flow, node))
        edges = self._flow.edges(node.name)
        operands = sum(edge.position is not None for edge in edges)
        for edge in edges:
            if edge.position is not None:
                number = words.operand(node, edge.position, operands)
                self._connect(edge.source, key, headlabel=number or None, labeldistance="1.2")
            elif self._flow.nodes[edge.source].op != "Const":
                self._connect(edge.source, key, style="dashed", color=PALE)

    def add_output(self, key: str, label: str, source: str, use: str) -> None:
        _, line, _ = COLOURS[use]
        look = {"shape": "ellipse", "fillcolor": "white", "color": line, "fontcolor": line, "penwidth": "1.6"}
        self._cluster.node(key, label=_html(f"<B>{_text(label)}</B>"), **look)
        self._connect(source, key, color=line)

    def _connect(self, source: str, key: str, **look: str | None) -> None:
        node = self._flow.nodes[source]
        if node.op != "Const":
            self._cluster.edge(self._keys[source], key, **look)
            return
        # Drawn anew at each use: lines from a shared 1 would cross the whole picture.
        constant = f"{self._keys[source]}_{key}"
        self._cluster.node(constant, **_look_of_constant(node))
        self._cluster.edge(constant, key, **({"color": PALE} | look))


def _look(flow: Dataflow, node: Any) -> dict[str, str]:
    if node.name in flow.arguments:
        label = _html(f"<I>{_text(flow.arguments[node.name])}</I>")
        return {"label": label, "tooltip": _hover(node), "shape": "ellipse", "fillcolor": "white", "color": INK}
    fill, line, _ = COLOURS[flow.uses[node.name]]
    small = words.parts(node) or words.short_name(node)
    label = _html(f"<B>{_text(words.operation(node))}</B>{'<BR/>' if small else ''}{_small(small)}")
    return {"label": label, "tooltip": _hover(node), "fillcolor": fill, "color": line}


def _look_of_constant(node: Any) -> dict[str, str]:
    bare = {"shape": "plaintext", "style": "", "height": "0.15", "width": "0.1", "margin": "0.04,0.02"}
    return bare | {"label": _html(_small(words.value(node))), "tooltip": _hover(node)}


def _hover(node: Any) -> str:
    """The tooltip in the SVG: the node's type and full name."""
    from graphviz import escape

    return str(escape(_clean(f"{node.op} {node.name}")))


def _title(title: str, used: set[str]) -> str:
    boxes = "".join(
        f'<TD BGCOLOR="{fill}" COLOR="{line}" BORDER="1" STYLE="ROUNDED">{_small(words)}</TD>'
        for use, (fill, line, words) in COLOURS.items()
        if use in used
    )
    heading = f'<FONT POINT-SIZE="15"><B>{_text(title)}</B></FONT>'
    legend = f'<TABLE BORDER="0" CELLSPACING="6" CELLPADDING="4"><TR>{boxes}</TR></TABLE>'
    rows = f"<TR><TD>{heading}</TD></TR><TR><TD>{legend}</TD></TR>"
    return _html(f'<TABLE BORDER="0" CELLSPACING="0" CELLPADDING="2">{rows}</TABLE>')


def _small(text: str) -> str:
    if not text:
        return ""  # Graphviz takes an empty FONT for an error
    return f'<FONT POINT-SIZE="9" COLOR="{GREY}">{_text(text)}</FONT>'


def _html(label: str) -> str:
    """Marks a label as markup for the graphviz package."""
    return f"<{label}>"


def _text(text: str) -> str:
    return html.escape(_clean(text))


def _clean(text: str) -> str:
    """The text with ``?`` for characters that XML does not allow, such as control characters."""
    return "".join(character if character.isprintable() else "?" for character in text)
