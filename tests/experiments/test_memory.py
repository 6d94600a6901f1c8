"""The memory that a point takes."""

from __future__ import annotations

import math
from contextlib import nullcontext
from dataclasses import replace

import psutil
import pytest
import tensorflow as tf

from experiments.matmul import Matmul
from experiments.matmul.series import MatmulSeries
from experiments.measure import Timing
from experiments.runtime import control_groups, device, memory
from experiments.runtime.device import current
from experiments.runtime.memory import PeakMemory, free_on_host
from experiments.series import measuring
from experiments.testing import MemoryRecorder

SHORT = Timing(processes=2, max_seconds=0.02, warmup_seconds=0.0, block_seconds=0.001, min_samples=2)


class Allocator:
    """What TensorFlow's allocator says of a GPU: bytes that are given out now, and the most since the last reset."""

    def __init__(self) -> None:
        self.current = self.peak = 0

    def take(self, count: int) -> None:
        self.current += count
        self.peak = max(self.peak, self.current)

    def get_memory_info(self, name: str) -> dict[str, int]:
        assert name == "GPU:0"
        return {"current": self.current, "peak": self.peak}

    def reset_memory_stats(self, name: str) -> None:
        self.peak = self.current


@pytest.fixture
def allocator(on_device, monkeypatch):
    pretended = Allocator()
    monkeypatch.setattr(device, "_current", replace(current(), scope="/device:GPU:0", actual="GPU:0"))
    for name in ("get_memory_info", "reset_memory_stats"):
        monkeypatch.setattr(tf.config.experimental, name, getattr(pretended, name))
    return pretended


def test_on_a_gpu_it_is_what_the_point_took_beside_the_others(allocator):
    """Two points take turns: the first keeps 1000 bytes and needs 50 more at a time, the second 10 and 7 more."""
    first, second = PeakMemory(), PeakMemory()
    for point, kept, needed in ((first, 1000, 50), (second, 10, 7), (first, 0, 50), (second, 0, 7)):
        with point.making() if kept else point.visiting():
            allocator.take(kept)
            if kept:
                allocator.take(500)  # the check of the first result
                allocator.take(-500)
        with point.visiting():
            allocator.take(needed)
            allocator.take(-needed)
    assert (first.bytes, second.bytes) == (1050, 17)


def test_on_a_cpu_it_is_the_resident_set_of_the_process(on_device, monkeypatch):
    found = PeakMemory()
    assert math.isnan(found.bytes)
    sizes = iter([3e9, 5e9, 4e9])
    monkeypatch.setattr(psutil.Process, "memory_info", lambda process: type("Info", (), {"rss": next(sizes)}))
    for _ in range(3):
        with found.visiting():
            pass
    assert found.bytes == 5e9


def test_every_point_has_its_memory_as_a_column_and_a_metric(on_device):
    recorder = MemoryRecorder()
    recorder.run_to_end(Matmul(sizes=[1, 4_000_000], timing=SHORT).run)
    rows = recorder.tables["results"]
    for row in rows:
        assert recorder.metrics["memory/peak_mb", int(row["n"] or 0)] == row["peak_mb"]
        assert row["peak_mb"] > 32  # the two operands of the larger one, and TensorFlow itself


def test_the_peak_of_a_process_is_never_less_than_what_it_has(on_device):
    assert memory.peak_bytes() >= psutil.Process().memory_info().rss


def test_limits_of_all_control_groups_count(tmp_path, monkeypatch):
    """As under Slurm, which limits the step and not the task in it. The root has no limit."""
    task = tmp_path / "groups/job/step/task"
    task.mkdir(parents=True)
    for group, limit, used in ((task, "max", 10), (task.parent, "1000", 300), (task.parent.parent, "5000", 300)):
        (group / "memory.max").write_text(limit)
        (group / "memory.current").write_text(str(used))
        (group / "memory.stat").write_text("anon 200\ninactive_file 50\n")
    (tmp_path / "own").write_text("3:cpuset:/\n0::/job/step/task\n")
    monkeypatch.setattr(control_groups, "ROOT", tmp_path / "groups")
    monkeypatch.setattr(control_groups, "OWN", tmp_path / "own")
    assert free_on_host() == 1000 - 300 + 50
    monkeypatch.setattr(control_groups, "OWN", tmp_path / "missing")
    assert free_on_host() > 1e6


@pytest.mark.parametrize(
    ("on_card", "on_host", "lacking"),
    [
        (80e9, 200e9, None),
        (40e9, 200e9, "about 43.2 GB are needed on the GPU, 40 GB are free"),
        (80e9, 10e9, "about 43.2 GB are needed on the host, 10 GB are free"),
    ],
)
def test_a_gpu_and_its_host_have_memories_of_their_own(on_device, monkeypatch, on_card, on_host, lacking):
    """Two operands and a product of 60,000 x 60,000 in float32; seen on a card with 80 GB, where they were refused."""
    monkeypatch.setattr(device, "_current", replace(current(), scope="/device:GPU:0", actual="GPU:0"))
    monkeypatch.setattr(MatmulSeries, "free_bytes", lambda series: on_card)
    monkeypatch.setattr(measuring, "free_on_host", lambda: on_host)
    series = MatmulSeries(Matmul(sizes=[60_000], shape="square"))
    with pytest.raises(MemoryError, match=lacking) if lacking else nullcontext():
        series.require_memory(60_000)
