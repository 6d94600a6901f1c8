"""Render images with Graphviz's program ``dot``, where it is installed."""

from __future__ import annotations

import subprocess
import tempfile
from pathlib import Path

TIME_LIMIT = 20.0
"""Seconds after which ``dot`` is stopped."""

INSTALL = "install the Debian package graphviz"

FORMATS = ("svg", "png")


class NotRendered(Exception):
    """There is no image; the message says why, and what to do."""

    def __init__(self, reason: str, advice: str = "") -> None:
        super().__init__(f"{reason}; {advice}" if advice else reason)


def render(source: str) -> dict[str, bytes]:
    """Render ``source`` in each of FORMATS, from one layout; return each format's image.

    The graphviz package would run ``dot`` once for each format, and without a time limit.
    Raises NotRendered where ``dot`` is missing, fails or takes too long.
    """
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "graph.dot").write_text(source, encoding="utf-8")
        _run(folder)
        images = {kind: folder / f"graph.{kind}" for kind in FORMATS}
        missing = [kind for kind, path in images.items() if not path.is_file()]
        if missing:
            raise NotRendered(f"dot made no {' and no '.join(missing)}{_complaint(folder)}", INSTALL)
        return {kind: path.read_bytes() for kind, path in images.items()}


def _run(folder: Path) -> None:
    command = ["dot", *(option for kind in FORMATS for option in (f"-T{kind}", "-o", f"graph.{kind}")), "graph.dot"]
    # Not a pipe: its end would be waited for as long as dot's children live, even after dot is killed.
    with (folder / "errors").open("wb") as errors:
        try:
            finished = subprocess.run(
                command, cwd=folder, stdin=subprocess.DEVNULL, stdout=errors, stderr=errors,
                timeout=TIME_LIMIT, check=False,
            )  # fmt: skip
        except subprocess.TimeoutExpired:
            raise NotRendered(f"dot was not ready after {TIME_LIMIT:g} s") from None
        except OSError as error:
            raise NotRendered(f"dot cannot be started ({error.strerror})", INSTALL) from None
    if finished.returncode:
        raise NotRendered(f"dot ended with {finished.returncode}{_complaint(folder)}", INSTALL)


def _complaint(folder: Path) -> str:
    lines = (folder / "errors").read_text(errors="replace").splitlines()
    return f": {lines[0].strip()}" if lines else ""
