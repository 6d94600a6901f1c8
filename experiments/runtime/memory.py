"""The memory that is free for operands."""

from __future__ import annotations

from pathlib import Path

import psutil

from experiments.runtime.device import Placement, memory_grows

CGROUP = Path("/sys/fs/cgroup")


def free_bytes(placement: Placement) -> int | None:
    """Return the free memory of ``placement`` in bytes; None if it is unknown."""
    return _free_on_gpu(placement) if placement.is_gpu else _free_on_host()


def _free_on_host() -> int:
    available: int = psutil.virtual_memory().available
    allowed = _free_in_cgroup()
    return available if allowed is None else min(available, allowed)


def _free_in_cgroup() -> int | None:
    """Return the bytes left to this control group (version 2), as of a container or batch job; None without a limit."""
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
    """Return the free bytes that the NVIDIA driver reports; None if it cannot be asked or TensorFlow holds them."""
    if not memory_grows():
        return None  # TensorFlow has taken all of it and does not tell how much of that is free
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
