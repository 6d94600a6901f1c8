"""The two pictures of a series."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from experiments.matmul.product import SHAPES
from experiments.matmul.report import duration, share, where
from experiments.matmul.series import Point
from experiments.roofline import COMPUTE, DISPATCH, MEMORY, Roofline

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from experiments.matmul.experiment import Matmul

BLUE, GREY = "#1f5fa8", "#6b6b6b"
REGIME_STYLE = {DISPATCH: ("#c44e00", "o"), MEMORY: (BLUE, "s"), COMPUTE: ("#1b7f4b", "^")}


def time_figure(matmul: Matmul, points: Sequence[Point]) -> Figure:
    """Time a call against n, both logarithmic, with the 95 % interval of the median as a band."""
    figure, axes = _new_figure(matmul, "time of a call")
    n = [point.product.size for point in points]
    microseconds = [point.measurement.median * 1e6 for point in points]
    axes.plot(n, microseconds, "o-", color=BLUE, markersize=5, label="median")
    band = np.array([point.measurement.interval for point in points]) * 1e6
    if np.isfinite(band).any():
        axes.fill_between(n, band[:, 0], band[:, 1], color=BLUE, alpha=0.25, linewidth=0, label="95 % interval")
    axes.plot(
        n,
        [point.measurement.first_call * 1e6 for point in points],
        ":",
        color=GREY,
        marker=".",
        linewidth=1,
        label="first call",
    )
    for point in (points[0], points[-1]):
        text = duration(point.measurement.median)
        at = (point.product.size, point.measurement.median * 1e6)
        axes.annotate(text, at, xytext=(0, -14), textcoords="offset points", ha="center", fontsize=9, color=BLUE)
    axes.set_ylabel("time a call [µs]")
    axes.legend(frameon=False)
    return figure


def throughput_figure(matmul: Matmul, points: Sequence[Point], roofline: Roofline) -> Figure:
    """FLOP/s against n; the marker tells the regime, the line on top is this machine's best."""
    figure, axes = _new_figure(matmul, "throughput")
    axes.plot(
        [point.product.size for point in points],
        [point.flops_per_s / 1e9 for point in points],
        "-",
        color=GREY,
        linewidth=1,
        zorder=1,
    )
    for regime, (color, marker) in REGIME_STYLE.items():
        held = [p for p in points if roofline.regime(p.product.flops, p.product.traffic) == regime]
        sizes, rates = [p.product.size for p in held], [p.flops_per_s / 1e9 for p in held]
        if held:
            axes.scatter(sizes, rates, color=color, marker=marker, label=regime, zorder=2)
    peak = roofline.compute.rate / 1e9
    axes.axhline(peak, color="black", linestyle="--", linewidth=1)
    axes.annotate(
        f"measured peak: {peak:.3g} GFLOP/s ({roofline.compute.route})",
        (0.01, peak),
        xycoords=("axes fraction", "data"),
        xytext=(0, 4),
        textcoords="offset points",
        fontsize=9,
    )
    best = max(points, key=lambda point: point.flops_per_s)
    axes.annotate(
        f"{best.flops_per_s / 1e9:.3g} GFLOP/s\n{share(best, roofline)} of the peak",
        (best.product.size, best.flops_per_s / 1e9),
        xytext=(0, -28),
        textcoords="offset points",
        ha="center",
        fontsize=9,
    )
    axes.set_ylabel("throughput [GFLOP/s]")
    axes.margins(y=0.15)
    axes.legend(frameon=False, loc="lower right")
    return figure


def _new_figure(matmul: Matmul, what: str) -> tuple[Figure, Axes]:
    from matplotlib.figure import Figure

    figure = Figure(figsize=(8, 5), dpi=120, layout="constrained")
    axes = figure.add_subplot()
    axes.set(xscale="log", yscale="log", xlabel="n")
    axes.set_title(f"{SHAPES[matmul.shape][0]}: {what}", loc="left", fontweight="bold")
    axes.set_title(f"{matmul.dtype}, {matmul.mode}, {where()}", loc="right", fontsize=9, color=GREY)
    axes.grid(which="major", color="#e3e3e3")
    axes.set_axisbelow(True)
    axes.spines[["top", "right"]].set_visible(False)
    return figure, axes
