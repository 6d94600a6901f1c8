"""A figure becomes a picture: PNG, and SVG for descriptions, pages and papers."""

from __future__ import annotations

import io
import logging
import re
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from experiments.reporting.fonts import choose_fonts

if TYPE_CHECKING:
    from collections.abc import Callable

    from matplotlib.figure import Figure


WIDTH = 640
"""The width of an SVG in CSS pixels: MLflow shows pictures in a run's description as large as they are."""

NO_METADATA = dict.fromkeys(("Creator", "Date", "Format", "Type"))

DRAWN_SIZE = re.compile(rb'width="([\d.]+)pt" height="([\d.]+)pt"')


@dataclass(frozen=True)
class Picture:
    """A drawn figure."""

    png: bytes
    svg: bytes
    """Text stays text, in the fonts of whoever looks at it: half the time of drawing its outlines."""
    without_font: str
    """The letters for which no font was found."""


def picture_of(figure: Figure | Callable[[], Figure | None]) -> Picture | None:
    """Draw a figure; None where a function draws none.

    The user's ``matplotlibrc`` has no say in it. Raises what the function and Matplotlib raise.
    """
    from matplotlib import rc_context, rcdefaults

    with rc_context():
        rcdefaults()
        drawn = figure() if callable(figure) else figure
        if drawn is None:
            return None
        without_font = choose_fonts(drawn)
        with _silence():
            return Picture(_png_of(drawn), _svg_of(drawn), without_font)


def _png_of(figure: Figure) -> bytes:
    png = io.BytesIO()
    # a tenth larger, four times as quick
    figure.savefig(png, format="png", pil_kwargs={"compress_level": 1})
    return png.getvalue()


def _svg_of(figure: Figure) -> bytes:
    from matplotlib import rc_context

    svg = io.BytesIO()
    with rc_context({"svg.fonttype": "none", "svg.hashsalt": "the same figure, the same bytes"}):
        figure.savefig(svg, format="svg", metadata=NO_METADATA)
    return DRAWN_SIZE.sub(_resized, svg.getvalue(), count=1)


def _resized(size: re.Match[bytes]) -> bytes:
    width, height = float(size[1]), float(size[2])
    return f'width="{WIDTH}" height="{height * WIDTH / width:.0f}"'.encode()


@contextmanager
def _silence() -> Iterator[None]:
    """Keep Matplotlib from warning of letters without a font: the caller says so, once."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Glyph .* missing")
        logging.getLogger("matplotlib.font_manager").setLevel(logging.ERROR)  # it regrets each weight that is not there
        yield
