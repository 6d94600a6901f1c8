"""The computational graph that TensorFlow builds, and the one that it runs, as text and as a picture."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Any

import pytest
from google.protobuf import text_format

from experiments.autodiff.graph import Drawing, draw, drawing, rendering, tracing
from experiments.runtime.device import Placement
from experiments.runtime.tensorflow_import import import_tensorflow
from tests.needs import needs_graphviz

TEXTS = {"graph/traced.pbtxt", "graph/optimised.pbtxt", "graph/graph.dot"}


def with_gradients(expression: Any) -> Any:
    """``expression`` as a function that returns its value and its derivatives."""
    tf = import_tensorflow()

    def differentiated(*variables: Any) -> list[Any]:
        with tf.GradientTape() as tape:
            tape.watch(variables)
            value = expression(*variables)
        return [value, *tape.gradient(value, variables)]

    return differentiated


def scalars(count: int) -> list[Any]:
    return [import_tensorflow().constant(1.0 + number) for number in range(count)]


def textbook(a: Any, w: Any, b: Any, c: Any) -> Any:
    return a * w**2 + b * w + c


def draw_textbook(names: str | list[str] = "awbc", title: str = "y = a w² + b w + c") -> Drawing:
    return draw(with_gradients(textbook), scalars(4), list(names), title)


def operations(drawn: Drawing, which: str) -> list[str]:
    definition = import_tensorflow().compat.v1.GraphDef()
    text_format.Parse(drawn.files[f"graph/{which}.pbtxt"].decode(), definition)
    return [node.op for node in definition.node]


@needs_graphviz
def test_textbook_graph_is_drawn_with_its_operands_and_outputs_named(on_device: Placement) -> None:
    drawn = draw_textbook()
    assert set(drawn.files) == {*TEXTS, "graph/graph.svg", "plots/graph.png"}
    assert drawn.hint == ""
    assert {"Pow", "Mul", "AddV2"} <= set(operations(drawn, "traced"))
    assert "Square" in operations(drawn, "optimised")
    assert 0 < drawn.optimised_nodes < drawn.nodes
    assert drawn.files["plots/graph.png"].startswith(b"\x89PNG")
    shown = drawn.files["graph/graph.svg"].decode()
    for name in [*"awbc", "y", "dy/da", "dy/dw", "dy/db", "dy/dc"]:
        assert shown.count(f">{name}</text>") == 2, name
    assert "as traced" in shown
    assert f": {drawn.optimised_nodes} operations" in shown


def test_optimising_merges_what_is_common_and_folds_what_is_constant(on_device: Placement) -> None:
    tf = import_tensorflow()

    def wasteful(x: Any, z: Any) -> Any:
        return tf.atan2(x, z) * x + tf.atan2(x, z) + tf.exp(tf.constant(1.0) + tf.constant(2.0)) * x

    drawn = draw(lambda x, z: [wasteful(x, z)], scalars(2), ["x", "z"], "wasteful", results=["y"])
    assert (operations(drawn, "traced").count("Atan2"), operations(drawn, "optimised").count("Atan2")) == (2, 1)
    assert "Exp" not in operations(drawn, "optimised")
    assert drawn.optimised_nodes < drawn.nodes


def test_nodes_are_told_apart_by_what_needs_them(on_device: Placement) -> None:
    tf = import_tensorflow()
    graphs = tracing.trace(with_gradients(tf.sin), scalars(1), ["x"], ["y", "dy/dx"])
    uses = {node.op: graphs.traced.uses[name] for name, node in graphs.traced.nodes.items() if node.op != "Const"}
    assert uses == {"Placeholder": "forward", "Sin": "forward", "Cos": "gradient", "Mul": "gradient"}


def test_derivatives_that_do_not_exist_are_left_out(on_device: Placement) -> None:
    drawn = draw(with_gradients(lambda x, unused: x * x), scalars(2), ["x", "unused"], "y = x²")
    dot = drawn.files["graph/graph.dot"].decode()
    assert "dy/dx" in dot
    assert "dy/dunused" not in dot


@needs_graphviz
def test_matrices_branches_and_second_derivatives(on_device: Placement) -> None:
    tf = import_tensorflow()

    def value(matrix: Any, x: Any) -> Any:
        return tf.reduce_sum(tf.where(x > 0, tf.math.log(x), tf.tanh(matrix @ x)))

    def twice(matrix: Any, x: Any) -> list[Any]:
        with tf.GradientTape() as tape:
            tape.watch(x)
            first, _, slope = with_gradients(value)(matrix, x)
        return [first, slope, tape.gradient(slope, x)]

    operands = [tf.constant([[1.0, 2.0], [3.0, 4.0]]), tf.constant([[1.0], [-2.0]])]
    drawn = draw(twice, operands, ["A", "x"], "curved", ["y", "dy/dx", "d²y/dx²"])
    assert drawn.hint == ""
    assert "d²y/dx²" in drawn.files["graph/graph.dot"].decode()


@needs_graphviz
def test_what_the_function_closes_over_and_calls_is_drawn_too(on_device: Placement) -> None:
    tf = import_tensorflow()
    captured = tf.constant(3.0)
    inner = tf.function(lambda x: tf.cond(x > 0, lambda: x * captured, lambda: -x), autograph=False)
    drawn = draw(with_gradients(inner), scalars(1), ["x"], "nested")
    assert drawn.hint == ""
    assert "captured" in drawn.files["graph/graph.dot"].decode()


@needs_graphviz
def test_names_cannot_break_the_picture(on_device: Placement) -> None:
    names = ['"];', "<B>&", "λ:\\n", "a\x07\n"]
    drawn = draw_textbook(names, title='</TABLE>"\\')
    assert drawn.hint == ""
    shown = drawn.files["graph/graph.svg"].decode()
    assert "&lt;B&gt;&amp;" in shown
    assert ">λ:\\n</text>" in shown


def test_without_graphviz_there_are_the_texts_and_a_hint(
    on_device: Placement, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    drawn = draw_textbook()
    assert set(drawn.files) == TEXTS
    assert "Debian package graphviz" in drawn.hint
    assert "Pow" in operations(drawn, "traced")


def install_dot(folder: Path, script: str, monkeypatch: pytest.MonkeyPatch) -> None:
    dot = folder / "dot"
    dot.write_text(f"#!/bin/sh\n{script}\n")
    dot.chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}{os.pathsep}{os.environ['PATH']}")


def test_a_hanging_dot_is_given_up_on(on_device: Placement, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    install_dot(tmp_path, "sleep 60; :", monkeypatch)
    monkeypatch.setattr(rendering, "TIME_LIMIT", 0.2)
    start = time.monotonic()
    drawn = draw_textbook()
    assert time.monotonic() - start < 50
    assert "not ready after 0.2 s" in drawn.hint
    assert set(drawn.files) == TEXTS


@pytest.mark.parametrize(
    ("script", "reason"), [("echo no fonts >&2; exit 3", "ended with 3: no fonts"), ("exit 0", "made no svg")]
)
def test_a_failing_dot_is_quoted(
    on_device: Placement, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, script: str, reason: str
) -> None:
    install_dot(tmp_path, script, monkeypatch)
    assert reason in draw_textbook().hint


def test_a_graph_nobody_could_read_is_not_drawn(on_device: Placement, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(drawing, "MOST_NODES", 10)
    drawn = draw_textbook()
    assert "more than 10" in drawn.hint
    assert set(drawn.files) == TEXTS - {"graph/graph.dot"}


def test_more_results_than_names_are_refused(on_device: Placement) -> None:
    with pytest.raises(ValueError):
        draw(lambda x: [x, x, x], scalars(1), ["x"], "y")
