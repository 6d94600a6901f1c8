"""The effect of each swept key."""

from __future__ import annotations

import math

import pytest

from experiments.job_result import JobResult
from experiments.testing import MemoryRecorder
from runner.sweep.effects import effects, record_effects


def _member(metric: float, status: str = "FINISHED", **swept: str) -> JobResult:
    return JobResult(" ".join(swept.values()), status, swept, {}, "CPU:0", {"m": metric}, lambda name: [])


def test_other_keys_do_not_pass_for_an_effect():
    """Jobs with b=slow are there for a=1 only; the mean of a=1 is spoilt, the ratio within pairs is not."""
    members = [
        _member(10.0, a="0", b="fast"),
        _member(20.0, a="1", b="fast"),
        _member(2000.0, a="1", b="slow"),
    ]
    of_a = {effect.value: effect for effect in effects(members, "m") if effect.key == "a"}
    assert of_a["1"].ratio == pytest.approx(2.0)
    assert of_a["1"].row()["mean"] == pytest.approx(1010.0)
    assert of_a["1"].row()["pairs"] == 1
    assert of_a["0"].ratio == pytest.approx(1.0)


def test_ratios_are_averaged_as_ratios_and_shown_with_their_range():
    members = [
        _member(1.0, a="0", b="x"),
        _member(4.0, a="1", b="x"),
        _member(5.0, a="0", b="y"),
        _member(5.0, a="1", b="y"),
    ]
    (effect,) = (found for found in effects(members, "m") if (found.key, found.value) == ("a", "1"))
    assert effect.ratio == pytest.approx(2.0)
    assert (effect.row()["ratio_low"], effect.row()["ratio_high"]) == pytest.approx((1.0, 4.0))


def test_what_is_not_positive_has_a_difference_and_no_ratio():
    (_, effect) = effects([_member(-1.0, a="0"), _member(2.0, a="1")], "m")
    assert math.isnan(effect.ratio)
    assert effect.row()["difference"] == pytest.approx(3.0)


def test_failed_jobs_and_lacking_metrics_do_not_count():
    members = [_member(1.0, a="0"), _member(3.0, a="1"), _member(99.0, "FAILED", a="1"), _member(math.nan, a="0")]
    assert [effect.values for effect in effects(members, "m")] == [(1.0,), (3.0,)]
    assert effects(members, "another") == []


def test_many_values_are_told_by_their_spread():
    recorder = MemoryRecorder()
    note = record_effects([_member(float(seed), seed=str(seed)) for seed in range(1, 22)], ["m"], recorder)
    (row,) = (line for line in note.splitlines() if "| seed" in line)
    assert "21 values" in row
    assert "1 to 21" in row
    assert len(recorder.tables["effects"]) == 21
    assert set(recorder.figures) == {"effects"}


def test_nothing_swept_has_no_effect():
    recorder = MemoryRecorder()
    assert record_effects([_member(1.0)], ["m"], recorder) == ""
    assert recorder.tables == {}
