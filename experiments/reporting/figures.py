"""The style of all figures: colours, margins, titles, and names as they stand.

Margins and titles have fixed places and there are no minor ticks, because computing them takes most of a second.
"""

from __future__ import annotations

from typing import TYPE_CHECKING
from unicodedata import bidirectional

from experiments.reporting.text import on_one_line, shortened

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

BLUE, ORANGE, GREEN, GREY = "#1f5fa8", "#c44e00", "#1b7f4b", "#6b6b6b"

COLORS = (
    *(BLUE, ORANGE, GREEN, "#8e44ad", "#b8860b", "#d6336c"),
    *("#17a2b8", "#7f4f24", "#5c7cfa", "#74b816", "#343a40", "#e8590c"),
)
"""As many colours as can be told apart."""

DASHES = ("-", "--", ":", "-.")

PLACE = (0.115, 0.11, 0.855, 0.79)
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


def name_ticks(axes: Axes) -> None:
    """Set ticks that suit the range of a logarithmic y axis: powers of ten alone would leave a small one bare."""
    from matplotlib.ticker import LogLocator, MaxNLocator, NullLocator

    low, high = axes.get_ylim()
    if high < 1000 * low:
        subs = (1, 2, 5) if high > 20 * low else (1, 1.5, 2, 3, 5, 7)
        axes.yaxis.set_major_locator(LogLocator(subs=subs) if high > 4 * low else MaxNLocator(7))
        axes.yaxis.set_minor_locator(NullLocator())


def no_minor_ticks(axes: Axes) -> None:
    """Remove minor ticks. Call it after the scales are set, which bring minor ticks of their own."""
    from matplotlib.ticker import NullLocator

    axes.xaxis.set_minor_locator(NullLocator())
    axes.yaxis.set_minor_locator(NullLocator())
