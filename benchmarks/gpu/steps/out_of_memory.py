"""Step d: sizes that do not fit end a series where they stand, and take nothing with them."""

from __future__ import annotations

import math

from benchmarks.gpu.bench import Bench
from experiments.runtime.memory import free_on_host

FITS = 64

BYTES_AN_ELEMENT = 3 * 4
"""Two operands and a result in float32."""

FAR_TOO_LARGE = 400_000
"""A side of square float32 matrices of 640 GB each."""

FORESEEN, BEYOND = "GB are needed", "which does not fit"
"""What the answer says of the first size that does not fit where that is foreseen, and of those beyond it."""

FAILED = "out of memory"
"""What it says where an allocation has failed."""


def look(bench: Bench) -> None:
    memory = bench.card["memory_bytes"]
    side = math.ceil(1.05 * math.sqrt(memory / BYTES_AN_ELEMENT)) if memory else FAR_TOO_LARGE
    _series(bench, "foreseen, before anything is allocated", FITS, side, 2 * side)
    if bench.on_gpu:
        what = "not foreseen: TensorFlow has taken all memory, and an allocation fails"
        grown = "device.memory_growth=false"  # then nobody knows what is free, and TensorFlow has to find out
        if free_on_host() > 1.1 * BYTES_AN_ELEMENT * side**2:  # the check of the result takes as much of the host
            _series(bench, what, FITS, side, words=(grown,), is_foreseen=False)
        else:
            bench.note(what, "not looked at: the host's memory is smaller than the card's, which is foreseen")
        _series(bench, "afterwards the card computes", FITS)
    else:
        bench.needs_gpu("an allocation that fails in the middle of a series")


def _series(bench: Bench, what: str, *sizes: int, words: tuple[str, ...] = (), is_foreseen: bool = True) -> None:
    """Measure squares of ``sizes``, of which only the first fits."""
    timing = bench.timing("experiment.timing.processes=1", "experiment.timing.max_seconds=0.2")
    asked = ("experiment.shape=square", f"experiment.sizes=[{','.join(map(str, sizes))}]")
    done = bench.runner(f"device={bench.device}", *asked, *timing, *words)
    found = {int(row["n"]): row["status"] for row in done.job.rows()}
    is_measured = found.get(FITS) == "measured"
    statuses = [found.get(n, "") for n in sizes[1:]]
    is_told = all(BEYOND in status or ((FORESEEN in status) == is_foreseen and FAILED in status) for status in statuses)
    is_right = done.status == 0 and done.job.status == "FINISHED" and is_measured and is_told
    text = "; ".join(f"n={n:,}: {status}" for n, status in found.items()) or done.words
    bench.judge(what, is_right, f"status {done.status}, {done.job.status}: {text}")
