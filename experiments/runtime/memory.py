"""How much memory there is to work in."""

from __future__ import annotations

from pathlib import Path

import psutil

from experiments.runtime.device import Placement, memory_grows

CGROUP = Path("/sys/fs/cgroup")


def free_bytes(placement: Placement) -> int | None:
    """Memory free for operands on ``placement``, in bytes; None where that cannot be told."""
    return _free_on_gpu(placement) if placement.is_gpu else _free_on_host()


def _free_on_host() -> int:
    available: int = psutil.virtual_memory().available
    allowed = _free_in_cgroup()
    return available if allowed is None else min(available, allowed)


def _free_in_cgroup() -> int | None:
    """What a container or a batch job may still take (control groups, version 2); None without a limit."""
    try:
        (path,) = (line[3:] for line in Path("/proc/self/cgroup").read_text().splitlines() if line.startswith("0::"))
        group = CGROUP / path.lstrip("/")
        limit = (group / "memory.max").read_text().strip()
        used = int((group / "memory.current").read_text())
        counts = dict(line.split() for line in (group / "memory.stat").read_text().splitlines())
    except (OSError, ValueError):
        return None
    reclaimable = int(counts.get("inactive_file", 0))
    return None if limit == "max" else int(limit) - used + reclaimable


def _free_on_gpu(placement: Placement) -> int | None:
    """What the NVIDIA driver reports."""
    if not memory_grows():
        return None  # TensorFlow has taken all of it already, and gives no account
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
