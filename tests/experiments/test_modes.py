"""Execution modes on real TensorFlow."""

from __future__ import annotations

from typing import Any, cast

import numpy as np
import pytest

from experiments.runtime import modes
from experiments.runtime.device import Placement
from experiments.runtime.modes import BYTES, MODES, SIGNIFICAND_BITS, in_mode, tf32_in_use


@pytest.mark.parametrize("mode", MODES)
def test_every_mode_computes_the_same(on_device, mode):
    import tensorflow as tf

    call = in_mode(lambda x, y: 2 * x + y, mode)
    np.testing.assert_array_equal(call(tf.constant([1.0, 2.0]), tf.constant([3.0, 4.0])), [5.0, 8.0])


def test_eager_adds_nothing_to_the_call():
    def call(x):
        return x

    assert in_mode(call, "eager") is call


@pytest.mark.parametrize("mode", ["graph", "xla"])
def test_a_graph_is_traced_once_for_each_signature(on_device, mode):
    import tensorflow as tf

    traced = []

    def call(x):
        traced.append(x.shape)
        return x + x

    compiled = in_mode(call, mode)
    for length in (2, 2, 3):
        compiled(tf.ones([length]))
    assert traced == [[2], [3]]


def test_only_xla_compiles(on_device):
    import tensorflow as tf

    def compiles(mode):
        graph = cast(Any, in_mode(lambda x: x + x, mode)).get_concrete_function(tf.ones([2]))
        return graph.function_def.attr["_XlaMustCompile"].b

    assert not compiles("graph")
    assert compiles("xla")


def test_tf32_is_in_use_only_on_a_gpu_that_is_allowed_to(on_device, monkeypatch):
    import tensorflow as tf

    assert not tf32_in_use()
    monkeypatch.setattr(modes, "current", lambda: Placement("/device:GPU:0", "GPU:0", "Imaginary X1"))
    assert tf32_in_use()
    allowed = tf.config.experimental.tensor_float_32_execution_enabled()
    tf.config.experimental.enable_tensor_float_32_execution(False)
    try:
        assert not tf32_in_use()
    finally:
        tf.config.experimental.enable_tensor_float_32_execution(allowed)


def test_the_formats_are_those_of_numpy():
    import ml_dtypes

    assert BYTES.keys() == SIGNIFICAND_BITS.keys()
    for dtype in BYTES:
        assert np.dtype(dtype).itemsize == BYTES[dtype]
        assert ml_dtypes.finfo(dtype).nmant + 1 == SIGNIFICAND_BITS[dtype]
