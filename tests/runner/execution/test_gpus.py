"""Jobs that share out GPUs among themselves; the GPUs of these tests exist in the assignments of fake workers only."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from threading import Barrier, Lock

import pytest

from experiments.runtime.device import Placement
from runner.config.launcher_settings import checked
from runner.errors import UserError
from runner.execution.limits import Limits
from runner.messages import HandOn, Measured, Metric, Outcome, Started
from runner.sweep.isolated import Isolated
from runner.tracking import tags
from tests.runner.execution.conftest import House
from tests.runner.execution.fake_workers import FakeWorker
from tests.runner.jobs import job
from tests.waiting import PATIENCE

GPU = {"kind": "gpu"}


class PretendedGpus:
    """Keeps which GPUs are in use, and fails if one is given to two processes at once."""

    def __init__(self) -> None:
        self.seen: list[int] = []
        self._in_use: set[int] = set()
        self._lock = Lock()

    @contextmanager
    def used_by(self, worker: FakeWorker) -> Iterator[None]:
        device = worker.assignment.device
        assert device.kind == "gpu"
        with self._lock:
            assert device.index not in self._in_use
            self._in_use.add(device.index)
            self.seen.append(device.index)
        worker.announce()
        worker.send(Started(Placement("/device:GPU:0", f"GPU:{device.index}", "a card"), {"version": "0.0"}))
        worker.begin()
        yield
        with self._lock:
            self._in_use.discard(device.index)


def test_four_jobs_at_a_time_have_a_gpu_each(house: House) -> None:
    gpus, together = PretendedGpus(), Barrier(4, timeout=PATIENCE)

    def script(worker: FakeWorker) -> None:
        with gpus.used_by(worker):
            together.wait()
        worker.end()

    house.servers.scripts |= dict.fromkeys(range(8), script)
    ends = house.run(*(job(x=x, number=x, device=GPU) for x in range(8)), n_jobs=4, gpus=[0, 1, 2, 5])
    assert {end.status for end in ends.values()} == {"FINISHED"}
    assert sorted(gpus.seen) == [0, 0, 1, 1, 2, 2, 5, 5]
    runs = house.store.client.runs()
    assert {run.data.tags["device.actual"] for run in runs[:4]} == {"GPU:0", "GPU:1", "GPU:2", "GPU:5"}
    assert {run.data.tags["device.requested"] for run in runs} == {"gpu"}
    assert {run.data.params["device.index"] for run in runs} == {"0"}


def test_a_gpu_is_given_back_when_a_process_has_ended(house: House) -> None:
    """While it draws, the next one has another GPU, or waits for this one."""
    gpus = PretendedGpus()

    def script(worker: FakeWorker) -> None:
        with gpus.used_by(worker):
            worker.hand_over(*([] if worker.number > 3 else [HandOn(b'"found"')]), Measured())
        worker.end()

    house.servers.scripts |= {1: script, 2: script, 3: script}
    ends = house.run(*(job(x=x, number=x, device=GPU) for x in (1, 2, 3)), gpus=[3])
    assert {end.status for end in ends.values()} == {"FINISHED"}
    assert gpus.seen == [3] * 6
    assert {run.data.tags[tags.CARDS] for run in house.store.client.runs()} == {"3 3"}


@pytest.mark.parametrize(
    ("settings", "placement", "waits"),
    [
        ({"memory_growth": False}, Placement("/device:GPU:0", "GPU:0", "a card"), True),
        ({"memory_growth": True}, Placement("/device:GPU:0", "GPU:0", "a card"), False),
        ({"memory_growth": False}, Placement("/device:CPU:0", "CPU:0", ""), False),
    ],
)
def test_a_process_that_has_a_whole_gpu_keeps_it_until_it_is_gone(
    house: House, settings: dict[str, bool], placement: Placement, waits: bool
) -> None:
    """TensorFlow gives memory back only when its process ends, so the next one starts after that."""
    server = house.servers.server
    seen = []

    def script(worker: FakeWorker) -> None:
        is_gone = worker.number - 1 in server.waited_for
        worker.announce()
        worker.send(Started(placement, {"version": "0.0"}))
        worker.begin()
        further = [HandOn(b'"found"')] if worker.number <= 2 else []
        worker.hand_over(*further, Measured())
        worker.hand_over(Metric("loss", 1, 0, 0))  # answered when all that goes before has been done
        has_next = len(server.workers) > worker.number
        seen.append((is_gone, has_next))
        worker.end()

    house.servers.scripts |= {1: script, 2: script}
    ends = house.run(*(job(x=x, number=x, device={"kind": "auto", **settings}) for x in (1, 2)))
    assert {end.status for end in ends.values()} == {"FINISHED"}
    assert [is_gone for is_gone, _ in seen] == [False, *[waits] * 3]
    assert [has_next for _, has_next in seen] == [*[not waits] * 3, False]


def test_the_same_question_has_one_fingerprint_on_all_gpus(house: House) -> None:
    def script(worker: FakeWorker) -> None:
        with PretendedGpus().used_by(worker):
            pass
        worker.end()

    house.servers.scripts[1] = script
    house.run(*(job(x=1, number=number, device=GPU) for number in range(2)), gpus=[0, 1])
    one, other = house.store.client.runs()
    assert one.data.tags["device.actual"] != other.data.tags["device.actual"]
    assert one.data.tags[tags.FINGERPRINT] == other.data.tags[tags.FINGERPRINT]


def test_a_job_on_the_cpu_needs_no_gpu(house: House) -> None:
    def script(worker: FakeWorker) -> None:
        worker.start()
        assert worker.assignment.device.kind == "cpu"
        worker.end(Outcome.FINISHED)

    house.servers.scripts[1] = script
    assert house.run(job(x=1, device={"kind": "cpu"}), gpus=[2])[0].status == "FINISHED"
    assert tags.CARDS not in house.store.client.runs()[0].data.tags


@pytest.mark.parametrize(
    ("settings", "problem"),
    [
        ({"gpus": []}, "gpus: [] are no GPUs; give their numbers, each once"),
        ({"gpus": [0, 0]}, "gpus: [0, 0] are no GPUs"),
        ({"gpus": [-1]}, "gpus: [-1] are no GPUs"),
        ({"gpus": ["first"]}, "gpus[0]: 'first' is not a whole number"),
        ({"gpus": [0, 1], "n_jobs": 3}, "n_jobs: 3 jobs at a time need a GPU each, but gpus=[0, 1]"),
    ],
)
def test_wrong_gpus_are_one_line(settings: dict[str, object], problem: str) -> None:
    with pytest.raises(UserError) as wrong:
        checked(Limits, settings)
    assert str(wrong.value).startswith(f"hydra.launcher.{problem}")
    assert "\n" not in str(wrong.value)
    assert "did you mean" not in str(wrong.value)


@pytest.mark.parametrize(("key", "value"), [("index", 2), ("gpus", 2)])
def test_a_job_that_chooses_its_gpu_itself_is_refused(key: str, value: int) -> None:
    engine = Isolated.from_settings({"gpus": [0, 1]})
    try:
        with pytest.raises(UserError, match=rf"device\.{key}={value}: hydra\.launcher\.gpus gives each job one GPU"):
            engine.prepare(job(device=GPU | {key: value}))
    finally:
        engine.close()
