"""Fonts for names in any script."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from matplotlib.artist import Artist
    from matplotlib.figure import Figure
    from matplotlib.font_manager import FontEntry
    from matplotlib.text import Text

LAST_RESORT = "Last Resort"
"""The beginning of the name of Matplotlib's font of boxes, which has a box for every letter."""


def choose_fonts(figure: Figure) -> str:
    """Let the texts of a figure use fonts that have their letters; return the letters that no font here has.

    Looks for fonts only where the figure's own are not enough: opening all fonts of a machine takes a second.
    """
    missing = {text: letters for text in _texts_of(figure) if (letters := _missing_in(text))}
    families, nowhere = _families_with(frozenset().union(*missing.values()))
    for text in missing:
        text.set_fontfamily([*text.get_fontfamily(), *families])
        text.set_fontweight("normal")  # the weight in which the families were looked at
    return "".join(sorted(nowhere))


def _texts_of(artist: Artist) -> Iterator[Text]:
    """Yield the texts of a figure, or of a part of it; those at the ticks of an axis unless they are numbers.

    ``Artist.findobj`` makes all ticks, which then change before they are drawn: 0.01 s and more for a run's figures.
    """
    from matplotlib.axis import Axis
    from matplotlib.text import Text
    from matplotlib.ticker import LogFormatter, ScalarFormatter

    if isinstance(artist, Text):
        yield artist
    elif isinstance(artist, Axis):
        yield artist.label
        if not isinstance(artist.get_major_formatter(), LogFormatter | ScalarFormatter):
            yield from artist.get_ticklabels()
    else:
        for child in artist.get_children():
            yield from _texts_of(child)


def _missing_in(text: Text) -> frozenset[str]:
    """Return the letters of a text that its font does not have."""
    from matplotlib.font_manager import findfont

    special = frozenset(letter for letter in text.get_text() if not letter.isascii())
    return _without(special, str(findfont(text.get_fontproperties()))) if special else special


@cache
def _without(letters: frozenset[str], path: str) -> frozenset[str]:
    """Return those of ``letters`` that a font does not have."""
    from matplotlib.ft2font import FT2Font

    font = FT2Font(path)
    return frozenset(letter for letter in letters if letter.isprintable() and not font.get_char_index(ord(letter)))


@cache
def _families_with(letters: frozenset[str]) -> tuple[list[str], frozenset[str]]:
    """Return families that together have ``letters``, and the letters that none has."""
    if not letters:
        return [], letters
    found: dict[str, frozenset[str]] = {}
    for entry in _fonts_of_machine():
        with suppress(OSError, RuntimeError):  # a broken file is no font
            if entry.name not in found:
                found[entry.name] = letters - _without(letters, entry.fname)
    families = []
    while letters and found:
        family = max(found, key=lambda name: len(found[name] & letters))
        if not found[family] & letters:
            break
        families.append(family)
        letters -= found.pop(family)
    return families, letters


def _fonts_of_machine() -> Iterator[FontEntry]:
    """Yield the fonts that are installed now, regular ones first; Matplotlib's own list may be from another day."""
    from matplotlib.font_manager import findSystemFonts, fontManager

    known = {entry.fname for entry in fontManager.ttflist}
    for path in findSystemFonts():
        if path not in known:
            with suppress(Exception):  # Matplotlib cannot draw it, such as one of coloured bitmaps
                fontManager.addfont(path)
    scalable = [entry for entry in fontManager.ttflist if not entry.name.startswith(LAST_RESORT)]
    yield from sorted(scalable, key=_strangeness)


def _strangeness(entry: FontEntry) -> tuple[bool, int, bool]:
    """Return what sorts a family's regular font before its others, and fonts without serifs before those with."""
    from matplotlib.font_manager import weight_dict

    weight = weight_dict.get(entry.weight, 400) if isinstance(entry.weight, str) else entry.weight
    return entry.style != "normal", abs(weight - 400), "Sans" not in entry.name
