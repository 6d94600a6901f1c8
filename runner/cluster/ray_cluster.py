"""Jobs as tasks of Ray, each in a fresh process."""

from __future__ import annotations

import logging
import os
import signal
import socket
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from experiments.reporting.text import one_line
from experiments.runtime.subprocesses import search_path
from runner.cluster.cluster import Job, Lost, Result, Results, attempt
from runner.errors import UserError

GRACE_SECONDS = 7.0
"""How long a cancelled job may take to record its end before its process is killed."""

HIDE_GPUS = {"RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "1"}
"""Hides GPUs from jobs that ask for none, so that they do not share one that another job is measuring."""

NOT_NICE = {"RAY_worker_niceness": "0"}
"""Keeps Ray from giving its workers a niceness of 15, with which any other program would take the job's processors."""

THREADS = "OMP_NUM_THREADS"
"""The variable that Ray sets to a job's CPUs, by default 1: the job would measure something else than here."""


@dataclass
class Ray:
    """A cluster of Ray; None leaves a value to Ray.

    What the nodes need to see of this machine's disks: the Python environment and the working folder.
    """

    address: str | None = None
    """``auto`` or ``host:port`` joins a cluster; None starts one on this machine and stops it at the end."""
    cpus_per_job: float | None = None
    """Ray's default is 1. Ray only counts them: the job's threads may use every processor."""
    gpus_per_job: float | None = None
    """Ray's default is 0. The job sees only its own, through CUDA_VISIBLE_DEVICES."""
    memory_gb: float | None = None
    """The memory that a job's node must have free; Ray only counts it."""
    resources: dict[str, float] | None = None
    """Other resources that a job's node must have, as declared with ``ray start --resources``."""

    @property
    def is_this_machine(self) -> bool:
        return self.address is None

    @property
    def keeps_jobs_in_files(self) -> bool:
        return False

    def check(self) -> None:
        """Raise UserError if Ray is not installed."""
        _ray()

    def map(self, function: Callable[[Job], Result], jobs: Sequence[Job]) -> Results[Result]:
        """See :class:`runner.cluster.cluster.Cluster`."""
        if not jobs:
            return
        ray = _ray()
        self._join(ray)
        try:
            self._check_size(ray)
            task = ray.remote(**self._options())(_as_if_here)
            here = Path.cwd(), os.environ.get(THREADS)
            waiting = {task.remote(function, job, *here): index for index, job in enumerate(jobs)}
            try:
                while waiting:
                    (done,), _ = ray.wait(list(waiting))
                    yield waiting.pop(done), _result(ray, done)
            finally:
                _cancel(ray, list(waiting))
        finally:
            ray.shutdown()

    def _join(self, ray: Any) -> None:
        _silence(ray)
        handler = signal.getsignal(signal.SIGTERM)
        try:
            _knock(self.address)
            ray.init(
                address=self.address or "local",
                include_dashboard=None if self.address else False,
                configure_logging=False,
                log_to_driver=False,
                runtime_env={"env_vars": {"PYTHONPATH": search_path()} | HIDE_GPUS | NOT_NICE},
            )
        except (OSError, RuntimeError, ValueError) as error:
            raise UserError(f"no Ray cluster at {self.address or 'this machine'}: {one_line(error)}") from error
        if handler is not signal.SIG_DFL:  # Ray has put its own in the place, which raises SystemExit
            signal.signal(signal.SIGTERM, handler)

    def _check_size(self, ray: Any) -> None:
        """Raise UserError if Ray would silently wait for ever. A joined cluster may grow, so it is not checked."""
        there: Mapping[str, float] = ray.cluster_resources()
        asked = {"CPU": self.cpus_per_job, "GPU": self.gpus_per_job} | (self.resources or {})
        if self.memory_gb and self.memory_gb > (gb := there.get("memory", 0) / 1024**3) and self.address is None:
            raise UserError(f"this machine cannot give a job memory_gb={self.memory_gb:g}: Ray offers {gb:.1f} GB")
        lacking = [f"{name}={number:g}" for name, number in asked.items() if number and number > there.get(name, 0)]
        if self.address is None and lacking:
            raise UserError(f"this machine cannot give a job {', '.join(lacking)}")

    def _options(self) -> dict[str, Any]:
        options = {
            "num_cpus": self.cpus_per_job,
            "num_gpus": self.gpus_per_job,
            "memory": None if self.memory_gb is None else self.memory_gb * 1024**3,
            "resources": self.resources,
        }
        given = {name: value for name, value in options.items() if value is not None}
        return given | {"max_retries": 0, "max_calls": 1}  # never again, and a process for each


def _as_if_here(function: Callable[[Job], Result], job: Job, folder: Path, threads: str | None) -> Result | Lost:
    """Run the job in the submitter's folder, with its number of threads, and with SIGINT, which Ray blocks."""
    os.chdir(folder)
    os.environ.pop(THREADS, None)
    os.environ.update({} if threads is None else {THREADS: threads})
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})
    return attempt(function, job)


def _result(ray: Any, done: Any) -> Any:
    """The function's result, or Lost in Ray's words, which do not say what killed a process."""
    try:
        return ray.get(done)
    except Exception as error:
        cause = getattr(error, "cause", None) or error
        return Lost(f"Ray says {type(cause).__name__}: {one_line(cause)}")


def _cancel(ray: Any, tasks: list[Any]) -> None:
    """Interrupt the tasks as Ctrl-C would; some seconds later, kill those that have not ended."""
    for task in tasks:
        ray.cancel(task)
    if tasks:
        _, left = ray.wait(tasks, num_returns=len(tasks), timeout=GRACE_SECONDS)
        for task in left:
            ray.cancel(task, force=True)


def _ray() -> Any:
    """Import Ray. Raises UserError if it is not installed."""
    try:
        import ray
    except ImportError as error:
        raise UserError("Ray needs its package: pip install 'tensorflow-lab-bench[ray]'") from error
    return ray


def _knock(address: str | None) -> None:
    """Raise OSError if nobody listens at an address, which Ray would take minutes to notice."""
    host, _, port = (address or "").rpartition(":")
    if host and port.isdecimal() and "://" not in host:
        socket.create_connection((host, int(port)), timeout=10).close()


def _silence(ray: Any) -> None:
    """Keep Ray's lines out of the terminal: each job's result says what happened to it."""
    logging.getLogger("ray").setLevel(logging.ERROR)
    # Where a worker died, Ray prints so whatever it is told. A private name; if it goes, the line comes back.
    ray._private.worker.print_to_stdstream = lambda *_, **__: None
