"""Whether this machine has the driver of a GPU, found out without starting anything."""

from __future__ import annotations

import os
from pathlib import Path

NVIDIA = ("/dev/nvidiactl", "/usr/lib/wsl/lib/nvidia-smi")
"""What NVIDIA's driver brings, on Linux and on Windows for Linux."""

OTHERS = ("/dev/kfd", "/dev/dxg")
"""What the drivers of AMD, and of any GPU on Windows for Linux, bring."""


def has_driver() -> bool:
    """Return whether there may be a GPU, of any maker."""
    return _any_of(NVIDIA + OTHERS)


def has_nvidia_driver() -> bool:
    """Return whether there is an NVIDIA GPU that is not hidden from this process."""
    hidden = os.environ.get("CUDA_VISIBLE_DEVICES") in ("", "-1")
    return _any_of(NVIDIA) and not hidden


def _any_of(files: tuple[str, ...]) -> bool:
    return any(Path(file).exists() for file in files)
