"""A figure becomes a picture."""

from __future__ import annotations

import io
import logging
import warnings
from typing import TYPE_CHECKING

from experiments.reporting.fonts import choose_fonts

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def png_of(figure: Figure) -> tuple[bytes, str]:
    """Return a figure as PNG, and the letters in it for which there is no font. Raises what Matplotlib raises."""
    without_font = choose_fonts(figure)
    png = io.BytesIO()
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Glyph .* missing")  # the caller says so, once
        logging.getLogger("matplotlib.font_manager").setLevel(logging.ERROR)  # it regrets each weight that is not there
        # a tenth larger, four times as quick
        figure.savefig(png, format="png", pil_kwargs={"compress_level": 1})
    return png.getvalue(), without_font
