"""The reported time of a call against plain ``timeit`` on the same call. Run in a process of its own.

Prints one JSON object: "shape size" -> list of [ours, theirs] in seconds.
"""

from __future__ import annotations

import json
import statistics
import sys
import timeit

from experiments.matmul.product import Product
from experiments.measure import Timing
from experiments.measure.adaptive import AdaptiveSampler
from experiments.runtime import device

VISITS = 12


def one_round(shape: str, size: int) -> tuple[float, float]:
    """Our sampler's visits and timeit's repeats take turns on the same operands; medians of both."""
    import tensorflow as tf

    a, b = Product(shape, size, "float32").operands(seed=0)
    sampler = AdaptiveSampler(tf.matmul, (a, b), Timing(target=0.0, max_seconds=1.2, rounds=VISITS))
    clock = timeit.Timer("matmul(a, b)", globals={"matmul": tf.matmul, "a": a, "b": b})
    number, _ = clock.autorange()
    number = max(1, number // 10)  # about 20 to 50 ms a repeat
    by_timeit: list[float] = []
    while not sampler.finished:
        sampler.visit()
        by_timeit += [seconds / number for seconds in clock.repeat(repeat=4, number=number)]
    assert sampler.measurement is not None
    return sampler.measurement.median, statistics.median(by_timeit)


def main(rounds: int, cases: list[str]) -> None:
    device.start(device.Device(kind="cpu"))
    with device.scope():
        print(json.dumps({case: [_round_of(case) for _ in range(rounds)] for case in cases}))


def _round_of(case: str) -> tuple[float, float]:
    shape, size = case.split()
    return one_round(shape, int(size))


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2:])
