"""The figures of a backend in words."""

from __future__ import annotations

import math

from experiments.deployment.backend_result import BackendResult
from experiments.deployment.estimate import Estimate
from experiments.reporting.text import duration


def call(result: BackendResult) -> str:
    """Return the median latency of one example."""
    return duration(result.p50_ms.value / 1e3)


def rate(result: BackendResult) -> str:
    """Return the most examples a second."""
    _, found = result.best_throughput
    return f"{found.value:,.0f} a second"


def asked(result: BackendResult) -> str:
    """Return how the most examples a second were asked for."""
    (batch, clients), _ = result.best_throughput
    return f" in batches of {batch} from {clients} client{'s' if clients > 1 else ''}"


def room(result: BackendResult) -> str:
    return size(result.size_bytes)


def start(result: BackendResult) -> str:
    return duration(result.startup_seconds.value)


def plus_minus(estimate: Estimate) -> str:
    """Return the half width of the 95 % interval relative to the estimate, `` ± 3.2%``; empty for a single process."""
    low, high = estimate.interval
    share = (high - low) / 2 / estimate.value
    return "" if math.isnan(share) else f" ± {share:.1%}" if share < 0.1 else f" ± {share:.0%}"


def size(count: int) -> str:
    """Return bytes with three digits in the unit that suits them; a kB has 1,000."""
    for unit, scale in (("GB", 1e9), ("MB", 1e6), ("kB", 1e3)):
        if count >= scale:
            return f"{count / scale:.3g} {unit}"
    return f"{count} bytes"
