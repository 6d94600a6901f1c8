"""Where the modules of the jobs are found."""

from __future__ import annotations

import os
import sys
import sysconfig
from pathlib import Path


def search_path() -> str:
    """For PYTHONPATH: where this process finds modules and the same Python, started anew, would not."""
    own = {Path(sysconfig.get_path(name)) for name in ("stdlib", "platstdlib", "purelib", "platlib")}
    folders = [Path(entry).absolute() for entry in sys.path]  # an empty entry is the working folder
    return os.pathsep.join(str(folder) for folder in folders if folder.is_dir() and not own & {folder, *folder.parents})
