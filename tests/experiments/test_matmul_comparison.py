"""What the jobs of a sweep over matmul say together."""

import itertools
import subprocess
import sys
from zlib import crc32

import pytest

from experiments.matmul import Matmul
from tests.experiments.test_crossover import job_of

SIZES = [10**i for i in range(8)]


def cpu(n):
    return 50e-6 + 3e-10 * n


def gpu(n):
    """Overtakes :func:`cpu` at n = 200,000."""
    return 90e-6 + 1e-10 * n


def job(seconds_of, **swept):
    """A job named by its swept values; those named ``gpu`` ran on one."""
    device = "GPU:0" if "gpu" in swept.values() else "CPU:0"
    keys = {key if key == "device" else f"experiment.{key}": value for key, value in swept.items()}
    name = " ".join(swept.values())
    return job_of(name, seconds_of, sizes=SIZES, noise=0.02, device=device, swept=keys, seed=crc32(name.encode()))


def failed(name, **swept):
    return job_of(name, cpu, sizes=[], status="FAILED", device="", swept=swept)


def pairs(recorder):
    return [(row["first"], row["second"]) for row in recorder.tables["crossover"]]


def test_devices_are_compared_where_they_alone_differ(recorder):
    """The GPU came first here; the CPU is the baseline all the same."""
    grid = itertools.product(["gpu", "cpu"], ["float32", "float64"], ["eager", "graph"])
    Matmul.compare([job(cpu if d == "cpu" else gpu, device=d, dtype=t, mode=m) for d, t, m in grid], recorder)
    assert pairs(recorder) == [
        (f"cpu {setting}", f"gpu {setting}")
        for setting in ("float32 eager", "float32 graph", "float64 eager", "float64 graph")
    ]
    for row in recorder.tables["crossover"]:
        assert row["faster"] == row["second"]
        assert (row["ci_low_n"], row["ci_high_n"]) == (100_000, 1_000_000)
        assert row["n"] == pytest.approx(200_000, rel=0.5)
    assert len(recorder.tables["growth"]) == 8
    assert set(recorder.figures) == {"comparison_time", "comparison_speedup"}
    (note,) = recorder.notes
    assert note.startswith("**[n,n] x [n,n]**: 8 of 8 jobs have a curve.")
    assert "gpu float32 eager is faster than cpu float32 eager from somewhere between n = 100,000 and" in note


def test_without_devices_each_pair_that_differs_in_one_key_is_compared(recorder):
    grid = itertools.product(["float32", "float64"], ["eager", "graph"])
    Matmul.compare([job(cpu, dtype=dtype, mode=mode) for dtype, mode in grid], recorder)
    assert pairs(recorder) == [
        ("float32 eager", "float64 eager"),
        ("float32 graph", "float64 graph"),
        ("float32 eager", "float32 graph"),
        ("float64 eager", "float64 graph"),
    ]


def test_a_failed_job_is_named_and_the_rest_is_compared(recorder):
    jobs = [job(cpu, device="cpu", dtype="float32"), job(gpu, device="cpu", dtype="float64")]
    Matmul.compare([*jobs, failed("gpu float32", device="gpu", **{"experiment.dtype": "float32"})], recorder)
    assert pairs(recorder) == [("cpu float32", "cpu float64")]
    assert "2 of 3 jobs have a curve" in recorder.notes[-1]
    assert recorder.notes[-1].endswith("no curve from: gpu float32 (FAILED)")


def test_a_job_that_was_stopped_is_compared_and_named(recorder):
    stopped = job_of("float64", gpu, sizes=SIZES[:5], status="KILLED", swept={"experiment.dtype": "float64"})
    Matmul.compare([job(cpu, dtype="float32"), stopped], recorder)
    (row,) = recorder.tables["crossover"]
    assert row["last_common_n"] == SIZES[4]
    assert recorder.notes[-1].endswith("not finished, but compared: float64 (KILLED)")


def test_one_curve_has_a_growth_and_nothing_to_be_compared_with(recorder):
    Matmul.compare([job(cpu, device="cpu"), failed("gpu", device="gpu")], recorder)
    assert set(recorder.tables) == {"growth"}
    (row,) = recorder.tables["growth"]
    assert row["k_ci_low"] <= 1 <= row["k_ci_high"]
    assert recorder.figures == {}
    assert "no curve from: gpu (FAILED)" in recorder.notes[-1]


def test_no_curve_at_all_is_said(recorder):
    Matmul.compare([failed("cpu", device="cpu"), failed("gpu", device="gpu")], recorder)
    assert recorder.tables == recorder.figures == {}
    assert "no curve from: cpu (FAILED) and gpu (FAILED)" in recorder.notes[-1]


def test_few_sizes_are_compared_without_a_growth(recorder):
    few = [job_of(name, cpu, sizes=[1, 10], swept={"device": name}) for name in ("cpu", "gpu")]
    Matmul.compare(few, recorder)
    assert {row["status"] for row in recorder.tables["growth"]} == {"no fit: too few sizes: 2 of at least 4"}
    assert len(recorder.tables["crossover"]) == 1
    assert "no growth fitted (too few sizes: 2 of at least 4): cpu and gpu" in recorder.notes[-1]


def test_jobs_without_a_common_size_have_no_speedup(recorder):
    apart = [job_of(name, cpu, sizes=sizes, swept={"device": name}) for name, sizes in (("cpu", [1]), ("gpu", [2]))]
    Matmul.compare(apart, recorder)
    assert set(recorder.figures) == {"comparison_time"}
    assert "cpu and gpu have no size in common" in recorder.notes[-1]


def test_of_many_curves_the_fastest_are_named_and_the_tables_have_all(recorder):
    factors = range(1, 15)
    Matmul.compare([job(lambda n, factor=factor: factor * cpu(n), mode=f"{factor}") for factor in factors], recorder)
    assert len(recorder.tables["crossover"]) == 14 * 13 / 2
    assert len(recorder.tables["growth"]) == 14
    (legend,) = recorder.figures["comparison_time"].legends
    assert [text.get_text() for text in legend.get_texts()] == ["1", "2", "3", "4", "5", "6"]
    assert legend.get_title().get_text() == "the 6 fastest of 14 at n = 10,000,000; the others in grey"
    assert "and 81 more in crossover.csv" in recorder.notes[-1]


def test_replicates_and_large_groups_do_not_make_pairs_without_number(recorder):
    Matmul.compare([job(cpu, seed=f"{seed}") for seed in range(5)], recorder)
    assert "crossover" not in recorder.tables
    Matmul.compare(
        [job(lambda n, factor=factor: factor * cpu(n), mode=f"{factor}") for factor in range(1, 31)], recorder
    )
    assert len(recorder.tables["crossover"]) == 29


def test_the_crossover_is_marked_on_the_line_at_one(recorder):
    Matmul.compare([job(cpu, device="cpu"), job(gpu, device="gpu")], recorder)
    (axes,) = recorder.figures["comparison_speedup"].axes
    bars = [list(line.get_xdata()) for line in axes.lines if list(line.get_ydata()) == [1, 1]]
    assert [100_000, 1_000_000] in bars
    assert not [line for line in axes.lines if line.get_marker() == "D"], "the interval is too wide for a best guess"
    assert "crossover between n = 100,000 and 1,000,000" in axes.get_legend().get_texts()[0].get_text()


def test_comparing_needs_no_tensorflow():
    code = "import sys, experiments.matmul; sys.exit(bool({'tensorflow', 'matplotlib', 'scipy'} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
