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


def test_finished_jobs_without_the_metric_are_named():
    """As one whose largest size did not fit into memory."""
    lacking = JobResult("float64", "FINISHED", {"a": "2"}, {}, "CPU:0", {}, lambda name: [])
    note = record_effects([_member(1.0, a="0"), _member(3.0, a="1"), lacking], ["m"], MemoryRecorder())
    assert "Not compared by m, as they have none at their last step: float64." in note
    alone = record_effects([_member(1.0, a="0"), lacking], ["m"], MemoryRecorder())
    assert alone == "Not compared by m, as they have none at their last step: float64."


def test_many_values_are_told_by_their_spread():
    recorder = MemoryRecorder()
    note = record_effects([_member(float(rate), rate=str(rate)) for rate in range(1, 22)], ["m"], recorder)
    (row,) = (line for line in note.splitlines() if "| rate" in line)
    assert "21 values" in row
    assert "1 to 21" in row
    assert len(recorder.tables["effects"]) == 21
    assert set(recorder.figures) == {"effects"}


def test_nothing_swept_has_no_effect():
    recorder = MemoryRecorder()
    assert record_effects([_member(1.0)], ["m"], recorder) == ""
    assert recorder.tables == {}


def _row_of(note: str, key: str, value: str) -> list[str]:
    """The cells of a row of the note's table."""
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in note.splitlines()]
    (row,) = (row for row in cells if row[:2] == [key, value])
    return row


SEEDED = [1.0, 1.3, 0.8, 1.1]


@pytest.mark.parametrize(
    ("factors", "words", "verdict"),
    [
        ((2.0, 2.02, 2.05, 1.98), "2.01x (1.97 to 2.06), higher", "higher"),
        ((0.5, 0.51, 0.49, 0.5), "0.5x (0.487 to 0.513), lower", "lower"),
        ((0.5, 2.0, 1.2, 1.1), "1.07x (0.431 to 2.67), unsure", "unsure"),
        ((-2.0, -2.02, -2.05, -1.98), "lower", "lower"),  # no ratio, but a difference
    ],
)
def test_the_verdict_on_a_value_is_that_of_its_pairs(factors, words, verdict):
    members = [_member(SEEDED[n], a="0", seed=str(n)) for n in range(4)]
    members += [_member(SEEDED[n] * factor, a="1", seed=str(n)) for n, factor in enumerate(factors)]
    recorder = MemoryRecorder()
    note = record_effects(members, ["m"], recorder)
    assert _row_of(note, "a", "1")[-1] == words
    assert [row["verdict"] for row in recorder.tables["effects"] if row["key"] == "a"] == ["", verdict]


def test_a_single_pair_has_no_verdict():
    note = record_effects([_member(1.0, a="0"), _member(2.06, a="1")], ["m"], MemoryRecorder())
    assert _row_of(note, "a", "1")[-1] == "2.06x (one pair)"
    assert "95 %" not in note


def test_verdicts_are_corrected_for_their_number():
    """Alone, 3 % would do; among twenty values it is nothing unusual."""
    alone = [_member(SEEDED[n] * off, a=a, seed=str(n)) for a, offs in _OFFS.items() for n, off in enumerate(offs)]
    many = [_member(SEEDED[n], a=str(a), seed=str(n)) for a in range(2, 22) for n in range(4)]
    assert [effect.verdict for effect in effects(alone, "m") if effect.value == "1"] == ["higher"]
    assert [effect.verdict for effect in effects([*alone, *many], "m") if effect.value == "1"] == ["unsure"]


_OFFS = {"0": (1.0, 1.0, 1.0, 1.0), "1": (1.01, 1.05, 1.02, 1.04)}


@pytest.mark.parametrize(
    ("metric", "turns", "verdict"),
    [
        ("m", {}, "higher"),
        ("time/median_us", {}, ""),
        ("m", {"0": ["s.0.1"], "1": ["s.0.1"]}, ""),  # one process each
        ("m", {"0": ["s.0.1", "s.0.2"], "1": ["t.0.1", "t.0.2"]}, ""),
        ("m", {"0": ["s.0.1", "s.0.2"], "1": ["s.0.1", "s.0.2"]}, "higher"),
    ],
)
def test_times_are_judged_only_between_jobs_that_took_turns(metric, turns, verdict):
    """Otherwise the machine may have drifted between all jobs with the one value and all with the other."""
    members = [
        JobResult(
            "", "FINISHED", {"a": a, "seed": str(n)}, {}, "CPU:0", {metric: off * SEEDED[n]}, None, turns.get(a, ())
        )
        for a, offs in (("0", (1.0, 1.01, 1.0, 0.99)), ("1", (2.0, 2.02, 2.05, 1.98)))
        for n, off in enumerate(offs)
    ]
    note = record_effects(members, [metric], recorder := MemoryRecorder())
    assert [row["verdict"] for row in recorder.tables["effects"] if row["key"] == "a"] == ["", verdict]
    assert ("did not take turns" in note) == (not verdict)
    assert _row_of(note, "a", "1")[-1].endswith(verdict or "(4 pairs)")


def test_seeds_have_a_spread_and_no_effect():
    """The spread is that within a setting: a=1 is ten times as large for every seed."""
    members = [
        _member(factor * value, a=a, seed=str(n))
        for a, factor in (("0", 1), ("1", 10))
        for n, value in enumerate((1.0, 2.0))
    ]
    recorder = MemoryRecorder()
    note = record_effects(members, ["m"], recorder)
    assert _row_of(note, "seed", "2 values")[-1] == "replicates"
    (row,) = (row for row in recorder.tables["effects"] if row["key"] == "seed")
    assert row["standard_deviation"] == pytest.approx(math.sqrt((0.5 + 50) / 2))
    assert (row["jobs"], row["pairs"], row["verdict"]) == (4, 0, "")
    assert math.isnan(row["ratio"])
