"""``python -m benchmarks.gpu``: the arguments, and the steps one after the other."""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from benchmarks.gpu import archive
from benchmarks.gpu.outcome import Outcome
from benchmarks.gpu.report import OtherReport, Report
from benchmarks.gpu.steps import STEPS

USAGE, INTERRUPTED = 2, 130

FOLDER = Path("gpu-report")

LETTERS = tuple(step.letter for step in STEPS)

ABOUT = f"""\
Try on a GPU, within minutes, what this project does there, and write one report: figures, and faults if there are any.

Each step is a question. It runs the product's own commands in a store of the report's own, is told as it ends, has a
time limit, and stops no other step:

{chr(10).join(f"  {step.letter}  {step.title} ({step.seconds:.0f} s at most)" for step in STEPS)}

The report's folder gets report.md to read, report.json, plots/, logs/ (what each command printed), store/ (the runs;
python -m runner.ui tracking.dir=FOLDER/store shows them) and {archive.NAME} with all of this, below 16 MB.
"""

EXAMPLES = """\
examples:
  python -m benchmarks.gpu                           all steps, on the first GPU
  python -m benchmarks.gpu                           once more: the steps that have not ended
  python -m benchmarks.gpu --steps b,j --again       two steps, although they have ended
  python -m benchmarks.gpu --device cpu --quick      all steps with small sizes, without a GPU

exit status: 0 no fault; 1 a fault, or a step has not ended; 2 there is nothing to run on, or the words are wrong
"""


class NoGPU(Exception):
    """There is nothing to run on."""


def main() -> int:
    given = _arguments(sys.argv[1:])
    try:
        report = Report(given.out.resolve(), given.device, given.quick)
        if "a" not in report.outcomes:
            given.steps.append("a")  # the others need to know the card
        _run_steps(report, given, time.monotonic() + 60 * given.minutes)
    except (OtherReport, NoGPU) as error:
        print(f"benchmarks.gpu: {error}", file=sys.stderr)
        return USAGE
    except KeyboardInterrupt:
        print("\nbenchmarks.gpu: interrupted; the same command goes on", file=sys.stderr)
        return INTERRUPTED
    return _close(report, given.steps)


def _run_steps(report: Report, given: argparse.Namespace, deadline: float) -> None:
    """Run the steps that are due until the deadline; each is told and written down as it ends. Raises NoGPU."""
    for step in [step for step in STEPS if step.letter in given.steps]:
        before = report.outcomes.get(step.letter)
        if before and before.has_ended and not given.again:
            print(f"{_line(before)} (from before; --again runs it again)", flush=True)
            continue
        if (left := deadline - time.monotonic()) <= 0:
            print(f"{step.letter}  no time is left: run the same command again", flush=True)
            continue
        print(f"{step.letter}  {step.title} ...", flush=True)
        outcome = step.run(report.folder, report.device, report.quick, left)
        if outcome.facts.get("cards") == 0 and given.device == "gpu":
            raise NoGPU("TensorFlow sees no GPU here; --device cpu runs the steps on a CPU")
        report.add(outcome)
        print(_line(outcome), flush=True)


def _close(report: Report, letters: Sequence[str]) -> int:
    """Write the archive, say where all is, and return the exit status."""
    report.dropped = archive.write(report.folder)
    report.write()
    print(f"\n{report.folder / 'report.md'}\n{report.folder / archive.NAME}")
    if report.dropped:
        print(f"{len(report.dropped)} artifacts are not in the archive: report.md names them")
    found = [report.outcomes.get(letter) for letter in letters]
    return 0 if all(one and one.has_ended and not one.faults for one in found) else 1


def _line(outcome: Outcome) -> str:
    faults = [f"\n     {fault.what}: {fault.seen}" for fault in outcome.faults]
    return f"{outcome.letter}  {outcome.status}, {outcome.seconds:.0f} s: {outcome.in_words}{''.join(faults)}"


def _arguments(words: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.gpu",
        description=ABOUT,
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "--steps",
        type=_letters,
        default=list(LETTERS),
        metavar="a,b",
        help="only these (a goes first: it looks at the card)",
    )
    parser.add_argument("--out", type=Path, default=FOLDER, metavar="FOLDER", help=f"of the report (default: {FOLDER})")
    parser.add_argument("--again", action="store_true", help="run steps that have ended, too")
    parser.add_argument("--minutes", type=float, default=8.0, help="no command goes on after so many (default: 8)")
    parser.add_argument(
        "--device", choices=("gpu", "cpu"), default="gpu", help="on a CPU, what needs a GPU is marked so (default: gpu)"
    )
    parser.add_argument("--quick", action="store_true", help="small sizes and few repetitions: does all of it run?")
    return parser.parse_args(words)


def _letters(text: str) -> list[str]:
    letters = [letter.strip() for letter in text.split(",")]
    if unknown := [letter for letter in letters if letter not in LETTERS]:
        raise argparse.ArgumentTypeError(f"there is no step {unknown[0]!r}; there are {', '.join(LETTERS)}")
    return letters


if __name__ == "__main__":
    sys.exit(main())
