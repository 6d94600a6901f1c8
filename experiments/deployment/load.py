"""How quickly a way answers: one call at a time, and as many as it can take."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from experiments.deployment.ways import Client, Inputs

WARMUP_CALLS = 5
WANTED_CALLS = 100
"""So many make the 99th percentile something else than the slowest call."""
PATIENCE = 5
"""A way too slow for that many calls is given this many times the seconds asked for."""


@dataclass(frozen=True)
class Latency:
    """Of calls with one example each, one after the other; milliseconds."""

    p50_ms: float
    p95_ms: float
    p99_ms: float
    calls: int


def latency(client: Client, inputs: Inputs, seconds: float) -> Latency:
    """Times single calls for about ``seconds`` after a warm-up; garbage is collected as in any server."""
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
    return Latency(float(p50), float(p95), float(p99), len(times))


def _is_enough(calls: int, elapsed: float, seconds: float) -> bool:
    return calls > 0 and elapsed >= (seconds if calls >= WANTED_CALLS else PATIENCE * seconds)


def throughput(new_client: Callable[[], Client], inputs: Inputs, batch: int, clients: int, seconds: float) -> float:
    """Examples answered a second, by ``clients`` threads that ask for ``batch`` examples again and again.

    Each has a client of its own and warms it up before the clock starts. Raises what a client raised.
    """
    examples = inputs[np.arange(batch) % len(inputs)]
    ready, calls, errors = threading.Barrier(clients + 1), [0] * clients, list[BaseException]()

    def ask(number: int) -> None:
        try:
            client = new_client()
            client(examples)
            ready.wait()
            end = time.perf_counter() + seconds
            while time.perf_counter() < end or not calls[number]:
                client(examples)
                calls[number] += 1
        except BaseException as error:
            errors.append(error)
            ready.abort()

    threads = [threading.Thread(target=ask, args=(number,), daemon=True) for number in range(clients)]
    for thread in threads:
        thread.start()
    try:
        ready.wait()
        began = time.perf_counter()
    except threading.BrokenBarrierError:
        began = 0.0
    for thread in threads:
        thread.join()
    elapsed = time.perf_counter() - began
    for error in errors:
        if not isinstance(error, threading.BrokenBarrierError):
            raise error
    return batch * sum(calls) / elapsed
