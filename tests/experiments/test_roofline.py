"""The limits a time is held against."""

import pytest

from experiments.runtime.roofline import (
    COMPUTE,
    DISPATCH,
    MEMORY,
    Limit,
    Roofline,
    measure_compute,
    measure_memory,
)

ROOFLINE = Roofline(compute=Limit(100e9, "a"), memory=Limit(10e9, "b"), dispatch_seconds=50e-6)


@pytest.mark.parametrize(
    ("flops", "traffic", "regime"),
    [
        (2, 12, DISPATCH),
        (4e6, 499e3, DISPATCH),
        (4e6, 501e3, MEMORY),
        (2e6, 8e6, MEMORY),
        (2e9, 12e6, COMPUTE),
    ],
)
def test_the_slowest_limit_bounds_a_call(flops, traffic, regime):
    assert ROOFLINE.regime(flops, traffic) == regime


def test_what_is_attainable_is_the_lowest_limit():
    assert ROOFLINE.attainable(100e9, 1) == pytest.approx(100e9)
    assert ROOFLINE.attainable(1e9, 10e9) == pytest.approx(1e9)
    assert ROOFLINE.attainable(2, 12) == pytest.approx(2 / 50e-6)


def test_a_better_rate_raises_the_peak_and_a_lower_one_does_not():
    assert ROOFLINE.raised_to(120e9, "this series").compute == Limit(120e9, "this series")
    assert ROOFLINE.raised_to(90e9, "this series") is ROOFLINE


def test_no_call_is_faster_than_one_with_nothing_to_do():
    assert ROOFLINE.lowered_to(40e-6).dispatch_seconds == 40e-6
    assert ROOFLINE.lowered_to(60e-6) == ROOFLINE


def test_limits_are_measured(on_device):
    compute, memory = measure_compute(on_device, "float32"), measure_memory(on_device)
    assert compute.route.startswith(("TensorFlow, n=", "NumPy, n="))
    assert compute.rate > 0
    assert memory.rate > 0
