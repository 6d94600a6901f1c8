"""Describes what the numbers were measured with: machine, packages, code."""

from __future__ import annotations

import os
import platform
import re
import socket
import subprocess
import sys
from functools import cache
from importlib import metadata
from pathlib import Path
from typing import Any

import psutil

from runner.addresses import BEGIN, HIDDEN, SECRET, shown, without_credentials

PACKAGES = ("tensorflow", "keras", "numpy", "mlflow", "hydra-core", "omegaconf", "matplotlib")

_OURS: dict[str, str] = {}
"""The environment variables that this program has set itself, with their values: a user may set another one later."""

CODE = Path(__file__).parent.parent

NEW_FILES = ("ls-files", "--others", "--exclude-standard")

LONGEST_DIFF = 1_000_000
"""So many characters of the difference from a commit are kept."""

TERRAFORM = (
    r"TF_(VAR|CLI|CLOUD|HTTP|TOKEN|REGISTRY|LOG|INPUT|DATA_DIR|WORKSPACE|IN_AUTOMATION|PLUGIN_CACHE|STATE|IGNORE"
    r"|APPEND_USER_AGENT|REATTACH_PROVIDERS)(_|$)"
)
"""Terraform's variables begin like TensorFlow's. They change nothing here, and ``TF_VAR_`` often holds passwords."""

VARIABLE = re.compile(
    rf"(?!{TERRAFORM})"
    r"(TF2?|KERAS|XLA|CUDA|CUDNN|NVIDIA|NCCL|OMP|KMP|GOMP|MKL|ONEDNN|DNNL|OPENBLAS|BLIS|ROCR|HIP|MLFLOW)_"
)
"""The environment variables that may change what is computed, how fast, and where it is kept."""


def describe() -> dict[str, Any]:
    """Return the content of ``environment.json``, without TensorFlow's part, which a worker adds."""
    return {
        "machine": machine(),
        "gpus": _nvidia_gpus(),
        "python": platform.python_version(),
        "packages": {name: package_version(name) for name in PACKAGES},
        "code": git_state(),
        "variables": variables(),
        "command": [sys.executable, *map(without_credentials, sys.argv)],
        "working_folder": os.getcwd(),
    }


def set_own(name: str, value: str, *, always: bool = False) -> None:
    """Set an environment variable where the user has not, or ``always``. It is then none of :func:`variables`."""
    if always or name not in os.environ:
        os.environ[name] = value
        _OURS[name] = value


def variables() -> dict[str, str]:
    """Return the environment variables that the user has set and that may matter, without the value of any secret."""
    matter = sorted(name for name in os.environ if VARIABLE.match(name) and _OURS.get(name) != os.environ[name])
    return {name: HIDDEN if SECRET.search(name) else _kept(os.environ[name]) for name in matter}


def _kept(value: str) -> str:
    return shown(value) if BEGIN.match(value) else without_credentials(value)


def machine() -> dict[str, Any]:
    """Describe the computer without its GPUs."""
    memory = psutil.virtual_memory()
    return {
        "host": socket.gethostname(),
        "cpu": cpu_model(),
        "cores": psutil.cpu_count(logical=False),
        "logical_cores": psutil.cpu_count(),
        "usable_cores": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else psutil.cpu_count(),
        "memory_bytes": memory.total,
        "memory_available_bytes": memory.available,
        "load_average": os.getloadavg(),
        "system": platform.platform(),
    }


def cpu_model() -> str:
    """Return the processor's name. (py-cpuinfo finds the same, but takes longer than MLflow's import.)"""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        return next(line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):
        return platform.processor() or platform.machine()


def git_state() -> dict[str, Any]:
    """Return the commit of this checkout and whether it has changes; None each if this is an installed package."""
    if not (CODE / ".git").exists():
        return {"commit": None, "dirty": None}
    commit = _git("rev-parse", "HEAD")
    changes = _git("status", "--porcelain")
    return {"commit": commit, "dirty": None if changes is None else bool(changes)}


@cache
def code_files() -> dict[str, bytes]:
    """Return the artifacts that tell of the code: ``requirements.txt``, and ``code.diff`` if the work tree is dirty.

    They are made once a process, and are those of its beginning, as the code is.
    """
    files = {"requirements.txt": "".join(f"{line}\n" for line in requirements()).encode()}
    if diff := _difference():
        files["code.diff"] = without_credentials(diff).encode()
    return files


def requirements() -> list[str]:
    """Return ``package==version`` for all installed packages, read from the names of their folders."""
    found: dict[str, str] = {}
    for folder in map(Path, sys.path):
        for name, _, version in (info.stem.partition("-") for info in folder.glob("*.dist-info")):
            found.setdefault(name.replace("_", "-"), version)
    return [f"{name}=={version}" for name, version in sorted(found.items(), key=lambda item: item[0].lower())]


def _difference() -> str:
    """Return the difference of the work tree from its commit; of new files the names; empty if there is none."""
    if not (CODE / ".git").exists():
        return ""
    new = [f"# new, without its content: {name}" for name in (_git(*NEW_FILES) or "").splitlines()]
    diff = _git("diff", "HEAD") or ""
    if len(diff) > LONGEST_DIFF:
        diff = f"{diff[:LONGEST_DIFF]}\n# cut off: {len(diff)} characters in all"
    return "\n".join([*new, diff]).strip()


def _git(*arguments: str) -> str | None:
    command = ["git", "-C", str(CODE), *arguments]
    try:
        done = subprocess.run(command, capture_output=True, text=True, errors="replace", timeout=10)
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout.strip() if done.returncode == 0 else None


def _nvidia_gpus() -> list[dict[str, Any]]:
    """Return name, driver, memory, clock and temperature of each GPU, as the NVIDIA driver reports them."""
    try:
        import pynvml
    except ImportError:
        return []
    try:
        pynvml.nvmlInit()
        driver = pynvml.nvmlSystemGetDriverVersion()
        handles = [pynvml.nvmlDeviceGetHandleByIndex(index) for index in range(pynvml.nvmlDeviceGetCount())]
        return [
            {
                "name": pynvml.nvmlDeviceGetName(handle),
                "driver": driver,
                "memory_bytes": pynvml.nvmlDeviceGetMemoryInfo(handle).total,
                "clock_mhz": pynvml.nvmlDeviceGetClockInfo(handle, pynvml.NVML_CLOCK_SM),
                "celsius": pynvml.nvmlDeviceGetTemperature(handle, pynvml.NVML_TEMPERATURE_GPU),
            }
            for handle in handles
        ]
    except pynvml.NVMLError:
        return []


def package_version(package: str) -> str | None:
    """Return the installed version of a package; None if it is not installed."""
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None
