"""What this machine could reach: the limits a measured time is held against.

The roofline model (S. Williams, A. Waterman, D. Patterson, Communications of the ACM 52(4), 2009)
with a third limit for calls so small that starting them is all they cost.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from time import perf_counter
from typing import Any

import numpy as np

from experiments.runtime.device import Placement
from experiments.runtime.tensorflow_import import import_tensorflow

DISPATCH, MEMORY, COMPUTE = "dispatch-bound", "memory-bound", "compute-bound"

BLAS_DTYPES = ("float32", "float64")
"""What NumPy hands to a BLAS; other types it multiplies in a plain loop."""


@dataclass(frozen=True)
class Limit:
    """The best rate seen, per second, and by which route."""

    rate: float
    route: str


@dataclass(frozen=True)
class Roofline:
    """The measured limits of a device for one dtype."""

    compute: Limit
    """FLOP/s of a large matrix product."""
    memory: Limit
    """Bytes/s of adding arrays that fit in no cache."""
    dispatch_seconds: float
    """The time of a call with next to no work."""

    def raised_to(self, flops_per_s: float, route: str) -> Roofline:
        """The same limits, unless this rate was seen and is higher."""
        if flops_per_s <= self.compute.rate:
            return self
        return replace(self, compute=Limit(flops_per_s, route))

    def lowered_to(self, seconds: float) -> Roofline:
        """The same limits, unless a call was seen that took less than the probed one with nothing to do."""
        return replace(self, dispatch_seconds=min(self.dispatch_seconds, seconds))

    def attainable(self, flops: float, traffic: float) -> float:
        """FLOP/s that a call with so much work could reach if only the slowest limit counted."""
        return flops / max(self._seconds(flops, traffic).values())

    def regime(self, flops: float, traffic: float) -> str:
        """What bounds a call with so much work: the limit that alone would take longest."""
        seconds = self._seconds(flops, traffic)
        return max(seconds, key=lambda limit: seconds[limit])

    def _seconds(self, flops: float, traffic: float) -> dict[str, float]:
        """What each limit alone would take."""
        return {
            DISPATCH: self.dispatch_seconds,
            MEMORY: traffic / self.memory.rate,
            COMPUTE: flops / self.compute.rate,
        }


def measure_compute(placement: Placement, dtype: str) -> Limit:
    """The best rate of a square product by any route at hand: TensorFlow, and NumPy's BLAS beside a CPU."""
    return max(_compute_routes(placement, dtype), key=lambda limit: limit.rate)


def measure_memory(placement: Placement) -> Limit:
    """The best rate at which float32 arrays of 64 MiB are read and written, by TensorFlow and NumPy."""
    return max(_memory_routes(placement), key=lambda limit: limit.rate)


def _compute_routes(placement: Placement, dtype: str) -> Iterator[Limit]:
    tf = import_tensorflow()

    def by_tensorflow(n: int) -> Callable[[], Any]:
        a = tf.random.stateless_normal([n, n], seed=[0, n], dtype=dtype)
        return lambda: tf.matmul(a, a)

    yield _largest_product("TensorFlow", by_tensorflow, tf.test.experimental.sync_devices)
    if not placement.is_gpu and dtype in BLAS_DTYPES:

        def by_numpy(n: int) -> Callable[[], Any]:
            a = np.random.default_rng(n).standard_normal((n, n)).astype(dtype)
            return lambda: a @ a

        yield _largest_product("NumPy", by_numpy, lambda: None)


def _largest_product(route: str, new_product: Callable[[int], Callable[[], Any]], wait: Callable[[], None]) -> Limit:
    """Grows the product until one takes 20 ms: large enough to be compute-bound on any device."""
    n = 512
    while True:
        n *= 2
        seconds = _best_seconds(new_product(n), wait)
        limit = Limit(2 * n**3 / seconds, f"{route}, n={n}")
        if seconds >= 0.02:
            return limit


def _memory_routes(placement: Placement) -> Iterator[Limit]:
    tf = import_tensorflow()
    elements = 2**24
    traffic = 3 * elements * np.dtype(np.float32).itemsize  # two arrays read, one written
    a, b = (tf.random.stateless_uniform([elements], seed=[0, seed]) for seed in (1, 2))
    yield Limit(traffic / _best_seconds(lambda: tf.add(a, b), tf.test.experimental.sync_devices), "TensorFlow")
    if not placement.is_gpu:
        x, y = np.ones(elements, np.float32), np.ones(elements, np.float32)
        total = np.empty_like(x)
        yield Limit(traffic / _best_seconds(lambda: np.add(x, y, out=total), lambda: None), "NumPy")


def _best_seconds(call: Callable[[], Any], wait: Callable[[], None], budget: float = 0.05) -> float:
    """The shortest of at least three calls after one to warm up, in about ``budget`` seconds."""
    call()
    wait()
    best, spent, calls = float("inf"), 0.0, 0
    while calls < 3 or spent < budget:
        start = perf_counter()
        call()
        wait()
        seconds = perf_counter() - start
        best, spent, calls = min(best, seconds), spent + seconds, calls + 1
    return best


def measure_dispatch(call: Callable[..., Any], operands: Sequence[Any]) -> float:
    """Seconds that a call costs when there is next to nothing to compute."""
    wait = import_tensorflow().test.experimental.sync_devices
    block = 20

    def calls() -> None:
        for _ in range(block):
            call(*operands)

    return _best_seconds(calls, wait) / block
