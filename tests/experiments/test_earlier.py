"""The remark on an earlier run of the same question that found other times."""

from __future__ import annotations

import math

import pytest

from experiments.matmul import Matmul
from experiments.measure import Timing
from experiments.recorder import Answered
from experiments.series.earlier import changes
from experiments.testing import MemoryRecorder


def single(n, median, low, high, processes=5):
    """A row of an experiment that times one call; cells of an earlier run are text."""
    return {
        "n": n,
        "status": "measured",
        "median_us": median,
        "ci_low_us": low,
        "ci_high_us": high,
        "processes": processes,
    }


def named(operator, **times):
    """A row of an experiment that times several calls."""
    return {"operator": operator} | {
        f"{call}_{column}": value
        for call, (median, low, high) in times.items()
        for column, value in {"us": median, "ci_low_us": low, "ci_high_us": high, "processes": 2}.items()
    }


def as_text(row):
    return {column: "" if value != value else str(value) for column, value in row.items()}


TITLES = {"n": "n={}".format, "operator": str}
THEN = [single(1, 50.0, 48.0, 52.0), single(64, 9100.0, 9000.0, 9200.0)]


@pytest.mark.parametrize(
    ("key", "then", "now", "words"),
    [
        ("n", THEN, THEN, None),
        ("n", THEN, [single(64, 9300.0, 9150.0, 9500.0)], None),  # the intervals overlap
        ("n", THEN, [single(64, 9700.0, 9600.0, 9800.0)], None),  # a machine may drift as far
        ("n", THEN, [single(64, 12300.0, math.nan, math.nan)], None),
        ("n", THEN, [single(64, 12300.0, 12000.0, 12600.0, processes=1)], None),
        ("n", [], THEN, None),
        ("n", [{"n": 64, "status": "not measured: too large"}], THEN, None),
        ("n", THEN, [single(2, 9300.0, 9250.0, 9500.0)], None),  # another size
        ("n", THEN, [THEN[0], single(64, 12300.0, 12000.0, 12600.0)], "9.1 ms at n=64, now it is 12.3 ms"),
        ("n", THEN, [single(1, 90.0, 80.0, 99.0), single(64, 8000.0, 7990.0, 8010.0)], "50 µs at n=1, now it is 90 µs"),
        (
            "operator",
            [named("relu", forward=(10.0, 9.0, 11.0), backward=(20.0, 19.0, 21.0))],
            [named("relu", forward=(10.0, 9.0, 11.0), backward=(15.0, 14.0, 16.0))],
            "20 µs at relu backward, now it is 15 µs",
        ),
    ],
)
def test_times_that_differ_for_certain_are_remarked(key, then, now, words):
    before = Answered("a *name*", "2026-11-27 12:10", [as_text(row) for row in then])
    found = changes(before, now, key, TITLES[key])
    assert len(found) == (words is not None)
    if words:
        assert f"had {words}. Of " in found[0]
        assert found[0].startswith(r"An earlier run of the same question (a \*name\*, 2026-11-27 12:10) had")
        assert ("this one and 1 more differ for certain by more than the 10%" in found[0]) == ("n=1," in words)


def test_the_remark_is_corrected_for_the_number_of_times():
    """One of many times that differs as far as this by luck alone is no change."""
    times = [single(n, 100.0, 97.0, 103.0) for n in range(32)]
    before = Answered("before", "2026-11-27 12:10", [as_text(row) for row in times])
    unlucky = single(0, 115.0, 112.0, 118.0)
    assert len(changes(before, [unlucky], "n")) == 1
    assert changes(before, [unlucky, *times[1:]], "n") == []


def test_the_answer_of_a_run_has_the_remark(on_device):
    then = Answered("before", "2026-11-27 12:10", [as_text(single(4, 1e12, 0.9e12, 1.1e12))])
    recorder = MemoryRecorder(answer_before=then)
    quick = Timing(processes=2, max_seconds=0.02, warmup_seconds=0.0, block_seconds=0.001)
    recorder.run_to_end(Matmul(sizes=[4], timing=quick).run)
    assert "An earlier run of the same question (before, 2026-11-27 12:10) had 1000000 s at n=4" in recorder.notes[-1]
