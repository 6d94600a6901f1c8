"""The figures of a derivative: the errors of finite differences, and the tangent of the curve."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from experiments.autodiff.answer import AutodiffAnswer
from experiments.autodiff.derivative import Entry
from experiments.autodiff.findings import Checked
from experiments.autodiff.held import as_held
from experiments.autodiff.numeric import Slopes
from experiments.autodiff.series import Result
from experiments.reporting.figures import BLUE, GREEN, ORANGE, new_figure, no_minor_ticks

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

COLOURS = {"float32": ORANGE, "float64": BLUE}

STEPS = 10.0 ** np.arange(0, -16.25, -0.25)

FLOOR = 1e-17
"""The height at which an error of zero is drawn."""

POINTS = 201


def step_figure(answer: AutodiffAnswer) -> Figure | None:
    """The error of finite differences over their step, and TensorFlow's own; None where no entry has a truth.

    Shows the first entry that has one. Large steps miss the curvature, small ones lose digits in a subtraction, so
    that the curve is a V; the complex step subtracts nothing.
    """
    found = _first_comparable(answer)
    if found is None:
        return None
    result, entry, one, name = found
    figure, axes = _new_figure(f"error of {name} against step size", answer)
    expression, point = as_held(answer.expression, answer.values, result.path.dtype)
    for dtype, colour in COLOURS.items():
        slopes = Slopes(expression, point)
        for centred, style, word in ((False, ":", "forward"), (True, "-", "central")):
            errors = [one.truth.error(slopes.difference(dtype, entry, step, centred)) for step in STEPS]
            axes.plot(STEPS, _drawable(errors), style, color=colour, linewidth=1.4, label=f"{word} difference, {dtype}")
    if len(entry.directions) == 1:
        (direction,) = entry.directions
        errors = [one.truth.error(slopes.complex_step(entry.output, direction, step=step)) for step in STEPS]
        axes.plot(STEPS, _drawable(errors), "--", color=GREEN, linewidth=1.4, label="complex step, complex128")
    _draw_floors(axes, answer, result.path.method)
    axes.set(xscale="log", yscale="log", xlabel="step", ylabel="relative error" if one.truth.value else "error")
    no_minor_ticks(axes)
    axes.set_ylim(FLOOR / 100, 1e5)
    axes.set_xlim(STEPS[0] * 1.3, STEPS[-1] / 1.3)  # from large steps on the left to small ones
    axes.legend(frameon=False, loc="upper center", fontsize=8.5, ncols=2)
    return figure


def tangent_figure(answer: AutodiffAnswer) -> Figure | None:
    """The curve y over a variable, with TensorFlow's tangent at the point; None where the derivative is no slope."""
    if not answer.is_curve:
        return None
    block, one = answer.blocks[0], answer.checked(answer.results[0])[0][0]
    (direction,) = block.entries[0].directions
    slopes = Slopes(answer.expression, answer.values)
    here, height = float(answer.values[block.name]), slopes.value("float64", 0, [])
    if not math.isfinite(height):
        return None
    reach = max(1.0, abs(here))
    distances = np.linspace(-reach, reach, POINTS)
    figure, axes = _new_figure(f"y over {block.name}", answer)
    curve = [slopes.value("float64", 0, [(direction, distance)]) for distance in distances]
    axes.plot(here + distances, curve, color=BLUE, linewidth=1.8, label="y")
    low, high = axes.get_ylim()
    if one.found is not None and math.isfinite(one.found):
        label = f"TensorFlow's slope: {one.found:.6g}"
        axes.plot(here + distances, height + one.found * distances, "--", color=ORANGE, linewidth=1.4, label=label)
    if one.truth.value is None and one.truth.sides and all(map(math.isfinite, one.truth.sides)):
        _draw_sides(axes, here, height, distances, one.truth.sides)
    axes.plot([here], [height], "o", color=ORANGE, markersize=6)
    axes.set_ylim(low, high)  # a steep tangent would flatten the curve
    axes.set(xlabel=block.name, ylabel="y")
    axes.legend(frameon=False, loc="best", fontsize=9)
    return figure


def _draw_sides(axes: Axes, here: float, height: float, distances: Any, sides: tuple[float, float]) -> None:
    """Draw both one-sided slopes at a kink, each on its side."""
    for sign, slope, word in ((-1, sides[0], "below"), (1, sides[1], "above")):
        reach = distances[distances * sign >= 0]
        label = f"slope from {word}: {slope:.6g}"
        axes.plot(here + reach, height + slope * reach, ":", color=GREEN, linewidth=1.6, label=label)


def _draw_floors(axes: Axes, answer: AutodiffAnswer, method: str) -> None:
    """Draw TensorFlow's own error as a horizontal line for each dtype."""
    tool = "GradientTape" if method == "reverse" else "ForwardAccumulator"
    levels: dict[float, list[str]] = {}
    for result in answer.results:
        if result.path.method == method and result.path.mode == answer.asked.mode:
            found = _first_of(answer, result)
            if found is not None and not math.isnan(found.error):
                levels.setdefault(max(found.error, FLOOR), []).append(result.path.dtype)
    for level, dtypes in levels.items():
        axes.axhline(level, color="black", linewidth=1, linestyle=(0, (6, 3)))
        error = "no error" if level == FLOOR else f"error {level:.1g}"
        axes.annotate(
            f"{tool}, {' and '.join(dtypes)}: {error}",
            (0.01, level),
            xycoords=("axes fraction", "data"),
            xytext=(0, -4),
            textcoords="offset points",
            va="top",
            fontsize=9,
            bbox={"facecolor": "white", "edgecolor": "none", "alpha": 0.8, "pad": 1},
        )


def _first_comparable(answer: AutodiffAnswer) -> tuple[Result, Entry, Checked, str] | None:
    """The first entry of the asked execution path that has a finite truth."""
    result = answer.results[0]
    for block, checked in zip(answer.blocks, answer.checked(result), strict=True):
        for number, one in enumerate(checked):
            if not one.truth.point and one.truth.value is not None:
                name = f"{answer.derivative.symbol(block.name)}{block.index(number)}"
                return result, block.entries[number], one, name
    return None


def _first_of(answer: AutodiffAnswer, result: Result) -> Checked | None:
    """The same entry as :func:`_first_comparable`'s, on another execution path."""
    for checked in answer.checked(result):
        for one in checked:
            if not one.truth.point and one.truth.value is not None:
                return one
    return None


def _drawable(errors: list[float]) -> list[float]:
    return [max(error, FLOOR) if math.isfinite(error) else math.nan for error in errors]


def _new_figure(title: str, answer: AutodiffAnswer) -> tuple[Figure, Axes]:
    text = answer.expression.text
    figure, axes = new_figure(title, f"y = {text if len(text) <= 45 else text[:44] + '…'}")
    no_minor_ticks(axes)
    return figure, axes
