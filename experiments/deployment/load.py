"""Load on a client: one call at a time for its latency, several at once for the throughput."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from experiments.deployment.backends import Client, Inputs

WARMUP_CALLS = 5
WANTED_CALLS = 100
"""With this many calls the 99th percentile is no longer just the slowest call."""
PATIENCE = 5
"""A client too slow for :data:`WANTED_CALLS` gets up to this many times the seconds asked for."""
MOST_SAMPLES = 100
"""A quick client answers ten thousands of calls, of which a table needs not all."""


@dataclass(frozen=True)
class Latency:
    """Percentiles of the time of a call with one example, in milliseconds; the calls came one after the other."""

    p50_ms: float
    p95_ms: float
    p99_ms: float
    calls: int
    samples: tuple[float, ...]
    """Seconds of some of the calls, evenly spaced: :data:`MOST_SAMPLES` at most."""


@dataclass(frozen=True)
class Throughput:
    """The batches that several clients were answered together."""

    batch: int
    calls: int
    seconds: float
    """The time that all calls took together, side by side."""

    @property
    def examples_per_s(self) -> float:
        return self.batch * self.calls / self.seconds


def latency(client: Client, inputs: Inputs, seconds: float) -> Latency:
    """Time single calls for about ``seconds`` after a warm-up. Garbage is collected as in any server."""
    examples = [inputs[i : i + 1] for i in range(min(len(inputs), WANTED_CALLS))]
    for i in range(WARMUP_CALLS):
        client(examples[i % len(examples)])
    times, began = list[int](), time.perf_counter_ns()
    while not _is_enough(len(times), (time.perf_counter_ns() - began) / 1e9, seconds):
        example = examples[len(times) % len(examples)]
        before = time.perf_counter_ns()
        client(example)
        times.append(time.perf_counter_ns() - before)
    p50, p95, p99 = np.percentile(times, [50, 95, 99]) / 1e6
    kept = np.linspace(0, len(times) - 1, min(len(times), MOST_SAMPLES)).astype(int)
    return Latency(float(p50), float(p95), float(p99), len(times), tuple(times[i] / 1e9 for i in kept))


def _is_enough(calls: int, elapsed: float, seconds: float) -> bool:
    return calls > 0 and elapsed >= (seconds if calls >= WANTED_CALLS else PATIENCE * seconds)


def throughput(
    new_client: Callable[[], Client], inputs: Inputs, batch: int, clients: int, seconds: float
) -> Throughput:
    """Return what is answered while ``clients`` threads ask for ``batch`` examples again and again, for ``seconds``.

    Each thread has a client of its own and warms it up before the clock starts. Raises what a client raised.
    """
    examples = inputs[np.arange(batch) % len(inputs)]
    began, calls, errors = list[float](), [0] * clients, list[BaseException]()
    ready = threading.Barrier(clients, action=lambda: began.append(time.perf_counter()))

    def ask(number: int) -> None:
        try:
            client = new_client()
            client(examples)
            ready.wait()
            while time.perf_counter() < began[0] + seconds or not calls[number]:
                client(examples)
                calls[number] += 1
        except BaseException as error:
            errors.append(error)
            ready.abort()

    threads = [threading.Thread(target=ask, args=(number,), daemon=True) for number in range(clients)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    ended = time.perf_counter()
    for error in errors:
        if not isinstance(error, threading.BrokenBarrierError):
            raise error
    return Throughput(batch, sum(calls), ended - began[0])
