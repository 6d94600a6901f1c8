"""What a test needs of the machine. Without it the test is skipped, unless ``CI=true`` says that all is installed."""

from __future__ import annotations

import os
import shutil

import pytest


def _needs(is_there: bool, what: str) -> pytest.MarkDecorator:
    return pytest.mark.skipif(not is_there and os.environ.get("CI") != "true", reason=f"needs {what}")


needs_root = _needs(shutil.which("mount") is not None and os.geteuid() == 0, "root, to mount a small disk")
needs_browser = _needs(
    all(shutil.which(program) for program in ("chromium", "chromedriver")),
    "Debian's packages chromium and chromium-driver",
)
needs_graphviz = _needs(shutil.which("dot") is not None, "Debian's package graphviz")
