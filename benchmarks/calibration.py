"""How often verdicts are wrong, and what they find: ``python -m benchmarks.calibration``, about ten minutes.

Calls that do the same work, and some that do 2, 5 and 10 % more, are measured as experiments do it: each in five fresh
processes that take turns in random order. Every pair of them gets a verdict of its own. The table goes into
docs/measurement.md. With ``--load`` another program computes beside it on one core, and the table is only printed.
"""

from __future__ import annotations

import multiprocessing
import os
import random
import subprocess
import sys
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from datetime import date
from itertools import combinations, product
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from rich.progress import track

from benchmarks.__main__ import where
from experiments.matmul.product import Product, new_call
from experiments.measure import Timing
from experiments.measure.adaptive import AdaptiveSampler
from experiments.measure.between import geometric_mean, interval_between
from experiments.measure.verdict import Verdict, time_ratio, verdicts
from experiments.reporting.markdown import markdown_table
from experiments.runtime import device
from experiments.runtime.preload import preload
from runner.execution.worker import write_output_to

DOCUMENT = Path(__file__).parent.parent / "docs" / "measurement.md"
MARK = "<!-- calibration: written by python -m benchmarks.calibration -->"

CASES = {("square", 1): 1000, ("square", 64): 1000, ("square", 512): 100, ("inner", 1_000_000): 100}
"""The products, with the calls of a block: so many that 2 % of them are whole calls."""

PLANTED = (0.02, 0.05, 0.10)
SETS_OF_SAME, SETS_OF_PLANTED = 8, 3

Case = tuple[str, int]
Levels = Sequence[Mapping[Case, float]]
"""What the processes of a job found: seconds a call."""


class PlantedSampler(AdaptiveSampler):
    """Counts fewer calls than it makes."""

    def __init__(self, function: Callable[..., Any], operands: Sequence[Any], calls: int, more: float) -> None:
        super().__init__(function, operands, Timing().of_one_process)
        self._calls_before, self._more = calls, more

    def _time(self, calls: int) -> float:
        return super()._time(round(calls * (1 + self._more)))


@dataclass(frozen=True)
class Rates:
    """What came of all comparisons of one case."""

    case: Case
    same: Sequence[Verdict]
    """The verdicts on equal calls."""
    planted: Mapping[float, Sequence[Verdict]]
    """The verdicts on a call that does so much more work."""
    covered: Sequence[bool]
    """Whether a job's interval holds the mean of the seven others that did the same beside it."""

    @property
    def row(self) -> dict[str, str]:
        shape, n = self.case
        wrong = [verdict in (Verdict.FASTER, Verdict.SLOWER) for verdict in self.same]
        found = {
            f"{more:.0%} more is slower": _share([v is Verdict.SLOWER for v in self.planted[more]]) for more in PLANTED
        }
        return {
            "product": f"{shape}, n={n:,}",
            "equals called different": _share(wrong),
            "equals called the same": _share([verdict is Verdict.SAME for verdict in self.same]),
            **found,
            "intervals that hold the mean": _share(self.covered),
        }


def main(words: Sequence[str]) -> None:
    preload(None)  # the processes are forks of this one, which never starts TensorFlow
    plans = [(0.0,) * 8] * SETS_OF_SAME + [(0.0,) * 4 + (more,) * 4 for more in PLANTED] * SETS_OF_PLANTED
    with _load() if "--load" in words else nullcontext():
        sets = [(plan, _measure(plan)) for plan in track(plans, "sets of eight jobs")]
    beside = ", another program on one core" if "--load" in words else ""
    text = f"Read on {date.today()}: {where()}{beside}.\n\n{markdown_table([_rates(case, sets).row for case in CASES])}"
    print(text)
    if "--load" not in words:
        DOCUMENT.write_text(f"{DOCUMENT.read_text().split(MARK)[0]}{MARK}\n\n{text}\n")


def _measure(plan: Sequence[float]) -> list[Levels]:
    """Measure jobs that do so much more work each; return what their processes found."""
    found: list[list[Mapping[Case, float]]] = [[] for _ in plan]
    for _ in range(Timing().processes):
        for job in random.sample(range(len(plan)), len(plan)):
            found[job].append(_in_a_fresh_process(plan[job]))
    return list(found)


def _in_a_fresh_process(more: float) -> Mapping[Case, float]:
    ours, its = multiprocessing.Pipe()
    process = multiprocessing.get_context("fork").Process(target=_send_levels, args=(its, more))
    process.start()
    its.close()
    levels: Mapping[Case, float] = ours.recv()
    process.join()
    return levels


def _send_levels(connection: Connection, more: float) -> None:
    write_output_to(Path(os.devnull))  # what TensorFlow's C++ prints, from each of hundreds of processes
    device.start(device.Device(kind="cpu"))
    with device.scope():
        connection.send({case: _level(case, more) for case in random.sample(list(CASES), len(CASES))})


def _level(case: Case, more: float) -> float:
    shape, n = case
    sampler = PlantedSampler(new_call("eager"), Product(shape, n, "float32").operands(0), CASES[case], more)
    while not sampler.finished:
        sampler.visit()
    assert sampler.measurement is not None
    return sampler.measurement.median


def _rates(case: Case, sets: Sequence[tuple[Sequence[float], Sequence[Levels]]]) -> Rates:
    same, covered = list[Verdict](), list[bool]()
    planted = defaultdict[float, list[Verdict]](list)
    for plan, jobs in sets:
        levels = [[process[case] for process in job] for job in jobs]
        equals = [one for one, more in zip(levels, plan, strict=True) if not more]
        others = [one for one, more in zip(levels, plan, strict=True) if more]
        planted[max(plan)] += [_verdict(slow, fast) for slow, fast in product(others, equals)]
        if not others:
            same += [_verdict(*pair) for pair in combinations(equals, 2)]
            covered += [_holds_the_others(equals, index) for index in range(len(equals))]
    return Rates(case, same, planted, covered)


def _verdict(first: Sequence[float], second: Sequence[float]) -> Verdict:
    (verdict,) = verdicts([time_ratio(first, second)])
    return verdict


def _holds_the_others(jobs: Sequence[Sequence[float]], index: int) -> bool:
    low, high = interval_between(jobs[index])
    return low <= geometric_mean([level for job in jobs if job is not jobs[index] for level in job]) <= high


def _share(found: Sequence[bool]) -> str:
    return f"{sum(found) / len(found):.1%} of {len(found)}"


@contextmanager
def _load() -> Iterator[None]:
    busy = subprocess.Popen([sys.executable, "-c", "while True: pass"])
    try:
        yield
    finally:
        busy.kill()


if __name__ == "__main__":
    main(sys.argv[1:])
