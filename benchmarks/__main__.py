"""``make bench``: measures what a call, a run and a job cost, and writes the figures into benchmarks/README.md."""

from __future__ import annotations

import argparse
import json
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import date
from pathlib import Path

from benchmarks.comparison import Comparison, compare
from experiments.reporting.markdown import markdown_table
from runner.environment import PACKAGES, machine, package_version

HERE = Path(__file__).parent
MARK = "<!-- figures: written by make bench -->"
ROUNDS = 7
PROCESS_ROUNDS = 3
MANY_JOBS = 21
CASES = ("inner 1", "inner 100", "inner 1000", "square 1000")


def main() -> None:
    argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__).parse_args()
    comparisons = [*against_timeit(), *whole_run(), *additional_job(), tensorflow_import()]
    answers = [answer_time("--help"), answer_time("experiment.sizess=[1]"), answer_time("experiment.dtype=int8")]
    text = (HERE / "README.md").read_text().split(MARK)[0]
    figures = [
        MARK,
        f"Read on {date.today()}: {where()}.",
        markdown_table([comparison.row for comparison in comparisons]),
        markdown_table(answers),
    ]
    (HERE / "README.md").write_text(text + "\n\n".join(figures) + "\n")
    print("\n\n".join(figures[1:]))


def against_timeit() -> list[Comparison]:
    command = [sys.executable, "-m", "benchmarks.against_timeit", str(ROUNDS), *CASES]
    done = subprocess.run(command, check=True, capture_output=True, text=True, cwd=HERE.parent)
    pairs = json.loads(done.stdout.splitlines()[-1])
    return [
        Comparison(f"median of the {' product, n='.join(case.split())}, against timeit", tuple(map(tuple, pairs[case])))
        for case in CASES
    ]


def whole_run() -> list[Comparison]:
    """A whole run in one process and in five against benchmarks/handwritten, each with a store that is there."""
    with tempfile.TemporaryDirectory() as folder:
        store = Path(folder)
        words = ("-m", "runner", "experiment=matmul", "experiment.sizes=[64]", f"tracking.dir={store / 'ours'}")
        one, five = _timed(*words, "experiment.timing.processes=1"), _timed(*words)
        script = HERE / "handwritten" / "script.py"
        theirs = _timed(str(script), "sizes=[64]", f"tracking_dir={store / 'theirs'}")
        one(), theirs()
        return [
            compare("python -m runner, one size, one process, against the script by hand", one, theirs, ROUNDS),
            compare("the same, five processes", five, theirs, ROUNDS),
        ]


def additional_job() -> list[Comparison]:
    """What one more job of a sweep costs: 21 jobs less one job, over 20; by hand also if each gets a process."""
    with tempfile.TemporaryDirectory() as folder:
        store = Path(folder)
        textbook = ("+preset=textbook", "experiment.sizes=[64]", "device=cpu")
        ours = ("-m", "runner", "-m", *textbook, f"tracking.dir={store / 'ours'}")
        theirs = (str(HERE / "handwritten" / "sweep.py"), "-m", f"tracking_dir={store / 'theirs'}")
        one_each = _timed(*ours, "seed=0"), _timed(*theirs, "seed=0")
        one_each[0](), one_each[1]()  # the stores are there
        alone = _timed(*theirs[:1], *theirs[2:], "seed=0")
        return [
            compare(
                "one more job of a sweep, against one process for all by hand",
                _additional(ours),
                _additional(theirs),
                ROUNDS,
            ),
            compare(
                "one more job of a sweep, against a process for each by hand", _additional(ours), alone, PROCESS_ROUNDS
            ),
        ]


def _additional(command: tuple[str, ...]) -> Callable[[], float]:
    many, one = _timed(*command, f"seed=range({MANY_JOBS})"), _timed(*command, "seed=0")
    return lambda: (many() - one()) / (MANY_JOBS - 1)


def tensorflow_import() -> Comparison:
    ours = _timed("-c", "from experiments.runtime.tensorflow_import import import_tensorflow; import_tensorflow()")
    theirs = _timed("-c", "import tensorflow")
    return compare("importing TensorFlow without Keras, against import tensorflow", ours, theirs, ROUNDS)


def answer_time(argument: str) -> dict[str, str]:
    run = _timed("-m", "runner", argument, check=False)
    seconds = [run() for _ in range(ROUNDS)]
    return {
        "command": f"python -m runner {argument}",
        "median seconds": f"{statistics.median(seconds):.2f}",
        "from - to": f"{min(seconds):.2f} - {max(seconds):.2f}",
    }


def where() -> str:
    found = machine()
    versions = ", ".join(f"{name} {package_version(name)}" for name in PACKAGES)
    return (
        f"{found['cpu']}, {found['usable_cores']} cores, {found['memory_bytes'] / 2**30:.0f} GiB, {platform.system()}, "
        f"Python {platform.python_version()}, {versions}"
    )


def _timed(*arguments: str, check: bool = True) -> Callable[[], float]:
    def run() -> float:
        start = time.perf_counter()
        subprocess.run([sys.executable, *arguments], check=check, capture_output=True, cwd=HERE.parent)
        return time.perf_counter() - start

    return run


if __name__ == "__main__":
    main()
