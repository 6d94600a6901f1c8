"""Ray without Ray: what is asked of it, and how its answers are read."""

from __future__ import annotations

import sys
from types import SimpleNamespace
from typing import Any

import pytest

from runner.cluster import ray_cluster
from runner.cluster.cluster import Lost
from runner.cluster.ray_cluster import Ray
from runner.errors import UserError


def test_what_is_asked_of_ray() -> None:
    assert Ray()._options() == {"max_retries": 0, "max_calls": 1}
    asked = Ray(cpus_per_job=2, gpus_per_job=0, memory_gb=0.5, resources={"tpu": 1})._options()
    assert asked == {
        "num_cpus": 2,
        "num_gpus": 0,
        "memory": 2**29,
        "resources": {"tpu": 1},
        "max_retries": 0,
        "max_calls": 1,
    }


def test_a_machine_that_is_too_small_for_a_job() -> None:
    ray = SimpleNamespace(cluster_resources=lambda: {"CPU": 2.0})
    Ray(cpus_per_job=2)._check_size(ray)
    with pytest.raises(UserError, match="this machine cannot give a job CPU=4, GPU=1"):
        Ray(cpus_per_job=4, gpus_per_job=1)._check_size(ray)
    Ray(address="auto", cpus_per_job=4)._check_size(ray)  # it may grow
    small = SimpleNamespace(cluster_resources=lambda: {"CPU": 2.0, "memory": 2.0 * 1024**3})
    Ray(memory_gb=2)._check_size(small)
    with pytest.raises(UserError, match=r"cannot give a job memory_gb=3: Ray offers 2\.0 GB"):
        Ray(memory_gb=3)._check_size(small)


def test_a_task_that_raises_is_lost_in_rays_words() -> None:
    class WorkerCrashedError(Exception):
        pass

    def get(done: Any) -> Any:
        if done == "well":
            return 7
        raise WorkerCrashedError("The worker died\nunexpectedly")

    ray = SimpleNamespace(get=get)
    assert ray_cluster._result(ray, "well") == 7
    lost = ray_cluster._result(ray, "badly")
    assert isinstance(lost, Lost)
    assert lost.reason.startswith("Ray says WorkerCrashedError: The worker died")
    assert "\n" not in lost.reason


def test_cancelled_tasks_get_a_moment_and_then_the_end() -> None:
    cancelled: list[tuple[str, bool]] = []
    ray = SimpleNamespace(
        cancel=lambda task, force=False: cancelled.append((task, force)),
        wait=lambda tasks, num_returns, timeout: ([tasks[0]], tasks[1:]),
    )
    ray_cluster._cancel(ray, ["a", "b"])
    assert cancelled == [("a", False), ("b", False), ("b", True)]
    ray_cluster._cancel(ray, [])
    assert len(cancelled) == 3


def test_without_ray(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(UserError, match=r"pip install 'tensorflow-lab-bench\[ray\]'"):
        Ray().check()


def test_nobody_at_the_address() -> None:
    with pytest.raises(OSError, match=r"refused|Connection"):
        ray_cluster._knock("127.0.0.1:1")
    ray_cluster._knock(None)
    ray_cluster._knock("auto")
