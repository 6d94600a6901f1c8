"""How much memory there is to work in."""

from __future__ import annotations

from pathlib import Path

import psutil

from experiments.device import Placement

CGROUP = Path("/sys/fs/cgroup")


def free_bytes(placement: Placement) -> int | None:
    """Memory free for operands on ``placement``, in bytes; None where that cannot be told."""
    return _free_on_gpu(placement) if placement.is_gpu else _free_on_host()


def _free_on_host() -> int:
    available: int = psutil.virtual_memory().available
    try:  # a container or a Slurm job may be allowed less than the machine has
        limit = (CGROUP / "memory.max").read_text().strip()
        used = int((CGROUP / "memory.current").read_text())
    except OSError:
        return available
    return available if limit == "max" else min(available, int(limit) - used)


def _free_on_gpu(placement: Placement) -> int | None:
    """What the NVIDIA driver reports. Not yet run on a GPU."""
    try:
        import pynvml
    except ImportError:
        return None
    try:
        pynvml.nvmlInit()
        handle = pynvml.nvmlDeviceGetHandleByIndex(int(placement.actual.removeprefix("GPU:")))
        return int(pynvml.nvmlDeviceGetMemoryInfo(handle).free)
    except pynvml.NVMLError:
        return None
