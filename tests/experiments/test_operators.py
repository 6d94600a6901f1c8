"""The operators experiment on real TensorFlow, with a recorder in memory."""

from __future__ import annotations

import dataclasses
import math

import numpy as np
import pytest

from experiments.experiment import Refused
from experiments.job_result import JobResult
from experiments.measure import Timing
from experiments.operators import Operators
from experiments.operators import experiment as experiment_module
from experiments.operators.catalogue import OPERATORS
from experiments.operators.catalogue.activations import kept
from experiments.operators.operator import Operand, operation
from experiments.operators.series import OperatorPointInProgress
from experiments.operators.size import Size
from experiments.operators.verification import TOLERANCE, error_of_output
from experiments.runtime.roofline import Limit, measure_compute
from experiments.testing import MemoryRecorder
from experiments.validators import InvalidField

QUICK = Timing(processes=1, max_seconds=0.01, warmup_seconds=0.0, block_seconds=0.001, min_samples=2)

TINY = Size(batch=2, units=12, sequence=3, heads=2, vocabulary=7, side=5, channels=3, kernel=2)
"""Odd sides and an even kernel: borders are not symmetric, and pooling leaves something out."""

CHEAP = ["relu", "matmul", "embedding"]

NEEDED = {
    *("matmul", "conv2d", "depthwise_conv2d", "max_pool", "avg_pool", "batch_norm", "layer_norm", "softmax", "relu"),
    *("gelu", "embedding", "attention", "lstm", "gru", "dropout", "dense"),
}


@pytest.fixture(autouse=True)
def _peak(monkeypatch):
    """One that need not be measured for each test anew."""
    monkeypatch.setattr(experiment_module, "measure_compute", lambda placement, dtype: Limit(1e11, "a test"))


@pytest.fixture
def spoil(monkeypatch):
    """Replaces parts of an operator's entry."""

    def replace(name, **parts):
        monkeypatch.setitem(OPERATORS, name, dataclasses.replace(OPERATORS[name], **parts))

    return replace


def test_all_that_is_asked_for_is_there():
    assert set(OPERATORS) >= NEEDED


@pytest.mark.parametrize(
    ("dtype", "mode"), [("float32", "eager"), ("float32", "xla"), ("float64", "graph"), ("bfloat16", "eager")]
)
@pytest.mark.parametrize("name", list(OPERATORS))
def test_every_operator_is_right(on_device, name, dtype, mode):
    """Its check is within what rounding explains: at this size a tenth of the tolerance, and more."""
    found = OperatorPointInProgress(Operators(size=TINY, dtype=dtype, mode=mode), OPERATORS[name], {})
    assert found.errors.output <= TOLERANCE[dtype] / 4
    assert found.errors.gradient <= TOLERANCE[dtype] / 4


def test_every_chosen_operator_is_measured_and_recorded(on_device, recorder):
    names = ["dense", *CHEAP]
    Operators(operators=names, size=TINY, mode="eager", timing=QUICK).run(recorder)
    rows = {row["operator"]: row for row in recorder.tables["results"]}
    assert set(rows) == set(names)
    for name, row in rows.items():
        assert row["status"] == "measured"
        assert row["device"].endswith("CPU:1")
        for metric, column in (("forward_us", "forward_us"), ("forward_backward_us", "forward_backward_us")):
            assert recorder.metrics[f"time/{metric}/{name}", 0] == row[column] > 0
        assert row["backward_us"] == pytest.approx(row["forward_backward_us"] - row["forward_us"])
        assert recorder.metrics[f"error/{name}", 0] <= row["tolerance"]
        assert recorder.metrics[f"gradient_error/{name}", 0] <= row["tolerance"]
        samples = [sample for sample in recorder.tables["samples"] if sample["operator"] == name]
        assert len(samples) == row["forward_samples"] + row["forward_backward_samples"]
    both = [row["forward_backward_us"] for row in rows.values()]
    assert both == sorted(both, reverse=True)
    mean = math.exp(np.log(both).mean())
    assert recorder.metrics["geometric_mean/forward_backward_us", 0] == pytest.approx(mean)
    assert set(recorder.figures) == {"operators"}
    assert recorder.notes[-1].startswith("**4 of 4 operators** in float32, eager, on CPU:1")


def test_rates_are_there_where_they_are_defined(on_device, recorder, monkeypatch):
    monkeypatch.setattr(experiment_module, "measure_compute", measure_compute)
    Operators(operators=["relu", "dense"], size=TINY, mode="eager", timing=QUICK).run(recorder)
    rows = {row["operator"]: row for row in recorder.tables["results"]}
    assert rows["dense"]["flops"] == 6 * (2 * 12 * 12 + 12)
    assert rows["dense"]["gflops"] == pytest.approx(rows["dense"]["flops"] / rows["dense"]["forward_us"] / 1e3)
    assert 0 < recorder.metrics["throughput/share_of_peak/dense", 0] <= 1
    assert rows["relu"]["flops"] is rows["relu"]["gflops"] is rows["relu"]["share_of_peak"] is None
    assert ("throughput/gflops/relu", 0) not in recorder.metrics


def test_flops_by_hand():
    size = Size(batch=2, units=4, sequence=3, heads=2, side=4, channels=5, kernel=3)
    counted = {name: operator.flops(size) for name, operator in OPERATORS.items() if operator.flops}
    assert counted == {
        "matmul": 2 * (2 * 3) * 4 * 4,
        "dense": 2 * (2 * 3) * 4 * 4 + (2 * 3) * 4,
        "conv2d": 2 * (2 * 4 * 4) * (3 * 3 * 5) * 5,
        "depthwise_conv2d": 2 * (2 * 4 * 4) * (3 * 3) * 5,
        "avg_pool": (2 * 2 * 2) * 5 * 4,
        "attention": 2 * (2 * 2) * (2 * 3 * 3 * 2),
        "lstm": 4 * 2 * (2 * (2 * 3) * 4 * 4),
        "gru": 3 * 2 * (2 * (2 * 3) * 4 * 4),
    }


def test_a_wrong_output_is_named_and_the_others_go_on(on_device, recorder, spoil):
    spoil("relu", prepare=operation(lambda x: -x))
    Operators(operators=CHEAP, size=TINY, mode="graph", timing=QUICK).run(recorder)
    status = {row["operator"]: row["status"] for row in recorder.tables["results"]}
    assert status.pop("relu").startswith("not measured: the output is wrong: off by")
    assert set(status.values()) == {"measured"}
    assert "Not measured: relu - the output is wrong" in recorder.notes[-1]
    assert not any("relu" in name for name, _ in recorder.metrics)
    assert ("geometric_mean/forward_us", 0) not in recorder.metrics


def test_a_wrong_gradient_is_found(on_device, recorder, spoil):
    import tensorflow as tf

    @tf.custom_gradient
    def one_and_a_half_times(a, b):
        return tf.matmul(a, b), lambda slope: (tf.matmul(slope, b, transpose_b=True), 1.5 * tf.matmul(a, slope, True))

    spoil("matmul", prepare=operation(one_and_a_half_times))
    with pytest.raises(Refused, match="nothing could be measured; matmul: the gradients are wrong"):
        Operators(operators=["matmul"], size=TINY, mode="eager", timing=QUICK).run(recorder)


@pytest.mark.parametrize(
    ("parts", "reason"),
    [
        ({"prepare": operation(lambda x: x[:1])}, "the output has the shape"),
        ({"operands": lambda size: (Operand((3,)), Operand((3,)))}, "TypeError"),
        ({"reference": lambda x: x * math.nan}, "the output is wrong: off by nan"),
        ({"results": lambda size: 10**14}, "out of memory: about 7.2e+06 GB are needed"),
    ],
)
def test_a_broken_entry_ends_itself_alone(on_device, recorder, spoil, parts, reason):
    spoil("relu", **parts)
    Operators(operators=["relu", "gelu"], size=TINY, mode="eager", timing=QUICK).run(recorder)
    status = {row["operator"]: row["status"] for row in recorder.tables["results"]}
    assert reason in status["relu"]
    assert status["gelu"] == "measured"


def test_an_output_that_depends_on_nothing_has_no_gradient(on_device, recorder, spoil):
    import tensorflow as tf

    spoil("relu", prepare=operation(lambda x: tf.stop_gradient(tf.nn.relu(x))))
    with pytest.raises(Refused, match="there is no gradient by one of the operands"):
        Operators(operators=["relu"], size=TINY, mode="eager", timing=QUICK).run(recorder)


def test_running_out_of_memory_ends_one_operator(on_device, recorder, spoil):
    import tensorflow as tf

    def exhausted(x):  # what TensorFlow raises when it does; it waits ten seconds before
        raise tf.errors.ResourceExhaustedError(None, None, "OOM when allocating tensor")

    spoil("relu", prepare=operation(exhausted))
    Operators(operators=["relu", "gelu"], size=TINY, mode="eager", timing=QUICK).run(recorder)
    status = {row["operator"]: row["status"] for row in recorder.tables["results"]}
    assert status["relu"] == "not measured: out of memory: OOM when allocating tensor"
    assert status["gelu"] == "measured"


def test_a_call_that_takes_too_long_is_left_out(on_device, recorder):
    slow = Operators(operators=["gelu"], size=TINY, mode="eager", longest_call=1e-9, timing=QUICK)
    with pytest.raises(Refused, match=r"gelu: one call takes .* s, and longest_call is 1e-09 s"):
        slow.run(recorder)


def test_dropout_must_keep_about_as_many_as_it_says():
    random = np.random.default_rng(0)
    kept(random.choice([0.0, 2.0], size=10_000))
    with pytest.raises(Refused, match=r"dropout kept .*% of 10,000 elements, where 50% are expected"):
        kept(random.choice([0.0, 2.0], size=10_000, p=[0.45, 0.55]))


def test_one_wrong_element_is_found():
    expected = np.random.default_rng(0).standard_normal(100_000)
    found = expected.copy()
    found[7] += 1
    assert error_of_output(found, expected) > max(TOLERANCE.values())


def test_the_same_seed_gives_the_same_operands(on_device):
    dense = OPERATORS["dense"]
    for one, other in zip(dense.tensors(TINY, "float32", 1), dense.tensors(TINY, "float32", 1), strict=True):
        np.testing.assert_array_equal(one, other)
    assert np.any(dense.tensors(TINY, "float32", 2)[0] != dense.tensors(TINY, "float32", 1)[0])


def test_ctrl_c_keeps_what_was_measured(on_device):
    recorder = MemoryRecorder(interrupt_at=9)
    names = ["relu", "gelu", "softmax", "max_pool", "avg_pool", "matmul"]
    with pytest.raises(KeyboardInterrupt):
        Operators(operators=names, size=TINY, mode="eager", timing=QUICK).run(recorder)
    rows = recorder.tables["results"]
    assert 1 <= len(rows) < len(names)
    assert "interrupted" in {row["forward_stopped"] for row in rows}
    assert {f"time/forward_us/{row['operator']}" for row in rows} <= {name for name, _ in recorder.metrics}
    assert set(recorder.figures) == {"operators"}
    assert f"**{len(rows)} of 6 operators**" in recorder.notes[-1]


def test_the_textbook_method(on_device, recorder):
    Operators(operators=["relu"], size=TINY, mode="eager", timing=Timing(method="textbook")).run(recorder)
    (row,) = recorder.tables["results"]
    assert row["forward_stopped"] == row["forward_backward_stopped"] == "textbook"


def _member(mode, factor):
    rows = [
        {"operator": name, "status": "measured", "forward_us": str(us), "forward_backward_us": str(us * factor)}
        for name, us in (("lstm", 900.0), ("relu", 10.0))
    ]
    tables = {"results": [*rows, {"operator": "gru", "status": "not measured: because", "forward_us": ""}]}
    config = {"experiment.mode": mode, "experiment.dtype": "float32"}
    return JobResult(
        mode, "FINISHED", {"experiment.mode": mode}, config, "CPU:0", {}, lambda name: tables.get(name, [])
    )


def test_a_sweep_is_compared_operator_by_operator(recorder):
    failed = JobResult("xla", "FAILED", {"experiment.mode": "xla"}, {}, "", {}, lambda name: [])
    Operators.compare([_member("eager", 4.0), _member("graph", 2.0), failed], recorder)
    assert set(recorder.figures) == {"comparison_operators"}
    rows = {(row["operator"], row["job"]): row for row in recorder.tables["comparison"]}
    assert rows["lstm", "graph"]["forward_backward_speedup"] == pytest.approx(2.0)
    assert rows["lstm", "graph"]["experiment.mode"] == "graph"
    assert "2 of 3 jobs have times" in recorder.notes[-1]
    assert "1.8 ms (2.00x)" in recorder.notes[-1]
    assert "no times from: xla (FAILED)" in recorder.notes[-1]


@pytest.mark.parametrize(
    ("settings", "field"),
    [
        ({"operators": ["conv2"]}, "operators"),
        ({"dtype": "int8"}, "dtype"),
        ({"mode": "lazy"}, "mode"),
        ({"seed": -1}, "seed"),
        ({"longest_call": math.nan}, "longest_call"),
    ],
)
def test_what_cannot_be_measured_is_refused_by_field(settings, field):
    with pytest.raises(InvalidField) as error:
        Operators(**settings)
    assert error.value.field == field


@pytest.mark.parametrize(
    ("config", "allowed"),
    [
        ({"experiment.dtype": "float32", "device.kind": "cpu"}, 1e-4),
        ({"experiment.dtype": "float32", "device.kind": "gpu", "device.tf32": "False"}, 1e-4),
        ({"experiment.dtype": "float32", "device.kind": "gpu", "device.tf32": "None"}, 1e-2),
        ({"experiment.dtype": "float64", "device.kind": "gpu"}, 1e-6),
    ],
)
def test_stored_errors_may_differ_by_what_their_check_lets_pass(config, allowed):
    assert {one.absolute for one in Operators.tolerances(config).values()} == {allowed}
