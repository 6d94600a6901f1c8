"""The plot of a classifier's ROC, precision and recall, and calibration."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from experiments.reporting.figures import BLUE, GREY, dress, label
from experiments.training.curves import CALIBRATION, PRECISION_RECALL, ROC, Curve, calibration_error

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

PANELS = {
    ROC: ("ROC", "false positive rate", "true positive rate"),
    PRECISION_RECALL: ("Precision and recall", "recall", "precision"),
    CALIBRATION: ("Calibration", "probability of the predicted class", "share that is right"),
}
"""Kind -> heading and axes."""

STYLES: dict[str, Any] = {
    ROC: {},
    PRECISION_RECALL: {"drawstyle": "steps-pre"},
    CALIBRATION: {"marker": "o", "markersize": 4},
}

PLACES: dict[str, Any] = {ROC: "lower right", CALIBRATION: "lower right"}
"""Where the legends stand: where good curves are not. That of the ROC is also for precision and recall."""

LONGEST_NAME = 30
"""Letters of a class in the legend."""


def curve_figure(curves: Sequence[Curve], title: str) -> Figure:
    """Draw each kind of curve in a panel of its own."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(13, 4.6), dpi=120)
    for place, kind in enumerate(PANELS):
        axes = figure.add_axes((0.05 + 0.325 * place, 0.13, 0.27, 0.68))
        _panel(axes, kind, [curve for curve in curves if curve.kind == kind])
    figure.text(0.05, 0.94, title, fontweight="bold", fontsize=12)
    return figure


def _panel(axes: Axes, kind: str, curves: Sequence[Curve]) -> None:
    from matplotlib import colormaps

    heading, x, y = PANELS[kind]
    if kind != PRECISION_RECALL:
        name = "as right as it is certain" if kind == CALIBRATION else "chance"
        axes.plot([0, 1], [0, 1], "--", color=GREY, linewidth=1, label=name)
    colours = colormaps["tab10"]
    for number, curve in enumerate(curves):
        colour = BLUE if len(curves) == 1 else colours(number)
        axes.plot(curve.x, curve.y, "-", color=colour, linewidth=1.4, label=_name(curve), **STYLES[kind])
    axes.set(xlabel=x, ylabel=y, xlim=(-0.02, 1.02), ylim=(-0.02, 1.04))
    axes.set_title(heading, loc="left", fontsize=11)
    dress(axes)
    if kind in PLACES:
        axes.legend(frameon=False, fontsize=8, loc=PLACES[kind])


def _name(curve: Curve) -> str:
    if curve.kind == CALIBRATION:
        return f"network (calibration error {calibration_error(curve):.3f})"
    return label(curve.of, LONGEST_NAME)
