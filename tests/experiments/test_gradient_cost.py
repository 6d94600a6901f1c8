"""The experiment gradient_cost on real TensorFlow, with a recorder in memory."""

import dataclasses
import math

import numpy as np
import pytest

from experiments.experiment import Refused
from experiments.gradient_cost import GradientCost
from experiments.gradient_cost.operations import FUNCTION, GRADIENT, HESSIAN, operations
from experiments.gradient_cost.verification import derivative_along, error, hessian_error, tolerance
from experiments.gradient_cost.workloads import (
    WORKLOADS,
    GaussianMixture,
    KMeans,
    LeastSquares,
    LogSumExp,
    MlpLoss,
    Particle,
    Saddle,
)
from experiments.job_result import JobResult
from experiments.measure import Measurement, Sample, Timing
from experiments.measure.ratio import pooled, ratio_of
from experiments.series.measuring import Series
from experiments.testing import MemoryRecorder
from experiments.validators import InvalidField

QUICK = Timing(processes=1, max_seconds=0.02, warmup_seconds=0.0, block_seconds=0.001, min_samples=2, rounds=2)

SMALL = [
    GaussianMixture(sizes=[20], d=3, k=4),
    KMeans(sizes=[30], d=3, k=4),
    LogSumExp(sizes=[50]),
    LeastSquares(sizes=[20], m=5),
    Saddle(sizes=[3], steps=2),
    Particle(sizes=[3]),
    MlpLoss(sizes=[8], batch=5, inputs=6, classes=3, trained_steps=2),
]

each_workload = pytest.mark.parametrize("workload", SMALL, ids=lambda workload: workload.name)


@dataclasses.dataclass
class Halved(LogSumExp):
    """At ``wrong_at`` its gradient is half of what it should be; its value is right."""

    wrong_at: int = 0

    def value(self, parameters, data):
        import tensorflow as tf

        value = super().value(parameters, data)
        return (value + tf.stop_gradient(value)) / 2 if parameters[0].shape == [self.wrong_at] else value


def called(workload, dtype="float64", mode="graph"):
    """The workload's operands at its first size, and what each of its operations returns for them."""
    operands = workload.operands(workload.sizes[0], dtype, seed=1)
    calls = operations(workload, len(operands.parameters), mode)
    return operands, {name: call(*operands.all) for name, call in calls.items()}


def test_every_workload_is_tried_here():
    assert {type(workload) for workload in SMALL} == set(WORKLOADS)


@each_workload
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_value_and_gradient_are_those_of_the_function_in_numpy(on_device, workload, dtype):
    operands, results = called(workload, dtype)
    value = workload.reference(
        *([np.asarray(t, t.dtype.as_numpy_dtype) for t in part] for part in (operands.parameters, operands.data))
    )
    assert float(results[FUNCTION]) == pytest.approx(value, rel=1e-4 if dtype == "float32" else 1e-12)
    assert error(workload, operands, results[GRADIENT], seed=1) <= tolerance(workload, dtype, workload.sizes[0])
    if HESSIAN in results:
        assert hessian_error(workload, operands, results[HESSIAN][1]) <= tolerance(workload, dtype, 30)


@each_workload
@pytest.mark.parametrize("mode", ["eager", "xla"])
def test_the_other_modes_find_the_same(on_device, workload, mode):
    operands, results = called(workload, mode=mode)
    assert error(workload, operands, results[GRADIENT], seed=2) <= tolerance(workload, "float64", workload.sizes[0])
    if HESSIAN in results:
        assert hessian_error(workload, operands, results[HESSIAN][1]) <= 1e-8


def test_both_routes_of_the_check_agree(on_device):
    """Central differences stand in where there are kinks; here they can be held against the complex step."""

    class AsIfWithKinks(LeastSquares):
        analytic = False

    operands = LeastSquares(sizes=[20]).operands(20, "float64", seed=1)
    arrays = [t.numpy() for t in operands.parameters], [t.numpy() for t in operands.data]
    along = [np.ones_like(array) for array in arrays[0]]
    exact = derivative_along(LeastSquares(sizes=[20]), *arrays, along)
    assert derivative_along(AsIfWithKinks(sizes=[20]), *arrays, along) == pytest.approx(exact, rel=1e-8)


def test_the_published_minimum_of_particle(on_device):
    """The benchmark expects w = 0.2071918746486116 (python/gradbench/gradbench/evals/particle/run.py).

    Its descent ends with a step of at most 1e-5. The function is a square, so that Gauss and Newton's step is 2 f / f'.
    """
    import tensorflow as tf

    calls = operations(Particle(sizes=[1], steps=353, time_step=0.1), 1, "graph")
    w = tf.constant([0.0], tf.float64)
    for _ in range(6):
        w -= 2 * calls[FUNCTION](w) / calls[GRADIENT](w)[0]
    assert float(w[0]) == pytest.approx(0.2071918746486116, abs=2e-5)


def test_the_published_example_of_least_squares(on_device):
    """Bell's cmpad, python/xam/llsq_obj.py: x = (1, 2, 3) and n = 4, whose residuals are 3, 5/3, 1 and 5."""
    import tensorflow as tf

    workload = LeastSquares(sizes=[4], m=3)
    data = workload.operands(4, "float64", seed=0).data
    calls = operations(workload, 1, "graph")
    x = tf.constant([1.0, 2.0, 3.0], tf.float64)
    assert float(calls[FUNCTION](x, *data)) == pytest.approx(170 / 9)
    np.testing.assert_allclose(calls[GRADIENT](x, *data)[0], [32 / 3, 16 / 9, 224 / 27])


def test_a_saddle_descent_ends_where_the_powers_say(on_device):
    """Each of the 4 steps shortens both points by 1 - 2 * 0.1."""
    operands, results = called(Saddle(sizes=[2], steps=4))
    start = operands.parameters[0].numpy()
    assert float(results[FUNCTION]) == pytest.approx(2 * 0.8**8 * (start**2).sum())
    np.testing.assert_allclose(results[GRADIENT][0], 4 * 0.8**8 * start)


def test_a_run_records_every_size(on_device, recorder):
    GradientCost(KMeans(sizes=[40, 20], d=2, k=3), timing=dataclasses.replace(QUICK, rounds=6)).run(recorder)
    for metric in ("cost/ratio", "cost/ratio_low", "cost/ratio_high", "cost/hessian_ratio", "time/function_us"):
        assert recorder.steps(metric) == [20, 40]
    assert recorder.steps("time/gradient_us") == recorder.steps("gradient/error") == [20, 40]
    rows = recorder.tables["results"]
    assert [(row["n"], row["parameters"], row["checked_by"]) for row in rows] == [
        (20, 6, "central differences"),
        (40, 6, "central differences"),
    ]
    assert all(row["ratio_low"] <= row["ratio"] <= row["ratio_high"] for row in rows)
    assert {row["device"].rpartition("/")[2] for row in rows} == {"device:CPU:1"}
    assert set(recorder.figures) == {"cost", "time"}
    assert recorder.notes[-1].startswith("**k-means** in float32, graph, on CPU:1: its gradient takes ")


def test_a_wrong_gradient_is_refused_at_its_size(on_device, recorder):
    GradientCost(Halved(sizes=[5, 6], wrong_at=6), mode="eager", timing=QUICK).run(recorder)
    assert recorder.steps("cost/ratio") == [5]
    status = {row["n"]: row["status"] for row in recorder.tables["results"]}
    assert status[6].startswith("not measured: the gradient is wrong: off by 0.5")
    assert "Not measured: n=6 - the gradient is wrong" in recorder.notes[-1]


def test_nothing_measured_is_no_answer(on_device, recorder):
    with pytest.raises(Refused, match="nothing could be measured; n=6: the gradient is wrong"):
        GradientCost(Halved(sizes=[6], wrong_at=6), timing=QUICK).run(recorder)
    assert recorder.figures == {}


def test_a_hidden_parameter_is_refused(on_device):
    operands, results = called(LogSumExp(sizes=[5]))
    with pytest.raises(Refused, match="no gradient by one of the parameters"):
        error(LogSumExp(sizes=[5]), operands, [None], seed=1)
    assert math.isnan(error(LogSumExp(sizes=[5]), operands, [results[GRADIENT][0] * math.nan], seed=1))


def test_a_size_that_cannot_fit_ends_the_series(on_device, recorder, monkeypatch):
    monkeypatch.setattr(Series, "free_bytes", lambda series: 10_000)
    GradientCost(LogSumExp(sizes=[10, 1000, 2000]), timing=QUICK).run(recorder)
    status = {row["n"]: row["status"] for row in recorder.tables["results"]}
    assert status[10] == "measured"
    assert "GB are needed" in status[1000] or "larger than" in status[1000]
    assert status[2000].startswith("not measured")


def test_ctrl_c_keeps_what_was_measured(on_device):
    recorder = MemoryRecorder(interrupt_at=9)
    with pytest.raises(KeyboardInterrupt):
        GradientCost(LogSumExp(sizes=list(range(1, 9))), timing=QUICK).run(recorder)
    rows = recorder.tables["results"]
    assert 3 <= len(rows) < 8
    assert recorder.steps("cost/ratio") == [row["n"] for row in rows]
    assert set(recorder.figures) == {"cost", "time"}


def test_what_slows_both_down_for_a_round_leaves_their_ratio():
    def measurement(seconds):
        samples = [Sample(turn, 1, seconds * (turn + 1)) for turn in range(6) for _ in range(3)]
        return Measurement(tuple(samples), math.nan, math.nan, "target")

    ratio = ratio_of(measurement(3.0), measurement(1.0))
    assert (ratio.value, ratio.low, ratio.high) == pytest.approx((3.0, 3.0, 3.0))


def test_replicates_have_the_ratio_of_all_their_processes():
    def measurement(levels):
        samples = [Sample(0, 1, level, process) for process, level in enumerate(levels)]
        return Measurement(tuple(samples), math.nan, math.nan, "target")

    def ratio(levels):
        return ratio_of(measurement(levels), measurement([1.0] * len(levels)))

    parts = [3.0, 3.3, 2.9], [3.2], [3.5, 3.4]
    found, expected = pooled([ratio(part) for part in parts]), ratio([level for part in parts for level in part])
    assert (found.value, found.low, found.high) == pytest.approx((expected.value, expected.low, expected.high))
    assert found.processes == expected.processes == 6


def test_seeds_make_one_curve(recorder):
    def job(seed, ratio):
        ends = {"ratio": f"{ratio}", "ratio_low": f"{ratio - 0.1}", "ratio_high": f"{ratio + 0.1}"}
        rows = [{"n": "10", "status": "measured", "function_processes": "5"} | ends]
        return JobResult(f"gmm seed={seed}", "FINISHED", {"seed": f"{seed}"}, {}, "CPU:0", {}, {"results": rows}.get)

    GradientCost.compare([job(seed, 3 + seed / 10) for seed in range(3)], recorder)
    assert "3 of 3 jobs have a curve. Jobs that differ in their seed alone are replicates" in recorder.notes[-1]
    (line,) = (line for line in recorder.notes[-1].splitlines() if line.startswith("| gmm"))
    assert [cell.strip() for cell in line.split("|")[1:3]] == ["gmm", "3.10"]
    assert not recorder.figures


def test_the_curves_of_a_sweep_are_drawn_together(recorder):
    def job(name, ratios, status="FINISHED"):
        rows = [
            {"n": f"{10**i}", "status": "measured", "function_processes": "5"}
            | {"ratio": f"{r}", "ratio_low": f"{r - 1}", "ratio_high": f"{r + 1}"}
            for i, r in enumerate(ratios)
        ]
        return JobResult(name, status, {"workload": name}, {}, "CPU:0", {}, {"results": rows}.get)

    missing = JobResult("saddle", "FAILED", {"workload": "saddle"}, {}, "", {}, lambda name: [])
    GradientCost.compare([job("gmm", [2, 3]), job("mlp", [2, 6.5], "KILLED"), missing], recorder)
    assert set(recorder.figures) == {"comparison_cost"}
    (note,) = recorder.notes
    assert (
        "2 of 3 jobs have a curve. 1 of them exceed the theoretical bound of about 5 for certain at some size: mlp."
        in note
    )
    assert "no curve from: saddle (FAILED)" in note
    assert "not finished, but compared: mlp (KILLED)" in note


@pytest.mark.parametrize(
    ("make", "field"),
    [
        (lambda: KMeans(sizes=[]), "sizes"),
        (lambda: LeastSquares(sizes=[1]), "sizes"),
        (lambda: KMeans(sizes=[5], k=6), "k"),
        (lambda: Particle(sizes=[1], time_step=0.0), "time_step"),
        (lambda: GradientCost(LogSumExp(sizes=[1]), dtype="float16"), "dtype"),
        (lambda: GradientCost(LogSumExp(sizes=[1]), mode="lazy"), "mode"),
    ],
)
def test_what_cannot_be_measured_is_refused_by_field(make, field):
    with pytest.raises(InvalidField) as caught:
        make()
    assert caught.value.field == field
