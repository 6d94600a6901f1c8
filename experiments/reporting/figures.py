"""The style of all figures: colours, margins, titles, and names as they stand.

Margins and titles have fixed places and there are no minor ticks, because computing them takes most of a second.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING
from unicodedata import bidirectional

from experiments.reporting.text import on_one_line, shortened

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.axis import Axis
    from matplotlib.figure import Figure
    from numpy.typing import ArrayLike

BLUE, ORANGE, GREEN, GREY = "#14508c", "#e58a1f", "#1b7f4b", "#6b6b6b"
"""Each is lighter or darker than the others, so that they also differ in greyscale and for colour-blind readers."""

COLORS = (
    *(BLUE, ORANGE, GREEN, "#8e44ad", "#b8860b", "#d6336c"),
    *("#17a2b8", "#7f4f24", "#5c7cfa", "#74b816", "#343a40", "#e8590c"),
)
"""As many colours as can be told apart."""

MARKERS = ("o", "s", "^", "D", "v", "P", "X", "<", ">", "p", "h", "*")
"""A marker for each colour: without colours, lines are told apart by these."""

HATCHES = ("", "///", "...", "xxx", "+++")
"""Patterns of bars, for the same reason."""

FARTHEST = 100.0
"""An interval is drawn up to so many times the largest value: one that says nothing would make a line of the curve."""

FEWEST = 4
"""An axis has at least so many ticks."""

MOST_SIZES = 10
"""Up to this many sizes, each has its own tick on the axis."""

DASHES = ("-", "--", ":", "-.")

PLACE = (0.13, 0.11, 0.84, 0.79)
"""Left, bottom, width and height of the axes, relative to the figure."""

SIZE = (8.0, 5.0)
"""Width and height of a figure in inches."""

MOST_LETTERS = 60
"""A label has up to this many letters."""

MOST_IN_SETTING = 100

FROM_THE_LEFT = "\u200e"
"""Unicode's invisible mark that what stands beside it is written from the left."""


def label(text: str, most: int = MOST_LETTERS) -> str:
    """Return the label that shows a text as it stands, on one line, in up to ``most`` letters.

    Everything that we have not written ourselves goes through here: names of classes, datasets and jobs, values of a
    config. Matplotlib takes what stands between two dollar signs for mathematics, leaves out of a legend what begins
    with an underscore, and would turn around the whole line in which a Hebrew or Arabic name comes first.
    """
    shown = shortened(on_one_line(text), most).replace("$", r"\$")
    if any(bidirectional(letter) in ("R", "AL") for letter in shown):
        return f"{FROM_THE_LEFT}{shown}{FROM_THE_LEFT}"
    return f" {shown}" if shown.startswith("_") else shown


def new_figure(
    title: str,
    setting: str,
    place: tuple[float, float, float, float] = PLACE,
    size: tuple[float, float] = SIZE,
    title_height: float = 1.02,
) -> tuple[Figure, Axes]:
    """Return a figure with one pair of axes, ``title`` on the left above it and ``setting`` small on the right.

    Both are shown as they stand.
    """
    from matplotlib.figure import Figure

    figure = Figure(figsize=size, dpi=120)
    axes = figure.add_axes(place)
    axes.set_title(label(title), loc="left", fontweight="bold", y=title_height)
    axes.set_title(label(setting, MOST_IN_SETTING), loc="right", fontsize=9, color=GREY, y=title_height)
    dress(axes)
    return figure, axes


def dress(axes: Axes) -> None:
    """Draw a light grid behind the data and remove the frame."""
    axes.grid(which="major", color="#e3e3e3")
    axes.set_axisbelow(True)
    axes.spines[["top", "right"]].set_visible(False)


def draw_band(
    axes: Axes,
    x: ArrayLike,
    values: ArrayLike,
    intervals: ArrayLike,
    color: str,
    label: str | None = None,
) -> None:
    """Fill the intervals [points, 2] of a curve of positive values; the label says if one reaches too far to be shown.

    Draws nothing where no interval is known.
    """
    import numpy as np

    ends = np.array(intervals, dtype=float)
    if not np.isfinite(ends).any():
        return
    shown = np.clip(ends, np.min(values) / FARTHEST, np.max(values) * FARTHEST)  # NaN stays NaN
    is_cut = bool((ends[np.isfinite(ends)] != shown[np.isfinite(ends)]).any())
    named = f"{label}, cut off" if label and is_cut else label
    axes.fill_between(np.asarray(x), shown[:, 0], shown[:, 1], color=color, alpha=0.25, linewidth=0, label=named)


def name_ticks(axis: Axis) -> None:
    """Set ticks that suit the range of a logarithmic axis: powers of ten alone would leave a small one bare."""
    from matplotlib.ticker import LogLocator, MaxNLocator, NullLocator

    low, high = sorted(axis.get_view_interval())
    by_density = [LogLocator(subs=subs) for subs in ((1,), (1, 2, 5), (1, 1.5, 2, 3, 5, 7))]
    dense = (one for one in by_density if sum(low <= tick <= high for tick in one.tick_values(low, high)) >= FEWEST)
    axis.set_major_locator(next(dense, MaxNLocator(7)))
    axis.set_minor_locator(NullLocator())


def name_sizes(axes: Axes, sizes: Iterable[int]) -> None:
    """Name each size on a logarithmic x axis whose limits are set, or round numbers where the names have no room."""
    import numpy as np

    named = sorted(set(sizes))
    logs = np.log(named)
    if len(named) <= MOST_SIZES and np.diff(logs).min(initial=np.inf) >= np.ptp(logs) / 15:
        axes.set_xticks(named, [f"{size:,}" for size in named], minor=False)
    else:
        axes.xaxis.set_major_formatter(lambda size, _: f"{size:,g}" if size < 1e6 else f"{size:,.0f}")
        name_ticks(axes.xaxis)


def no_minor_ticks(axes: Axes) -> None:
    """Remove minor ticks. Call it after the scales are set, which bring minor ticks of their own."""
    from matplotlib.ticker import NullLocator

    axes.xaxis.set_minor_locator(NullLocator())
    axes.yaxis.set_minor_locator(NullLocator())
