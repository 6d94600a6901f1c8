"""``python -m runner.compare``: two runs of the store beside each other, with verdicts."""

from __future__ import annotations

import argparse
import json
import re
import sys
from collections.abc import Sequence
from pathlib import Path

from experiments.reporting.rendering import picture_of
from experiments.reporting.text import shortened
from experiments.series.ratio_figure import LONGEST_NAME, ratio_figure
from runner.cli.comparison import MARGIN, comparison_of
from runner.cli.comparison_text import Comparison, as_json, as_text
from runner.cli.program import Parser, run_program
from runner.cli.store_words import OF_THE_STORE, require_runs, store_of
from runner.errors import ExitStatus, UserError
from runner.tracking.find_run import SHORT_ID

DESCRIPTION = """\
Compare two runs, A and B: the times of each, their ratio with its 95 % interval and a verdict,
and what differs in config, code, packages and machine. RUN is a run's id, the beginning of its
id, its name, or latest, latest~1, ... (the newest run or sweep, the one before, ...). Of two
sweeps the jobs with the same swept values are compared."""

EXAMPLES = """\
  python -m runner.compare latest~1 latest
  python -m runner.compare 3f2a91 b07c44 --plot ratio.png
  python -m runner.compare 3f2a91 b07c44 tracking.dir=/data/runs --fail-on slower --margin 5% --json

Exit status: 0; 1 with --fail-on slower if B is certainly slower by more than the margin; 2 if there
is nothing to compare. docs/compare.md tells how it is decided."""


def main() -> int:
    """Compare, and return the exit status."""
    return run_program("runner.compare", lambda: _compare(_arguments(sys.argv[1:])))


def _arguments(words: Sequence[str]) -> argparse.Namespace:
    parser = Parser(
        prog="python -m runner.compare",
        description=DESCRIPTION,
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        usage="%(prog)s RUN RUN [tracking.KEY=VALUE ...] [options]",
        allow_abbrev=False,
    )
    parser.add_argument(
        "words", nargs="*", metavar="RUN", help="A and B; words that begin with tracking name the store"
    )
    parser.add_argument("--plot", type=Path, metavar="FILE.png", help="draw the ratios with their intervals")
    parser.add_argument("--json", action="store_true", help="print one JSON object instead of text")
    parser.add_argument("--fail-on", choices=["slower"], help="exit with 1 if B is certainly slower")
    parser.add_argument(
        "--margin", metavar="5%", help=f"... by more than this (default: {MARGIN:.0%})".replace("%", "%%")
    )
    found = parser.parse_intermixed_args(list(words))
    found.store = [word for word in found.words if OF_THE_STORE.fullmatch(word)]
    found.runs = [word for word in found.words if word not in found.store]
    if len(found.runs) != 2:
        raise UserError(f"give two runs, such as latest~1 latest; here are {len(found.runs)}")
    if found.margin and not found.fail_on:
        raise UserError("--margin belongs to --fail-on slower; alone it decides nothing")
    found.margin = _share(found.margin) if found.margin else MARGIN
    if found.plot and found.plot.suffix.lower() != ".png":
        raise UserError(f"--plot: {found.plot} is no name of a PNG file; end it with .png")
    return found


def _share(text: str) -> float:
    """Return ``5%`` as 0.05."""
    if not (percent := re.fullmatch(r"(\d+(?:\.\d*)?|\.\d+)\s*%", text.strip())):
        raise UserError(f"--margin: {text!r} is no percentage; write it as 5%")
    return float(percent[1]) / 100


def _compare(arguments: argparse.Namespace) -> int:
    store = store_of(arguments.store)
    require_runs(store)
    client = store.open(lambda text: print(f"runner.compare: {text}", file=sys.stderr))
    comparison = comparison_of(client, store, arguments.runs, arguments.margin)
    if not comparison.times and (arguments.plot or arguments.fail_on):
        raise UserError(f"{'--plot' if arguments.plot else '--fail-on'}: these runs have timed nothing in common")
    if arguments.plot:
        _draw(comparison, arguments.plot)
    fails = arguments.fail_on == "slower" and any(one.is_slower_by_margin for one in comparison.times)
    print(json.dumps(as_json(comparison, fails), indent=2) if arguments.json else as_text(comparison))
    return ExitStatus.FAILED if fails else ExitStatus.OK


def _draw(comparison: Comparison, path: Path) -> None:
    runs = (comparison.first.info, comparison.second.info)
    names = [shortened(run.run_name, LONGEST_NAME) for run in runs]
    if names[0] == names[1]:
        names = [run.run_id[:SHORT_ID] for run in runs]
    found = picture_of(lambda: ratio_figure(comparison.times, *names))
    assert found is not None
    try:
        path.write_bytes(found.png)
    except OSError as error:
        raise UserError(f"--plot: cannot write {path} ({error.strerror})") from None


if __name__ == "__main__":
    sys.exit(main())
