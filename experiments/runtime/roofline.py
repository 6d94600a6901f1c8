"""The limits of this machine, which measured times are compared with.

The roofline model (S. Williams, A. Waterman, D. Patterson, Communications of the ACM 52(4), 2009)
extended by a third limit for calls so small that starting them is all they cost.
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
"""The dtypes that NumPy multiplies by a BLAS; others it multiplies in a plain loop."""


@dataclass(frozen=True)
class Limit:
    """The best rate seen, in FLOP/s or bytes/s, and the route that reached it."""

    rate: float
    route: str


@dataclass(frozen=True)
class Roofline:
    """The limits of a device for one dtype."""

    compute: Limit
    """FLOP/s of a large matrix product."""
    memory: Limit
    """Bytes/s of adding arrays that fit in no cache."""
    dispatch_seconds: float
    """Seconds of a call with next to no work."""

    def raised_to(self, flops_per_s: float, route: str) -> Roofline:
        """Return the limits with the compute limit raised to ``flops_per_s`` where that is higher."""
        if flops_per_s <= self.compute.rate:
            return self
        return replace(self, compute=Limit(flops_per_s, route))

    def lowered_to(self, seconds: float) -> Roofline:
        """Return the limits with the dispatch time lowered to ``seconds`` where that is shorter."""
        return replace(self, dispatch_seconds=min(self.dispatch_seconds, seconds))

    def attainable(self, flops: float, traffic: float) -> float:
        """Return the FLOP/s within reach of a call of ``flops`` FLOP and ``traffic`` bytes, by its slowest limit."""
        return flops / max(self._seconds(flops, traffic).values())

    def regime(self, flops: float, traffic: float) -> str:
        """Return what bounds a call of ``flops`` FLOP and ``traffic`` bytes: the limit that takes longest by itself."""
        seconds = self._seconds(flops, traffic)
        return max(seconds, key=lambda limit: seconds[limit])

    def _seconds(self, flops: float, traffic: float) -> dict[str, float]:
        """Return the seconds that each limit alone would take."""
        return {
            DISPATCH: self.dispatch_seconds,
            MEMORY: traffic / self.memory.rate,
            COMPUTE: flops / self.compute.rate,
        }


def measure_compute(placement: Placement, dtype: str) -> Limit:
    """Measure the best FLOP/s of a square product by any route: TensorFlow, and on a CPU NumPy's BLAS."""
    return max(_compute_routes(placement, dtype), key=lambda limit: limit.rate)


def measure_memory(placement: Placement) -> Limit:
    """Measure the best bytes/s of adding float32 arrays of 64 MiB, by TensorFlow and on a CPU by NumPy."""
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
    """Double the size until a product takes 20 ms, which is compute-bound on any device."""
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
    """Return the seconds of the shortest of at least three calls, after one to warm up, in about ``budget`` seconds."""
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
    """Measure the seconds of a call on operands so small that there is next to nothing to compute."""
    wait = import_tensorflow().test.experimental.sync_devices
    block = 20

    def calls() -> None:
        for _ in range(block):
            call(*operands)

    return _best_seconds(calls, wait) / block
