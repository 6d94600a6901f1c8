"""What every plot keeps to: no text over lines, names at every axis, curves told apart without colours."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure

from experiments.reporting.figures import (
    BLUE,
    FARTHEST,
    GREEN,
    ORANGE,
    draw_band,
    name_sizes,
    name_ticks,
    new_figure,
    no_minor_ticks,
)
from experiments.reporting.labels import Labels

N = np.array([1, 10, 100, 1000])


def logarithmic() -> tuple[Figure, Axes]:
    figure, axes = new_figure("title", "setting")
    axes.set(xscale="log", yscale="log")
    no_minor_ticks(axes)
    return figure, axes


def assert_clear(figure: Figure, axes: Axes) -> None:
    """No text of the axes, as it is really drawn, covers a line, another text or the frame."""
    FigureCanvasAgg(figure).draw()
    legend = axes.get_legend()
    texts = [*axes.texts, *(legend.get_texts() if legend else ())]
    boxes = [text.get_window_extent() for text in texts]
    paths = [line.get_transform().transform_path(line.get_path()) for line in axes.lines]
    for box in boxes:
        assert not any(path.intersects_bbox(box, filled=False) for path in paths)
        assert axes.bbox.x0 <= box.x0 < box.x1 <= axes.bbox.x1
        assert axes.bbox.y0 <= box.y0 < box.y1 <= axes.bbox.y1
    assert not any(one.overlaps(other) for one, other in itertools.combinations(boxes, 2))


@pytest.mark.parametrize("slope", [-2.0, -0.3, 0.0, 0.3, 2.0])
def test_text_covers_no_line(slope):
    figure, axes = logarithmic()
    for factor in (1, 3, 9):
        axes.plot(N, factor * N**slope, "o-", label=f"curve number {factor}")
    axes.axhline(5, color="black")
    axes.margins(y=0.12)
    labels = Labels(axes)
    labels.write("the line at 5", *((n, 5) for n in N))
    for n in N:
        labels.write(f"{3 * n**slope:.2g} of them", (n, 3 * n**slope))
    labels.add_legend()
    assert_clear(figure, axes)
    assert len(axes.texts) >= 4


def test_an_axis_grows_where_no_corner_is_free():
    figure, axes = logarithmic()
    for factor in np.geomspace(1, 1e4, 30):
        axes.plot(N, factor * np.ones(4), label=f"curve {factor:.0f}" if factor > 1000 else None)
    before = axes.get_ylim()
    Labels(axes).add_legend()
    assert axes.get_ylim()[0] == before[0]
    assert axes.get_ylim()[1] > before[1]
    assert_clear(figure, axes)


@pytest.mark.parametrize("reach", [1.3, 3, 8, 30, 150, 900, 1e4, 1e9])
@pytest.mark.parametrize("low", [1, 3.7, 95])
def test_every_axis_has_names(low, reach):
    """A single 100 says nothing."""
    figure, axes = logarithmic()
    axes.plot([1, 2], [low, low * reach])
    axes.yaxis.set_major_formatter(lambda value, _: f"{value:g}")
    name_ticks(axes.yaxis)
    FigureCanvasAgg(figure).draw()
    bottom, top = axes.get_ylim()
    named = [
        tick for tick in axes.yaxis.get_major_ticks() if bottom <= tick.get_loc() <= top and tick.label1.get_text()
    ]
    assert 3 <= len(named) <= 13


@pytest.mark.parametrize(
    ("sizes", "has_each"), [([1, 10, 100], True), ([100, 110, 500], False), (list(range(100, 190, 7)), False)]
)
def test_sizes_are_named_where_there_is_room(sizes, has_each):
    figure, axes = logarithmic()
    axes.plot(sizes, sizes)
    name_sizes(axes, sizes)
    FigureCanvasAgg(figure).draw()
    low, high = axes.get_xlim()
    named = [tick.label1.get_text() for tick in axes.xaxis.get_major_ticks() if low <= tick.get_loc() <= high]
    assert (named == [f"{size:,}" for size in sizes]) is has_each
    assert len(named) >= 3


def test_an_interval_that_says_nothing_leaves_the_curve_its_axis():
    _, axes = logarithmic()
    axes.plot(N, [1, 2, 3, 4])
    draw_band(axes, N, [1, 2, 3, 4], [(0.5, 2), (1e-9, 1e9), (2, 4), (np.nan, np.nan)], BLUE, "95 % interval")
    low, high = axes.get_ylim()
    assert low > 0.5 / FARTHEST
    assert high < 8 * FARTHEST
    assert axes.get_legend_handles_labels()[1] == ["95 % interval, cut off"]


def test_the_first_colours_differ_in_greyscale():
    grey = sorted(float(np.dot(to_rgb(color), (0.299, 0.587, 0.114))) for color in (BLUE, GREEN, ORANGE))
    assert np.diff(grey).min() > 0.08
