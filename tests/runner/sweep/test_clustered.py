"""Jobs on a cluster; the cluster of these tests runs them in this process, or loses them."""

from __future__ import annotations

import os
import pickle
import signal
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest
from omegaconf import DictConfig

from runner.cluster.cluster import Job, Lost, Result, Results, attempt
from runner.errors import UserError
from runner.execution.context import Context, Parent
from runner.execution.interruption import Interruption, interruptible
from runner.execution.limits import Limits
from runner.messages import Outcome
from runner.sweep import clustered
from runner.sweep.clustered import Clustered
from runner.sweep.parent import new_parent
from runner.sweep.remote import RemoteJob, run_remotely
from runner.tracking import tags
from runner.tracking.orphans import owner_tags
from tests.runner.execution.fake_workers import FakeWorker
from tests.runner.jobs import LeavingToy, NeedyToy, job
from tests.runner.memory_store import artifact
from tests.runner.sweep.conftest import ToyComposition, Workshop

Event = Callable[[], None]


@dataclass
class FakeCluster:
    """Runs the jobs one after the other."""

    is_this_machine: bool = False
    keeps_jobs_in_files: bool = True
    lost: dict[int, str] = field(default_factory=dict)
    """The reason by the index of a job whose process dies before it begins."""
    dies_after: dict[int, str] = field(default_factory=dict)
    """The same of one that dies when it has done its work."""
    before: dict[int, Event] = field(default_factory=dict)
    is_closed: bool = False

    def check(self) -> None:
        """It is there."""

    def map(self, function: Callable[[Job], Result], jobs: Sequence[Job]) -> Results[Result]:
        try:
            for index, one in enumerate(jobs):
                self.before.get(index, lambda: None)()
                if index in self.lost:
                    yield index, Lost(self.lost[index])
                    continue
                result = attempt(function, one)
                yield index, Lost(self.dies_after[index]) if index in self.dies_after else result
        finally:
            self.is_closed = True


@dataclass
class Remote:
    """The sweep on this machine whose jobs run elsewhere."""

    workshop: Workshop
    context: Context
    cluster: FakeCluster

    def run(self, *xs: int, interruption: Interruption | None = None) -> list[tuple[int, str, str]]:
        engine = Clustered(self.cluster, Limits())
        jobs = [job(x=x, number=number) for number, x in enumerate(xs)]
        view = self.workshop.view
        ends = engine.run(jobs, self.context, view, interruption or Interruption())
        return [(ended.number, end.status, end.reason) for ended, end in ends]


@contextmanager
def _no_signals() -> Iterator[Interruption]:
    """In a process of its own a job would have its own handlers."""
    yield Interruption()


@pytest.fixture
def remote(workshop: Workshop, monkeypatch: pytest.MonkeyPatch) -> Remote:
    monkeypatch.setattr("runner.sweep.remote.interruptible", _no_signals)
    context = workshop.context()
    parent = new_parent(context, job(), ["experiment.x=1,2"])
    context.parent = Parent(parent.id)
    return Remote(workshop, context, FakeCluster())


def test_jobs_elsewhere_are_children_of_the_sweep(remote: Remote) -> None:
    assert remote.run(1, 2) == [(0, "FINISHED", ""), (1, "FINISHED", "")]
    children = remote.workshop.children()
    assert [run.data.metrics["loss"] for run in children] == [1.0, 2.0]
    assert [run.data.tags[tags.JOB] for run in children] == ["0", "1"]
    assert remote.workshop.view.lines == ["0 FINISHED", "1 FINISHED"]
    assert remote.cluster.is_closed


class ChainComposition(ToyComposition):
    """A job that leaves a model, and one that needs it."""

    def compose(self, overrides: Sequence[str]) -> DictConfig:
        super().compose(overrides)
        return job(kind=LeavingToy if len(self.composed) == 1 else NeedyToy).config


def test_a_job_that_needs_the_model_of_another_is_refused(workshop: Workshop) -> None:
    """The cluster may run it first, with the model of somebody else."""
    engine = Clustered(FakeCluster(is_this_machine=True), Limits())
    words = [["experiment.x=1"], ["experiment.x=2"]]
    with (
        workshop.sweep("experiment.x=1,2") as sweep,
        pytest.raises(UserError, match="hydra/launcher: needy would not wait for the models of this sweep"),
    ):
        sweep.launch(engine, ChainComposition(), words, 0, 0)
    assert workshop.store.client.runs() == []


def test_a_job_that_was_lost_before_it_began_leaves_a_run_with_the_reason(remote: Remote) -> None:
    remote.cluster.lost[0] = "Slurm job 7 is NODE_FAIL"
    assert remote.run(1, 2) == [(0, "FAILED", "Slurm job 7 is NODE_FAIL"), (1, "FINISHED", "")]
    first, _ = remote.workshop.children()
    assert (first.info.status, first.data.tags[tags.REASON]) == ("FAILED", "Slurm job 7 is NODE_FAIL")


def test_a_job_that_is_lost_when_it_is_done_is_done(remote: Remote) -> None:
    remote.cluster.dies_after[0] = "the node is gone"
    assert remote.run(1) == [(0, "FINISHED", "")]
    assert len(remote.workshop.children()) == 1


def test_a_job_that_is_lost_while_it_runs_is_ended(remote: Remote) -> None:
    def leaves_a_run() -> None:
        assert remote.context.parent is not None
        tagged = {tags.PARENT: remote.context.parent.id, tags.JOB: "0"}
        remote.workshop.store.client.create_run(remote.context.experiment_id(job()), 5, tagged, "")

    remote.cluster.before[0] = leaves_a_run
    remote.cluster.lost[0] = "out of memory"
    assert remote.run(1) == [(0, "FAILED", "out of memory")]
    (child,) = remote.workshop.children()
    assert (child.info.status, child.data.tags[tags.REASON]) == ("FAILED", "out of memory")


def test_a_signal_cancels_what_goes_on(remote: Remote) -> None:
    """What had ended is kept, what had begun is KILLED, of what had not begun nobody speaks."""

    def is_interrupted() -> None:
        assert remote.context.parent is not None
        tagged = {tags.PARENT: remote.context.parent.id, tags.JOB: "1"}
        remote.workshop.store.client.create_run(remote.context.experiment_id(job()), 5, tagged, "")
        signal.raise_signal(signal.SIGTERM)

    remote.cluster.before[1] = is_interrupted
    with interruptible() as interruption, pytest.MonkeyPatch.context() as patch:
        patch.setattr(clustered, "CANCEL_SECONDS", 0.0)
        ends = remote.run(1, 2, 3, interruption=interruption)
    assert ends == [(0, "FINISHED", ""), (1, "KILLED", "interrupted by SIGTERM; what was measured is kept")]
    assert [run.info.status for run in remote.workshop.children()] == ["FINISHED", "KILLED"]
    assert remote.cluster.is_closed


def test_a_job_that_comes_when_its_sweep_is_over_leaves_nothing(remote: Remote) -> None:
    assert remote.context.parent is not None
    remote.context.client.set_terminated(remote.context.parent.id, "KILLED")
    owner = owner_tags()[tags.PROCESS]
    parent = Parent(remote.context.parent.id, owner)
    end = run_remotely(RemoteJob(job(), parent, Limits()))
    assert end.status == "KILLED"
    assert end.reason == "the sweep that asked for this job has ended, or goes on without it"
    assert remote.workshop.children() == []


def test_a_job_whose_sweep_goes_on_in_another_process_leaves_nothing(remote: Remote) -> None:
    """The other one has asked for it again."""
    assert remote.context.parent is not None
    parent = Parent(remote.context.parent.id, "1 0")
    assert run_remotely(RemoteJob(job(), parent, Limits())).status == "KILLED"


def test_a_job_elsewhere_fails_as_one_here(remote: Remote) -> None:
    def refuses(worker: FakeWorker) -> None:
        worker.start()
        worker.end(Outcome.REFUSED, "told to refuse")

    remote.workshop.scripts[1] = refuses
    assert remote.run(1) == [(0, "FAILED", "told to refuse")]


def test_a_password_travels_in_the_environment_and_not_in_the_jobs_file(
    remote: Remote, monkeypatch: pytest.MonkeyPatch
) -> None:
    variables = ("MLFLOW_TRACKING_USERNAME", "MLFLOW_TRACKING_PASSWORD")
    for name in variables:
        monkeypatch.setenv(name, "of another server")
    uri = "http://me:s%40cret@host:1"
    one = job(tracking={"kind": "server", "uri": uri}, overrides=["experiment.x=1", f"tracking.uri={uri}"])
    seen = []

    def keeps(function: Callable[[Job], Result], jobs: Sequence[Job]) -> Iterator[tuple[int, Lost]]:
        seen.append((pickle.dumps(jobs), [os.environ[name] for name in variables]))
        yield 0, Lost("seen")

    monkeypatch.setattr(remote.cluster, "map", keeps)
    engine = Clustered(remote.cluster, Limits())
    assert [end.reason for _, end in engine.run([one], remote.context, remote.workshop.view, Interruption())] == [
        "seen"
    ]
    ((stored, environment),) = seen
    assert b"cret" not in stored
    assert b"http://host:1" in stored
    assert environment == ["me", "s@cret"]
    (run,) = remote.workshop.children()
    assert "cret" not in artifact(run, "config.yaml") + str(run.data.tags)


@pytest.mark.parametrize(("is_this_machine", "kind"), [(True, "local"), (False, "server")])
def test_a_store_that_the_jobs_reach(is_this_machine: bool, kind: str) -> None:
    engine = Clustered(FakeCluster(is_this_machine=is_this_machine), Limits())
    engine.prepare(job(tracking={"kind": kind, "uri": "http://host:1"}))


def test_a_store_that_only_this_machine_sees() -> None:
    with pytest.raises(UserError, match="hydra/launcher: jobs on other machines need a tracking server"):
        Clustered(FakeCluster(), Limits()).prepare(job())


def test_settings_are_those_of_the_cluster_and_the_limits() -> None:
    from runner.cluster.slurm import Slurm

    engine = Clustered.from_settings(Slurm, {"partition": "gpu", "timeout": 5})
    assert isinstance(engine.cluster, Slurm)
    assert (engine.cluster.partition, engine.limits.timeout) == ("gpu", 5)
    with pytest.raises(UserError, match=r"hydra\.launcher"):
        Clustered.from_settings(Slurm, {"partiton": "gpu"})


def test_what_a_job_raises_is_its_result() -> None:
    def fails(number: int) -> Any:
        raise SystemExit(number) if number else KeyboardInterrupt

    assert attempt(fails, 3) == Lost("the job raised SystemExit: 3")
    assert attempt(fails, 0) == Lost("the job raised KeyboardInterrupt")
    assert attempt(abs, -2) == 2
