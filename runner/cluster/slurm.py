"""Jobs as a Slurm job array, submitted and started by submitit."""

from __future__ import annotations

import contextlib
import io
import shlex
import shutil
import signal
import stat
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from experiments.runtime.subprocesses import search_path
from runner.cluster.cluster import Job, Lost, Result, Results, attempt
from runner.cluster.slurm_queue import ended
from runner.errors import UserError

RESULTS_SECONDS = 1.0
"""The time between two looks into the folder of results."""

QUEUE_SECONDS = 15.0
"""The time between two calls of squeue, which asks about the whole array to notice jobs that died without a result.

A job is lost only when two answers say that it has ended: a network file system may deliver its result late.
"""

WARNING_SECONDS = 30
"""How long before the end of its time a job gets SIGTERM, to keep its results; Slurm may be a minute early."""


@dataclass
class Slurm:
    """A cluster that sbatch reaches; None leaves a value to Slurm.

    What the nodes need to see of this machine's disks: the Python environment, the working folder and ``folder``.
    A job that is cancelled, preempted or out of time gets SIGTERM and then SIGKILL, after Slurm's KillWait.
    """

    partition: str | None = None
    account: str | None = None
    qos: str | None = None
    constraint: str | None = None
    """Features the nodes must have."""
    nodelist: str | None = None
    """The nodes to use."""
    exclude: str | None = None
    """The nodes not to use."""
    gres: str | None = None
    """Generic resources of a job: ``gpu:a100:1``."""
    gpus_per_node: int | None = None
    cpus_per_task: int | None = None
    mem_gb: float | None = None
    timeout_min: int | None = None
    """How long one job may take."""
    array_parallelism: int | None = None
    """How many jobs run at the same time at most."""
    setup: list[str] = field(default_factory=list)
    """Shell commands before each job: ``module load cuda``."""
    additional: dict[str, Any] = field(default_factory=dict)
    """Any other option of sbatch, by its long name; True for one without a value."""
    name: str = "lab-bench"
    """What squeue calls the jobs."""
    folder: Path = Path("slurm")
    """Where scripts, pickles and logs of the jobs go. Relative to the working folder."""

    @property
    def is_this_machine(self) -> bool:
        return False

    @property
    def keeps_jobs_in_files(self) -> bool:
        return True  # submitit's pickles; sbatch hands on the environment

    def check(self) -> None:
        """Raise UserError if Slurm or submitit is not installed."""
        _submitit()

    def map(self, function: Callable[[Job], Result], jobs: Sequence[Job]) -> Results[Result]:
        """See :class:`runner.cluster.cluster.Cluster`."""
        if not jobs:
            return
        tasks = self._submit(function, jobs)
        waiting = {task.job_id: index for index, task in enumerate(tasks)}
        try:
            for job_id, result in _finished({task.job_id: task for task in tasks}):
                yield waiting.pop(job_id), result
        finally:
            if waiting:
                subprocess.run(["scancel", *waiting], capture_output=True)

    def _submit(self, function: Callable[[Job], Result], jobs: Sequence[Job]) -> Sequence[Any]:
        submitit = _submitit()
        executor = submitit.SlurmExecutor(self.folder, max_num_timeout=0)
        executor.update_parameters(**self._parameters(len(jobs)))
        try:
            with contextlib.redirect_stderr(io.StringIO()):  # submitit prints what it also raises
                return executor.map_array(partial(_as_if_alone, function), jobs)  # type: ignore[no-any-return]
        except submitit.core.utils.UncompletedJobError as error:
            raise UserError(f"Slurm refuses the jobs: {_one_line(error)}") from error

    def _parameters(self, jobs: int) -> Mapping[str, Any]:
        """Parameters of submitit's SlurmExecutor, since its AutoExecutor cannot leave the time limit to Slurm."""
        return {
            "job_name": self.name,
            "wckey": None,  # submitit sets one, which Slurm refuses where such keys are in use
            "partition": self.partition,
            "account": self.account,
            "qos": self.qos,
            "constraint": self.constraint,
            "nodelist": self.nodelist,
            "exclude": self.exclude,
            "gres": self.gres,
            "gpus_per_node": self.gpus_per_node,
            "cpus_per_task": self.cpus_per_task,
            # Since Slurm 22.05 srun does not take this over from sbatch: the job would have one processor.
            "srun_args": None if self.cpus_per_task is None else [f"--cpus-per-task={self.cpus_per_task}"],
            "mem": None if self.mem_gb is None else f"{round(self.mem_gb * 1024)}M",
            "time": self.timeout_min,
            "array_parallelism": self.array_parallelism or jobs,
            "setup": [*self.setup, f"export PYTHONPATH={shlex.quote(search_path())}${{PYTHONPATH:+:$PYTHONPATH}}"],
            # submitit asks for SIGUSR2 before the end, to put the job into the queue again.
            "additional_parameters": {"signal": f"TERM@{WARNING_SECONDS}"} | self.additional | {"no-requeue": True},
        }


def _as_if_alone(function: Callable[[Job], Result], job: Job) -> Result | Lost:
    """Run the job without submitit's signal handlers.

    They ignore SIGTERM, which Slurm sends before SIGKILL, and requeue the job at SIGUSR2.
    """
    for number in (signal.SIGTERM, signal.SIGCONT, signal.SIGUSR2):
        signal.signal(number, signal.SIG_DFL)
    return attempt(function, job)


def _finished(running: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    """Yield the ids and results of jobs as they end. ``running`` are submitit's jobs by id."""
    array = next(iter(running)).split("_")[0]
    next_question = time.monotonic() + QUEUE_SECONDS
    seen_dead: set[str] = set()
    while running:
        for job_id in _with_result(running):
            yield job_id, _result(running.pop(job_id))
        if running and time.monotonic() >= next_question:
            next_question = time.monotonic() + QUEUE_SECONDS
            ends = ended(array, set(running))
            for job_id in ends.keys() & seen_dead:
                log = running.pop(job_id).paths.stderr
                yield job_id, Lost(f"Slurm job {job_id} {ends[job_id]}; what it printed is in {log}")
            seen_dead = set(ends)
        if running:
            time.sleep(RESULTS_SECONDS)


def _with_result(running: Mapping[str, Any]) -> list[str]:
    """The ids of the jobs whose result is in the folder."""
    folder: Path = next(iter(running.values())).paths.folder
    folder.chmod(stat.S_IMODE(folder.stat().st_mode))  # a network file system looks again after a change
    return [job_id for job_id, task in running.items() if task.paths.result_pickle.exists()]


def _submitit() -> Any:
    """Import submitit. Raises UserError if it or Slurm is not installed."""
    if shutil.which("sbatch") is None or shutil.which("srun") is None:
        raise UserError("there is no sbatch here: Slurm's jobs are started on a machine of the cluster, its login node")
    try:
        import submitit
    except ImportError as error:
        raise UserError("Slurm needs submitit: pip install 'tensorflow-lab-bench[slurm]'") from error
    return submitit


def _result(task: Any) -> Any:
    """The function's result, or Lost if it cannot be read."""
    try:
        return task.result()
    except Exception as error:
        return Lost(f"the job's result could not be read: {_one_line(error)}")


def _one_line(error: Exception) -> str:
    return "; ".join(line.strip() for line in str(error).splitlines() if line.strip())
