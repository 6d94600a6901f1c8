"""Open-loop load: requests come when they come, whether or not those before them have been answered.

This is the Server scenario of MLPerf's LoadGen (V. J. Reddi et al., MLPerf Inference Benchmark, ISCA 2020): requests
arrive as a Poisson process, whose times are drawn beforehand. A latency counts from the time at which a request was to
arrive, and so includes its wait for those before it, which a client that waits for its answers never sees (G. Tene
calls that coordinated omission).
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from experiments.deployment.backends import Client, Inputs

FEWEST_REQUESTS = 100
"""At low rates requests arrive until there are so many, for the sake of the 99th percentile."""

PATIENCE = 1.0
"""For so many times as long as requests have arrived, those that are left are still answered."""

Times = np.ndarray[Any, np.dtype[np.float64]]


@dataclass(frozen=True)
class UnderLoad:
    """Percentiles of the time from the arrival of a request to its answer, in milliseconds."""

    p50_ms: float
    p99_ms: float
    requests: int
    unanswered: int
    """Requests that were given up, each of which counts with the time for which it had waited."""


def poisson_arrivals(rate: float, seconds: float, seed: list[int]) -> Times:
    """Return when requests arrive, in seconds from the beginning: for ``seconds``, or until there are enough."""
    return np.cumsum(np.random.default_rng(seed).exponential(1 / rate, _count(rate, seconds)))


def longest_seconds(rate: float, seconds: float) -> float:
    """Return about how long :func:`under_load` takes at most, with such arrivals."""
    return (1 + PATIENCE) * _count(rate, seconds) / rate


def _count(rate: float, seconds: float) -> int:
    return max(FEWEST_REQUESTS, round(rate * seconds))


def under_load(new_client: Callable[[], Client], inputs: Inputs, arrivals: Times, clients: int) -> UnderLoad:
    """Answer requests of one example each as they arrive; ``clients`` threads take whichever is next.

    Each thread has a client of its own and warms it up before the clock starts. Raises what a client raised.
    """
    waited = np.full(len(arrivals), np.nan)
    turns, lock, errors = iter(range(len(arrivals))), threading.Lock(), list[BaseException]()
    ready = threading.Barrier(clients, action=lambda: began.append(time.perf_counter()))
    began = list[float]()

    def serve() -> None:
        try:
            client = new_client()
            client(inputs[:1])
            ready.wait()
            for turn in _taken(turns, lock, began[0] + arrivals[-1] * (1 + PATIENCE)):
                due = began[0] + arrivals[turn]
                time.sleep(max(0.0, due - time.perf_counter()))
                client(inputs[turn % len(inputs)][None])
                waited[turn] = time.perf_counter() - due
        except BaseException as error:
            errors.append(error)
            ready.abort()

    threads = [threading.Thread(target=serve, daemon=True) for _ in range(clients)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for error in errors:
        if not isinstance(error, threading.BrokenBarrierError):
            raise error
    unanswered = np.isnan(waited)
    waited[unanswered] = time.perf_counter() - began[0] - arrivals[unanswered]
    p50, p99 = np.percentile(waited, [50, 99]) * 1e3
    return UnderLoad(float(p50), float(p99), len(arrivals), int(unanswered.sum()))


def _taken(turns: Iterator[int], lock: threading.Lock, end: float) -> Iterator[int]:
    """Yield the requests that one thread takes; none after ``end``."""
    while time.perf_counter() < end:
        with lock:
            turn = next(turns, None)
        if turn is None:
            return
        yield turn
