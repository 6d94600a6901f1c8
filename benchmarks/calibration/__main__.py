"""How often verdicts are wrong, and what they find: ``python -m benchmarks.calibration``, about half an hour.

Calls that take the same time, and some that take 2, 5 and 10 % longer, are measured as the jobs of a sweep are: each in
five fresh processes that take turns block by block. Every pair of them gets a verdict of its own. Crossovers are
planted and looked for as a sweep does it. The tables go into docs/measurement.md. ``--short`` measures about a third of
it. With ``--load`` another program computes beside it on one core; less is measured then, too, and the tables stand
beside the others.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from datetime import date
from itertools import combinations, product
from pathlib import Path

from rich.progress import track

from benchmarks.__main__ import where
from benchmarks.calibration import crossovers, ways
from benchmarks.calibration.jobs import Call, Found, Job, Processes, in_turns, one_after_the_other
from experiments.measure.between import geometric_mean, interval_between
from experiments.measure.verdict import Verdict
from experiments.reporting.markdown import markdown_table
from experiments.runtime.preload import preload

DOCUMENT = Path(__file__).parent.parent.parent / "docs" / "measurement.md"
QUIET = "<!-- calibration: written by python -m benchmarks.calibration -->"
LOADED = "<!-- calibration: written by python -m benchmarks.calibration --load -->"

Case = tuple[str, int]

CASES: Sequence[Case] = (("square", 1), ("square", 64), ("square", 512), ("inner", 1_000_000))
PLANTED = (0.02, 0.05, 0.10)


@dataclass(frozen=True)
class Plan:
    """How much is measured."""

    same: int
    """Sets of eight equal jobs that take turns: 28 pairs each."""
    planted: int
    """Sets of four equal jobs and four that do more work, for each share of it: 16 pairs each."""
    same_apart: int
    """Sets of eight equal jobs, one after the other."""
    planted_apart: int
    crossovers: int


FULL, SHORT = Plan(8, 3, 4, 1, 20), Plan(3, 1, 0, 0, 6)

Set = tuple[Sequence[float], Sequence[Processes]]
"""What each of eight jobs does more, and what it found."""


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.calibration", description=__doc__)
    parser.add_argument("--short", action="store_true", help="measure about a third of it, equal jobs above all")
    parser.add_argument("--load", action="store_true", help="let another program compute on one core meanwhile")
    arguments = parser.parse_args()
    is_loaded: bool = arguments.load
    preload(None)  # the processes are forks of this one, which never starts TensorFlow
    with _load() if is_loaded else nullcontext():
        text = _read(SHORT if is_loaded or arguments.short else FULL)
    beside = ", another program on one core" if is_loaded else ""
    text = f"Read on {date.today()}: {where()}{beside}.\n\n{text}"
    print(text)
    before, _, after = DOCUMENT.read_text().partition(LOADED if is_loaded else QUIET)
    kept = "" if is_loaded else f"\n{LOADED}{after.partition(LOADED)[2]}"
    DOCUMENT.write_text(f"{before}{LOADED if is_loaded else QUIET}\n\n{text}\n{kept}")


def _read(plan: Plan) -> str:
    turns = [(more, in_turns(_jobs(more))) for more in track(_sets(plan.same, plan.planted), "jobs that take turns")]
    apart = [
        (more, one_after_the_other(_jobs(more)))
        for more in track(_sets(plan.same_apart, plan.planted_apart), "jobs one after the other")
    ]
    trials = [crossovers.trial() for _ in track(range(plan.crossovers), "crossovers")]
    tables = [
        markdown_table([_row(case, turns) for case in CASES]),
        markdown_table([_row_of_a_way(name, way, sets) for name, way, sets in _ways(turns, apart) if sets]),
        markdown_table([crossovers.row(trials)]),
    ]
    return "\n\n".join(tables)


def _sets(same: int, planted: int) -> list[Sequence[float]]:
    equal: Sequence[float] = (0.0,) * 8
    return [equal] * same + [(0.0,) * 4 + (more,) * 4 for more in PLANTED] * planted


def _jobs(more: Sequence[float]) -> list[Job]:
    return [[Call(shape, n, share) for shape, n in CASES] for share in more]


def _row(case: Case, sets: Sequence[Set]) -> dict[str, str]:
    shape, n = case
    return {
        "product": f"{shape}, n={n:,}",
        **_rates(ways.ours, [case], sets),
        "intervals that hold the mean": _share([held for one in sets for held in _holds(case, one)]),
    }


def _row_of_a_way(name: str, way: ways.Way, sets: Sequence[Set]) -> dict[str, str]:
    return {"way of deciding": name, **_rates(way, CASES, sets)}


def _ways(turns: Sequence[Set], apart: Sequence[Set]) -> list[tuple[str, ways.Way, Sequence[Set]]]:
    return [
        ("this project's: processes in turns, in pairs", ways.ours, turns),
        ("the same, but one job after the other", ways.ours, apart),
        ("95 % intervals of one process each that are disjoint", ways.intervals_of_one_process, apart),
        ("pyperf's: one job after the other, t test of all values", ways.pyperf, apart),
        ("timeit's: best of one process each, 2 % count", ways.timeit, apart),
    ]


def _rates(way: ways.Way, cases: Sequence[Case], sets: Sequence[Set]) -> Mapping[str, str]:
    """How often equal jobs were called different or the same, and how often more work was found."""
    same = [verdict for case in cases for more, jobs in sets if not any(more) for verdict in _of_pairs(way, case, jobs)]
    planted = {
        f"{share:.0%} more is slower": _share(
            [
                way(_of(case, slow), _of(case, fast)) is Verdict.SLOWER
                for case in cases
                for more, jobs in sets
                if max(more) == share
                for slow, fast in product(jobs[4:], jobs[:4])
            ]
        )
        for share in PLANTED
    }
    return {
        "equals called different": _share([verdict in (Verdict.FASTER, Verdict.SLOWER) for verdict in same]),
        "equals called the same": _share([verdict is Verdict.SAME for verdict in same]),
        **planted,
    }


def _of_pairs(way: ways.Way, case: Case, jobs: Sequence[Processes]) -> list[Verdict]:
    return [way(_of(case, first), _of(case, second)) for first, second in combinations(jobs, 2)]


def _of(case: Case, job: Processes) -> list[Found]:
    return [process[case] for process in job]


def _holds(case: Case, one: Set) -> list[bool]:
    """Whether each job's interval holds the mean of the seven others that did the same beside it."""
    more, jobs = one
    levels = [[process.median for process in _of(case, job)] for job in jobs]
    held = []
    for index, own in enumerate(levels if not any(more) else []):
        low, high = interval_between(own)
        others = [level for place, job in enumerate(levels) if place != index for level in job]
        held.append(low <= geometric_mean(others) <= high)
    return held


def _share(found: Sequence[bool]) -> str:
    return f"{sum(found) / len(found):.1%} of {len(found)}" if found else "-"


@contextmanager
def _load() -> Iterator[None]:
    busy = subprocess.Popen([sys.executable, "-c", "while True: pass"])
    try:
        yield
    finally:
        busy.kill()


if __name__ == "__main__":
    main()
