"""Calls with the copies between host and device. Here the host is CPU:0 and the device is CPU:1."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf

from experiments.matmul import Matmul
from experiments.measure import Timing
from experiments.operators import Operators
from experiments.operators.catalogue import OPERATORS
from experiments.operators.size import Size
from experiments.runtime.transfer import OPERANDS, OPERANDS_AND_RESULT, TRANSFERS, begin, to_host, with_transfer
from experiments.testing import MemoryRecorder

SHORT = Timing(processes=2, max_seconds=0.02, warmup_seconds=0.0, block_seconds=0.001, min_samples=2)
TINY = Size(batch=2, units=12, sequence=3, heads=2, vocabulary=7, side=5, channels=3, kernel=2)

pytestmark = pytest.mark.usefixtures("on_device")


def place(tensor: tf.Tensor) -> str:
    return str(tensor.device).rpartition("device:")[2]


@pytest.mark.parametrize(
    ("transfer", "begins", "computes", "ends"),
    [
        ("none", ["CPU:1"] * 3, ["CPU:1"] * 3, "CPU:1"),
        ("operands", ["CPU:0", "CPU:0", "CPU:1"], ["CPU:1"] * 3, "CPU:1"),
        ("operands_and_result", ["CPU:0", "CPU:0", "CPU:1"], ["CPU:1"] * 3, "CPU:0"),
    ],
)
def test_what_a_call_copies(transfer, begins, computes, ends):
    """The third operand is a state, which stays on the device."""
    seen = []

    def call(*operands):
        seen.append(operands)
        return operands[0] + operands[1]

    a, b, state = (tf.constant([float(number)]) for number in range(3))
    operands = [begin(a, transfer), begin(b, transfer), state]
    timed = with_transfer(call, transfer, slice(0, 2))
    results = [timed(*operands) for _ in range(2)]
    assert [place(operand) for operand in operands] == begins
    assert [[place(operand) for operand in given] for given in seen] == [computes] * 2
    assert [(place(result), result.numpy().tolist()) for result in results] == [(ends, [1.0])] * 2
    if transfer != "none":
        assert not any(first is second for first, second in zip(*(given[:2] for given in seen), strict=True))


def test_nothing_stands_around_a_call_that_copies_nothing():
    assert with_transfer(tf.matmul, "none") is tf.matmul


@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "float32", "float64", "int32"])
def test_an_operand_keeps_its_bits(dtype):
    operand = tf.cast(tf.constant([1.5, -2.25, 3.0]), dtype)
    begun = begin(operand, OPERANDS)
    assert begun.dtype == operand.dtype
    assert np.array_equal(begun.numpy(), operand.numpy())


def test_gradients_of_some_rows_come_back_as_such():
    with tf.GradientTape() as tape:
        table = tf.ones([4, 2])
        tape.watch(table)
        picked = tf.gather(table, [1, 1])
    back = to_host(tape.gradient(picked, table))
    assert isinstance(back, tf.IndexedSlices)
    assert {place(back.values), place(back.indices)} == {"CPU:0"}
    assert tf.convert_to_tensor(back).numpy().tolist() == [[0, 0], [2, 2], [0, 0], [0, 0]]


@pytest.mark.parametrize("mode", ["eager", "graph", "xla"])
def test_a_product_with_its_copies(mode):
    recorder = MemoryRecorder()
    recorder.run_to_end(Matmul(sizes=[10, 100], mode=mode, transfer=OPERANDS_AND_RESULT, timing=SHORT).run)
    for row in recorder.tables["results"]:
        assert (row["status"], row["transfer"]) == ("measured", "operands_and_result")
        assert str(row["device"]).endswith("CPU:1")
        assert row["gflops"] == pytest.approx(float(row["flops"] or 0) / float(row["median_us"] or 0) / 1e3)
    assert f"float32, {mode}, operands from the host, result back, on CPU:1" in recorder.notes[-1]
    assert recorder.notes[-1].count("what would bound the product alone") == 1


@pytest.mark.slow
@pytest.mark.parametrize("transfer", TRANSFERS[1:])
def test_every_operator_with_its_copies_passes_its_check(transfer):
    recorder = MemoryRecorder()
    recorder.run_to_end(Operators(size=TINY, transfer=transfer, timing=SHORT).run)
    rows = recorder.tables["results"]
    assert {row["operator"]: row["status"] for row in rows} == dict.fromkeys(OPERATORS, "measured")
    assert all(str(row["device"]).endswith("CPU:1") for row in rows)
