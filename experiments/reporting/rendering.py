"""A figure becomes a picture."""

from __future__ import annotations

import io
import logging
import warnings
from typing import TYPE_CHECKING

from experiments.reporting.fonts import choose_fonts

if TYPE_CHECKING:
    from collections.abc import Callable

    from matplotlib.figure import Figure


def picture_of(figure: Figure | Callable[[], Figure | None]) -> tuple[bytes, str] | None:
    """Return a figure as PNG, and the letters in it for which there is no font; None where a function draws none.

    The user's ``matplotlibrc`` has no say in it. Raises what the function and Matplotlib raise.
    """
    from matplotlib import rc_context, rcdefaults

    with rc_context():
        rcdefaults()
        drawn = figure() if callable(figure) else figure
        if drawn is None:
            return None
        without_font = choose_fonts(drawn)
        return _png_of(drawn), without_font


def _png_of(figure: Figure) -> bytes:
    png = io.BytesIO()
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Glyph .* missing")  # the caller says so, once
        logging.getLogger("matplotlib.font_manager").setLevel(logging.ERROR)  # it regrets each weight that is not there
        # a tenth larger, four times as quick
        figure.savefig(png, format="png", pil_kwargs={"compress_level": 1})
    return png.getvalue()
