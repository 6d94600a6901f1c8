"""Text inside the axes, at places where it covers no line, no point and no other text."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.path import Path
    from matplotlib.transforms import Bbox

Corner = Literal["upper left", "lower right", "upper right", "lower left"]

FONT_SIZE = 9.0
"""Points."""

LETTER, LINE = 0.66, 1.5
"""The mean width of a letter and the height of a line, in font sizes. (Measuring takes as long as drawing.)"""

DISTANCES = (6.0, 13.0, 22.0, 34.0)
"""Points between a text and what it names: the nearest that is free is taken."""

SIDES = ((-1, 1), (1, -1), (1, 1), (-1, -1), (0, 1), (0, -1))
"""Curves rise to the right: above left and below right are free most often."""

HANDLE = 4.0
"""The width of a line in the legend, in font sizes."""

CORNERS: dict[Corner, tuple[int, int]] = {
    "upper left": (0, 1),
    "lower right": (1, 0),
    "upper right": (1, 1),
    "lower left": (0, 0),
}

MOST_ROOM = 0.5
"""A legend takes up to this share of the height."""


class Labels:
    """Writes into axes whose lines are drawn and whose limits are set."""

    def __init__(self, axes: Axes) -> None:
        self._axes = axes
        axes.autoscale_view()  # the limits follow from the data now, where they are not set
        self._taken: list[Bbox] = []
        """Where there is text, in pixels."""

    def write(self, text: str, *points: tuple[float, float]) -> None:
        """Write beside one of some points of the data, at the nearest place that is free.

        The text is left out where none is: tables and notes have what plots show.
        """
        lines = self._lines()
        places = ((at, side, distance) for distance in DISTANCES for at in points for side in SIDES)
        free = ((place, box) for place in places if self._is_free(box := self._beside(text, *place), lines))
        if (found := next(free, None)) is None:
            return
        (at, (across, up), distance), box = found
        self._taken.append(box)
        self._axes.annotate(
            text,
            at,
            (across * distance, up * distance),
            textcoords="offset points",
            ha={-1: "right", 0: "center", 1: "left"}[across],
            va="bottom" if up > 0 else "top",
            fontsize=FONT_SIZE,
        )

    def add_legend(self, columns: int = 1, **style: Any) -> None:
        """Add a legend in a corner that is free; if none is, the axis grows until there is room above the lines."""
        handles, names = self._axes.get_legend_handles_labels()
        if not names:
            return
        width = columns * (LETTER * max(map(len, names)) + HANDLE) * self._pixels(FONT_SIZE)
        height = (LINE * -(-len(names) // columns) + 0.8) * self._pixels(FONT_SIZE)
        lines = self._lines()
        corner: Corner | None = next(
            (name for name in CORNERS if self._is_free(self._corner(name, width, height), lines)), None
        )
        if corner is None:
            corner = "upper left"
            self._make_room(height / self._axes.bbox.height)
        self._axes.legend(handles, names, loc=corner, ncols=columns, frameon=False, fontsize=FONT_SIZE, **style)

    def _make_room(self, share: float) -> None:
        """Raise the upper end of the y axis so that the data leave ``share`` of the height free."""
        axes = self._axes
        top = axes.transAxes.transform((0, 1 / (1 - min(share, MOST_ROOM))))
        low, _ = axes.get_ylim()
        axes.set_ylim(low, axes.transData.inverted().transform(top)[1])

    def _is_free(self, box: Bbox, lines: list[Path]) -> bool:
        inside = self._axes.bbox
        if box.x0 < inside.x0 or box.x1 > inside.x1 or box.y0 < inside.y0 or box.y1 > inside.y1:
            return False
        return not any(box.overlaps(other) for other in self._taken) and not any(
            path.intersects_bbox(box, filled=False) for path in lines
        )

    def _lines(self) -> list[Path]:
        paths = [line.get_transform().transform_path(line.get_path()) for line in self._axes.lines]
        return [path.cleaned(remove_nans=True) for path in paths]

    def _beside(self, text: str, at: tuple[float, float], side: tuple[int, int], distance: float) -> Bbox:
        from matplotlib.transforms import Bbox

        x, y = self._axes.transData.transform(at)
        width, height = LETTER * len(text) * self._pixels(FONT_SIZE), LINE * self._pixels(FONT_SIZE)
        x += side[0] * self._pixels(distance) + {-1: -width, 0: -width / 2, 1: 0}[side[0]]
        y += side[1] * self._pixels(distance) - (height if side[1] < 0 else 0)
        return Bbox.from_bounds(x, y, width, height)

    def _corner(self, name: Corner, width: float, height: float) -> Bbox:
        from matplotlib.transforms import Bbox

        right, top = CORNERS[name]
        inside = self._axes.bbox
        margin = self._pixels(4)
        x = inside.x1 - width - margin if right else inside.x0 + margin
        y = inside.y1 - height - margin if top else inside.y0 + margin
        return Bbox.from_bounds(x, y, width, height)

    def _pixels(self, points: float) -> float:
        figure = self._axes.get_figure()
        assert figure is not None
        return points * figure.dpi / 72
