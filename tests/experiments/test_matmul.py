"""The matmul experiment on real TensorFlow, with a recorder in memory."""

import math

import numpy as np
import pytest

from experiments.experiment import Refused
from experiments.matmul import Matmul
from experiments.matmul import experiment as experiment_module
from experiments.matmul import report as report_module
from experiments.matmul import series as series_module
from experiments.matmul.product import SHAPES, Product, new_call, require_product_in_graph
from experiments.matmul.settings import MatmulSettings
from experiments.matmul.verification import require_correct, residual, tolerance
from experiments.measure import Timing
from experiments.runtime.modes import BYTES
from experiments.runtime.roofline import Limit, measure_compute, measure_memory
from experiments.series.measuring import Series
from experiments.testing import MemoryRecorder
from experiments.validators import InvalidField
from runner.messages import File, Note
from runner.sweep.answer import AnswerRecorder

QUICK = Timing(processes=1, max_seconds=0.05, warmup_seconds=0.0, block_seconds=0.001)


@pytest.fixture(autouse=True)
def _limits(monkeypatch):
    """Limits that need not be measured anew for each test."""
    monkeypatch.setattr(experiment_module, "measure_compute", lambda placement, dtype: Limit(1e11, "a test"))
    monkeypatch.setattr(experiment_module, "measure_memory", lambda placement: Limit(1e10, "a test"))


@pytest.mark.parametrize("mode", ["eager", "graph", "xla"])
@pytest.mark.parametrize("shape", list(SHAPES))
def test_every_point_is_measured_and_recorded(on_device, recorder, mode, shape):
    Matmul(sizes=[16, 1, 4], shape=shape, mode=mode, timing=QUICK).run(recorder)
    for metric in ("median_us", "mean_us", "first_call_us"):
        assert recorder.steps(f"time/{metric}") == [1, 4, 16]
    assert recorder.steps("throughput/gflops") == recorder.steps("bandwidth/gbytes_per_s") == [1, 4, 16]
    rows = recorder.tables["results"]
    assert [row["n"] for row in rows] == [1, 4, 16]
    assert {row["device"].rpartition("/")[2] for row in rows} == {"device:CPU:1"}
    assert set(recorder.figures) == {"time", "throughput"}
    assert "CPU:1" in recorder.notes[-1]


def test_a_figure_that_cannot_be_drawn_ends_no_run(on_device, monkeypatch):
    monkeypatch.setattr(report_module, "time_figure", lambda answer: answer.no_such_thing)
    recorder = AnswerRecorder()  # what a run has, but for the pipe
    Matmul(sizes=[4], timing=QUICK).run(recorder)
    records = recorder.rest()
    files = {record.path for record in records if isinstance(record, File)}
    assert files == {"plots/time.txt", "plots/throughput.png", "plots/throughput.svg"}
    note = [record.markdown for record in records if isinstance(record, Note)][-1]
    assert "µs at n=4" in note
    assert "Not drawn: plots/time.png (AttributeError: 'MatmulAnswer' object has no attribute 'no_such_thing'" in note


@pytest.mark.parametrize("dtype", ["float64", "float16", "bfloat16"])
def test_the_other_dtypes(on_device, recorder, dtype):
    Matmul(sizes=[8], shape="square", dtype=dtype, timing=QUICK).run(recorder)
    (row,) = recorder.tables["results"]
    assert row["residual"] <= tolerance(Product("square", 8, dtype))


def test_rates_follow_from_the_median_and_shares_from_the_measured_limits(on_device, recorder, monkeypatch):
    monkeypatch.setattr(experiment_module, "measure_compute", measure_compute)
    monkeypatch.setattr(experiment_module, "measure_memory", measure_memory)
    Matmul(sizes=[64], shape="square", timing=QUICK).run(recorder)
    seconds = recorder.metrics["time/median_us", 64] * 1e-6
    assert recorder.metrics["throughput/gflops", 64] == pytest.approx(2 * 64**3 / seconds / 1e9)
    assert recorder.metrics["bandwidth/gbytes_per_s", 64] == pytest.approx(3 * 64**2 * 4 / seconds / 1e9)
    peak = recorder.metrics["peak/gflops", 0]
    assert recorder.metrics["throughput/share_of_peak", 64] == pytest.approx(2 * 64**3 / seconds / 1e9 / peak)
    assert recorder.metrics["throughput/share_of_peak", 64] <= 1
    assert recorder.metrics["peak/gbytes_per_s", 0] > 0


def test_no_point_beats_a_call_with_nothing_to_do(on_device, recorder, monkeypatch):
    monkeypatch.setattr("experiments.matmul.experiment.measure_dispatch", lambda call, operands: 1.0)
    Matmul(sizes=[1, 2], timing=QUICK).run(recorder)
    fastest = min(recorder.metrics["time/median_us", size] for size in (1, 2))
    assert recorder.metrics["peak/dispatch_us", 0] == pytest.approx(fastest)


def test_the_textbooks_mean_is_called_a_mean(on_device, recorder):
    Matmul(sizes=[4], timing=Timing(method="textbook")).run(recorder)
    assert "mean of 10 |" in recorder.notes[-1]
    assert "median" not in recorder.notes[-1]


def test_raw_samples_are_kept(on_device, recorder):
    Matmul(sizes=[4], timing=QUICK).run(recorder)
    (row,) = recorder.tables["results"]
    samples = recorder.tables["samples"]
    assert len(samples) == row["samples"]
    per_call = sorted(sample["seconds"] / sample["calls"] * 1e6 for sample in samples)
    assert row["median_us"] == pytest.approx(np.median(per_call))
    assert row["min_us"] == pytest.approx(per_call[0])


def test_the_same_seed_gives_the_same_operands(on_device):
    product = Product("square", 5, "float32")
    for one, other in zip(product.operands(seed=7), product.operands(seed=7), strict=True):
        np.testing.assert_array_equal(one, other)
    assert np.any(product.operands(seed=7)[0] != product.operands(seed=8)[0])


def test_the_textbook_method_records_a_mean_without_an_interval(on_device, recorder):
    Matmul(sizes=[1, 10], timing=Timing(method="textbook")).run(recorder)
    assert recorder.steps("time/mean_us") == [1, 10]
    assert recorder.steps("time/ci_low_us") == []
    assert [row["stopped"] for row in recorder.tables["results"]] == ["textbook", "textbook"]


def test_a_size_that_cannot_fit_ends_the_series_before_it_is_tried(on_device, recorder):
    Matmul(sizes=[4, 2_000_000, 1_000_000], shape="square", timing=QUICK).run(recorder)
    assert recorder.steps("time/median_us") == [4]
    status = {row["n"]: row["status"] for row in recorder.tables["results"]}
    assert status[4] == "measured"
    assert "GB are needed" in status[1_000_000]
    assert "larger than n=1000000" in status[2_000_000]
    assert "Not measured: n=1,000,000" in recorder.notes[-1]


def test_a_size_that_fits_beside_none_is_measured_in_random_order_where_none_is_beside_it(on_device, monkeypatch):
    """With one round a process only one size is in progress at a time."""
    ends = set()
    for seed in range(10):
        series = series_module.MatmulSeries(MatmulSettings(sizes=[100, 200, 300], shape="square", seed=seed))
        needed = series.most_bytes_needed + series.most_bytes_on_host
        monkeypatch.setattr(series, "free_bytes", lambda needed=needed: needed)
        ends.add(list(series.order())[-1])
    assert ends == {100, 200, 300}


@pytest.mark.slow
def test_running_out_of_memory_ends_the_series_and_keeps_the_rest(on_device, recorder, monkeypatch):
    """TensorFlow's own allocation of 36 TB fails, after waiting twenty seconds; only the forecast is taken away."""
    monkeypatch.setattr(Series, "require_memory", lambda series, key, beside=0: None)
    Matmul(sizes=[4, 3_000_000, 4_000_000], shape="square", timing=QUICK).run(recorder)
    status = {row["n"]: row["status"] for row in recorder.tables["results"]}
    assert status[4] == "measured"
    assert "out of memory" in status[3_000_000] or "larger than" in status[3_000_000]
    assert status[4_000_000].startswith("not measured")
    assert ("time/median_us", 4_000_000) in recorder.not_finite  # that of n=4 is not what others have at the last size


def test_a_library_that_fails_at_one_size_costs_this_size_alone(on_device, recorder, monkeypatch):
    """As cuBLAS does where TensorFlow has taken the memory that it needs beside the operands."""
    import tensorflow as tf

    def failing(mode):
        def multiply(a, b):
            if a.shape[0] == 20:
                raise tf.errors.InternalError(None, None, "Blas GEMM launch failed")
            return tf.matmul(a, b)

        return multiply

    monkeypatch.setattr(series_module, "new_call", failing)
    Matmul(sizes=[4, 20, 40], shape="square", timing=QUICK).run(recorder)
    status = {row["n"]: row["status"] for row in recorder.tables["results"]}
    assert status == {4: "measured", 20: "not measured: InternalError: Blas GEMM launch failed", 40: "measured"}


def test_nothing_measured_is_no_answer(on_device, recorder):
    with pytest.raises(Refused, match=r"nothing could be measured; n=2000000: out of memory: about .* GB are needed"):
        Matmul(sizes=[2_000_000], shape="square", timing=QUICK).run(recorder)
    assert recorder.figures == {}


def test_ctrl_c_keeps_what_was_measured(on_device):
    recorder = MemoryRecorder(interrupt_at=8)
    with pytest.raises(KeyboardInterrupt):
        Matmul(sizes=[1, 2, 3, 4, 5, 6, 7, 8], timing=QUICK).run(recorder)
    rows = recorder.tables["results"]
    assert 1 <= len(rows) < 8
    assert "interrupted" in {row["stopped"] for row in rows}
    assert recorder.steps("time/median_us") == [row["n"] for row in rows]
    assert set(recorder.figures) == {"time", "throughput"}


@pytest.mark.parametrize("dtype", list(BYTES))
@pytest.mark.parametrize("shape", list(SHAPES))
@pytest.mark.parametrize("size", [1, 300, 2000])
def test_a_right_product_passes_the_check(on_device, shape, dtype, size):
    product = Product(shape, size, dtype)
    a, b = product.operands(seed=1)
    found = residual(a.numpy(), b.numpy(), new_call("eager")(a, b).numpy(), seed=1)
    require_correct(found, tolerance(product))


@pytest.mark.parametrize("dtype", list(BYTES))
@pytest.mark.parametrize(
    "spoil",
    [lambda c: np.zeros_like(c), lambda c: c * 1.5, lambda c: c.T, lambda c: c * math.nan],
    ids=["zero", "scaled", "transposed", "nan"],
)
def test_a_wrong_product_does_not(on_device, dtype, spoil):
    a, b = Product("square", 100, dtype).operands(seed=1)
    found = residual(a.numpy(), b.numpy(), spoil((a @ b).numpy()), seed=1)
    with pytest.raises(Refused, match="the result is wrong"):
        require_correct(found, tolerance(Product("square", 100, dtype)))


def test_one_wrong_element_is_found(on_device):
    a, b = Product("square", 200, "float32").operands(seed=1)
    product = (a @ b).numpy()
    product[3, 5] += 1
    with pytest.raises(Refused, match="wrong"):
        require_correct(residual(a.numpy(), b.numpy(), product, seed=1), tolerance(Product("square", 200, "float32")))


def test_float32_rounded_to_tf32_is_allowed_where_it_is_in_use(on_device):
    a, b = (operand.numpy() for operand in Product("square", 200, "float32").operands(seed=1))

    def rounded(x):
        return (x.view(np.uint32) & np.uint32(0xFFFFE000)).view(np.float32)

    found = residual(a, b, rounded(a) @ rounded(b), seed=1)
    require_correct(found, tolerance(Product("square", 200, "float32"), tf32=True))
    with pytest.raises(Refused):
        require_correct(found, tolerance(Product("square", 200, "float32")))


def test_a_graph_without_a_product_is_refused(on_device):
    import tensorflow as tf

    a, b = Product("square", 3, "float32").operands(seed=1)
    require_product_in_graph(new_call("graph"), (a, b))
    with pytest.raises(Refused, match="no product in it"):
        require_product_in_graph(tf.function(lambda a, b: a + b), (a, b))


def test_a_result_from_elsewhere_is_refused(on_device):
    import tensorflow as tf

    with tf.device("/CPU:0"):
        elsewhere = tf.random.stateless_uniform([1], seed=[0, 0])
    with pytest.raises(Refused, match=r"computed on .*CPU:0, not on CPU:1"):
        on_device.require(elsewhere)


def test_soft_placement_is_off(on_device):
    import tensorflow as tf

    with pytest.raises(tf.errors.InvalidArgumentError), tf.device("/GPU:0"):
        tf.random.stateless_uniform([1], seed=[0, 0])


@pytest.mark.parametrize(
    ("settings", "field"),
    [
        ({"sizes": []}, "sizes"),
        ({"sizes": [0]}, "sizes"),
        ({"sizes": [5, -1]}, "sizes"),
        ({"sizes": [1], "shape": "cube"}, "shape"),
        ({"sizes": [1], "dtype": "int8"}, "dtype"),
        ({"sizes": [1], "mode": "lazy"}, "mode"),
    ],
)
def test_what_cannot_be_measured_is_refused_by_field(settings, field):
    with pytest.raises(InvalidField) as error:
        Matmul(**settings)
    assert error.value.field == field
