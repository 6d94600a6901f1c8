"""Fresh Python processes that find the modules this one finds, compute on its device, and end with it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import sysconfig
import threading
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import IO

import psutil

from experiments.runtime.device import Device, current, settings

WATCH = "from experiments.runtime.subprocesses import end_with_parent; end_with_parent()\n"
"""Runs first in every fresh process."""

END_SECONDS = 5.0
"""How long the kernel may take to end a killed process."""


def start(
    code: str,
    *arguments: str,
    output: IO[bytes] | None = None,
    folder: Path | None = None,
    variables: Mapping[str, str] | None = None,
    descriptors: Sequence[int] = (),
) -> subprocess.Popen[bytes]:
    """Start a fresh Python that runs ``code`` with ``arguments`` in ``sys.argv[1:]``.

    It finds the modules that this process finds, from any working ``folder``. It leads a process group of its own, so
    Ctrl-C in the terminal does not reach it. Nothing is written to its standard input: the end of that pipe tells it
    that this process is gone (see :func:`end_with_parent`). It inherits the environment, with ``variables`` set in
    addition, and the open files ``descriptors``. Standard output and standard error go to ``output``, by default to
    those of this process. End it with :func:`end`.
    """
    return subprocess.Popen(
        [sys.executable, "-P", "-c", WATCH + code, *arguments],
        stdin=subprocess.PIPE,
        stdout=output,
        stderr=output,
        cwd=folder,
        env={**os.environ, "PYTHONPATH": search_path(), **(variables or {})},
        pass_fds=descriptors,
        start_new_session=True,
    )


def end(process: subprocess.Popen[bytes]) -> None:
    """Kill a process of :func:`start` with all that it has started; return when they are gone and their ports free."""
    family = _family(process.pid)
    for member in family:
        with suppress(ProcessLookupError, PermissionError):  # macOS: a group of zombies is not permitted
            os.killpg(member.pid, signal.SIGKILL)
        with suppress(psutil.NoSuchProcess):
            member.kill()
    process.wait()
    if process.stdin is not None:
        process.stdin.close()
    deadline = time.monotonic() + END_SECONDS
    while any(map(_is_alive, family)) and time.monotonic() < deadline:
        time.sleep(0.01)


def end_with_parent(descriptor: int = 0) -> None:
    """Make this process end when its parent does, however the parent ends. Returns at once.

    ``descriptor`` is the reading end of a pipe whose writing end only the parent holds and never writes to; the kernel
    closes it with the parent. If this process leads a process group, the whole group is killed: a server that it has
    started ends as well.
    """

    def watch() -> None:
        while os.read(descriptor, 1):  # not sys.stdin: its lock would be held when the interpreter ends
            pass
        if os.getpgrp() == os.getpid():
            os.killpg(0, signal.SIGKILL)
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()


def search_path() -> str:
    """Return the value of PYTHONPATH with which a fresh Python finds the modules that this process finds.

    The folders of the standard library and of installed packages are left out: a fresh Python has them already. Only
    where another package ``experiments`` would be found before ours, the folder of ours is named first.
    """
    own = {Path(sysconfig.get_path(name)) for name in ("stdlib", "platstdlib", "purelib", "platlib")}
    entries = [Path(entry).absolute() for entry in sys.path]  # an empty entry is the working folder
    paths = [path for path in entries if path.exists() and not own & {path, *path.parents}]
    ours = Path(__file__).parents[2]
    is_hidden = any((path / "experiments").exists() for path in paths if path != ours)
    return os.pathsep.join(map(str, [ours, *paths] if is_hidden else paths))


def device_in_use() -> Device:
    """Return settings with which :func:`experiments.runtime.device.start` makes another process compute like this one.

    The kind and index are those found here, never ``auto``. GPU memory is taken as needed whatever this process does,
    because the two share the GPU.
    """
    kind, _, index = current().actual.partition(":")
    return replace(settings(), kind=kind.lower(), index=int(index), memory_growth=True)


def device_variables(device: Device) -> dict[str, str]:
    """Return ``device`` as environment variables, for a program that starts TensorFlow by itself.

    ``logical_cpus`` has no variable: such a program counts all cores as one CPU. TensorFlow's own switch for TF32 has
    none either; NVIDIA_TF32_OVERRIDE=0 turns TF32 off in cuBLAS and cuDNN. TensorFlow 2.21 reads the TF_* variables.
    """
    chosen = {
        "CUDA_VISIBLE_DEVICES": _visible_gpus(device),
        "TF_NUM_INTRAOP_THREADS": device.intra_op_threads,
        "TF_NUM_INTEROP_THREADS": device.inter_op_threads,
        "TF_ENABLE_ONEDNN_OPTS": None if device.onednn is None else int(device.onednn),
        "NVIDIA_TF32_OVERRIDE": 0 if device.tf32 is False else None,
        "TF_DETERMINISTIC_OPS": 1 if device.deterministic else None,
        "TF_FORCE_GPU_ALLOW_GROWTH": str(device.memory_growth).lower(),
    }
    return {name: str(value) for name, value in chosen.items() if value is not None}


def _visible_gpus(device: Device) -> str | None:
    """Choose among the GPUs that this process may see, which are what ``device.index`` counts."""
    if device.kind == "auto":
        return None
    if device.kind == "cpu":
        return "-1"
    wanted = slice(device.index, device.index + device.gpus)
    visible = os.environ.get("CUDA_VISIBLE_DEVICES")
    return ",".join(visible.split(",")[wanted] if visible else map(str, range(wanted.start, wanted.stop)))


def _family(pid: int) -> list[psutil.Process]:
    """Return a process and everything it started, itself first; nothing if it is gone."""
    try:
        process = psutil.Process(pid)
        return [process, *process.children(recursive=True)]
    except psutil.NoSuchProcess:
        return []


def _is_alive(process: psutil.Process) -> bool:
    """Tell whether any thread still runs: after the first has ended, the others still hold the process's ports."""
    try:
        return bool(process.status() != psutil.STATUS_ZOMBIE or process.num_threads() > 1)
    except psutil.NoSuchProcess:
        return False
