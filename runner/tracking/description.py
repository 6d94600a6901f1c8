"""The description of a run in the UI: the picture of its answer, then the words."""

from __future__ import annotations

import re
from pathlib import PurePosixPath
from urllib.parse import quote

from experiments.reporting.markdown import literal

PLOT = re.compile(r"(.+/)?plots/[^/]+\.svg")
"""The path of a picture that may stand in a description. As SVG it is as wide as the column."""

SHOWN = re.compile(r"!\[[^\n]*\]\(get-artifact\?[^\n]*\)\n\n")


def picture(path: str, run_id: str) -> str:
    """Return the Markdown with which MLflow shows an artifact of a run in that run's description."""
    name = literal(PurePosixPath(path).stem)
    return f"![{name}](get-artifact?path={quote(path, safe='')}&run_uuid={run_id})\n\n"


def words(description: str) -> str:
    """Return a description without its picture, as a terminal shows it."""
    return SHOWN.sub("", description, count=1)
