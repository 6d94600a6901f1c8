"""The answer of a run of autodiff, made by hand: rows, note and figures where TensorFlow cannot be imported."""

from __future__ import annotations

import sys

import numpy as np
import pytest

from experiments.autodiff.answer import AutodiffAnswer
from experiments.autodiff.derivative import GRADIENT, Derivative
from experiments.autodiff.execution_paths import Computed, ExecutionPath, every_path
from experiments.autodiff.grammar import parse
from experiments.autodiff.plots import step_figure, tangent_figure
from experiments.autodiff.series import Result
from experiments.autodiff.truth import Truth
from experiments.runtime import device

ASKED = ExecutionPath("reverse", "eager", "float32")

KNOWN = "arithmetic on paper"


@pytest.fixture(autouse=True)
def _no_tensorflow(monkeypatch):
    monkeypatch.setitem(sys.modules, "tensorflow", None)
    monkeypatch.setattr(device, "_current", None)


def truth(value: float | None = 6.0, point: str = "", sides: tuple[float, float] | None = None) -> Truth:
    return Truth(value, KNOWN, 0.0, point, sides, None)


def answer(*found: tuple[ExecutionPath, float | None], true: Truth | None = None) -> AutodiffAnswer:
    """The derivative of w² at 3, for which each path has ``found`` something."""
    expression, values = parse("w**2"), {"w": np.array(3.0)}
    derivative = Derivative(GRADIENT, 1, ("w",), {})
    made = AutodiffAnswer(expression, values, derivative, derivative.blocks(values, ()), found[0][0], "GPU:1")
    for path, slope in found:
        computed = Computed(np.array([9.0]), [None if slope is None else np.array([slope])])
        made.results.append(Result(path, computed, [[true or truth()]]))
    return made


def test_the_headline_says_what_was_computed_how_and_where():
    headline = "`y = w**2` = 9 at w = 3 (TensorFlow: reverse, eager, float32, GPU:1)"
    assert answer((ASKED, 6.0)).note().startswith(headline)


def test_a_right_derivative_has_no_finding():
    made = answer(*((path, 6.0) for path in every_path(ASKED)))
    assert made.summary() == "12 ways, largest error 0, no findings"
    assert "Computed in 12 ways" in made.note()
    assert f"Exact values by {KNOWN}." in made.note()


def test_a_wrong_derivative_is_told_with_the_paths_that_have_it():
    xla = ExecutionPath("reverse", "xla", "float32")
    made = answer((ASKED, 6.0), (ExecutionPath("forward", "eager", "float32"), 6.0), (xla, 7.0))
    assert made.findings() == ["**wrong**, dy/dw: TensorFlow says 7, the truth is 6 (all ways in xla)"]
    assert made.largest_error() == pytest.approx(1 / 6)


def test_two_words_name_the_paths_where_one_cannot():
    made = answer(
        *((path, 7.0 if (path.method, path.dtype) == ("reverse", "float32") else 6.0) for path in every_path(ASKED))
    )
    assert made.findings() == ["**wrong**, dy/dw: TensorFlow says 7, the truth is 6 (all ways in reverse, float32)"]


def test_what_is_on_every_path_is_said_once():
    made = answer((ASKED, None), (ExecutionPath("forward", "graph", "float64"), None))
    (finding,) = made.findings()
    assert finding.startswith("**unconnected**, dy/dw: TensorFlow returns None")
    assert finding.endswith("(in all ways)")


def test_the_columns_are_those_of_stored_runs():
    made = answer((ASKED, 6.0))
    (row,), (true,) = made.rows(), made.truth_rows()
    assert [row["variable"], row["method"], row["mode"], row["dtype"], row["derivative"], row["error"]] == [
        *("w", "reverse", "eager", "float32"),
        *(6.0, 0.0),
    ]
    assert true["way"] == KNOWN
    assert list(true) == [
        *("variable", "index", "dtype", "exact", "way", "formula", "point", "from_below", "from_above"),
    ]


def test_figures_show_the_error_and_the_tangent():
    made = answer((ASKED, 6.5))
    (axes,) = step_figure(made).axes
    assert "GradientTape, float32: error 0.08" in [text.get_text() for text in axes.texts]
    (axes,) = tangent_figure(made).axes
    assert "TensorFlow's slope: 6.5" in [line.get_label() for line in axes.lines]


def test_a_kink_has_no_error_to_draw_but_both_slopes():
    made = answer((ASKED, 1.0), true=truth(None, "kink", (-1.0, 1.0)))
    assert step_figure(made) is None
    (axes,) = tangent_figure(made).axes
    assert {"slope from below: -1", "slope from above: 1"} <= {line.get_label() for line in axes.lines}
    assert made.findings()[0].startswith("**kink**, dy/dw: a kink: the derivative is -1 from below and 1 from above")
