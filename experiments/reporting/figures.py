"""How the lab's figures look: colours, margins, titles.

Margins and titles have fixed places, and there are no minor ticks: finding places for them takes most of a second.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

BLUE, ORANGE, GREEN, GREY = "#1f5fa8", "#c44e00", "#1b7f4b", "#6b6b6b"

COLORS = (
    *(BLUE, ORANGE, GREEN, "#8e44ad", "#b8860b", "#d6336c"),
    *("#17a2b8", "#7f4f24", "#5c7cfa", "#74b816", "#343a40", "#e8590c"),
)
"""As many as can be told apart."""

DASHES = ("-", "--", ":", "-.")

PLACE = (0.115, 0.11, 0.855, 0.79)
"""Of the axes in the figure: left, bottom, width and height."""

SIZE = (8.0, 5.0)
"""Inches."""


def new_figure(
    title: str,
    setting: str,
    place: tuple[float, float, float, float] = PLACE,
    size: tuple[float, float] = SIZE,
    title_height: float = 1.02,
) -> tuple[Figure, Axes]:
    """A figure with one pair of axes: the title on the left, under which circumstances on the right."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=size, dpi=120)
    axes = figure.add_axes(place)
    axes.set_title(title, loc="left", fontweight="bold", y=title_height)
    axes.set_title(setting, loc="right", fontsize=9, color=GREY, y=title_height)
    dress(axes)
    return figure, axes


def dress(axes: Axes) -> None:
    """A quiet grid behind the data, no frame."""
    axes.grid(which="major", color="#e3e3e3")
    axes.set_axisbelow(True)
    axes.spines[["top", "right"]].set_visible(False)


def no_minor_ticks(axes: Axes) -> None:
    """After the axes have their scales, which bring minor ticks of their own."""
    from matplotlib.ticker import NullLocator

    axes.xaxis.set_minor_locator(NullLocator())
    axes.yaxis.set_minor_locator(NullLocator())
