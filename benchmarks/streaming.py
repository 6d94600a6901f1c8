"""Examples per second from disk, compared with the same examples in memory: ``python -m benchmarks.streaming``.

It takes about five minutes on an idle machine and writes to benchmarks/README.md; ``--quick`` tries everything, and
writes nothing. Every contestant has a process of its own. They take turns epoch by epoch.
"""

from __future__ import annotations

import argparse
import tempfile
from contextlib import ExitStack
from datetime import date
from pathlib import Path

from benchmarks import readme
from benchmarks.__main__ import where
from benchmarks.contestant import Contestant, take_turns
from benchmarks.train_dataset import BATCH, CASES
from experiments.reporting.markdown import markdown_table

ROUNDS = 9
TRAINED = 0.9
"""The share of the examples that is trained on."""

STREAMED, FIT, AUTO = "streamed", "resident, fit", "resident, auto"
WAYS = {STREAMED: ("streamed", "fit"), FIT: ("resident", "fit"), AUTO: ("resident", "auto")}


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.streaming", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="two epochs of a few examples each; write nothing")
    quick = parser.parse_args().quick
    rows = [_row(name, 2 * BATCH if quick else CASES[name].count, 2 if quick else ROUNDS) for name in CASES]
    figures = f"Read on {date.today()}: {where()}.\n\n{markdown_table(rows)}"
    print(figures) if quick else readme.write("streaming", "benchmarks.streaming", figures)


def _row(name: str, count: int, rounds: int) -> dict[str, str]:
    case, trained = CASES[name], round(TRAINED * count)
    with tempfile.TemporaryDirectory() as folder, ExitStack() as stack:
        case.write(Path(folder), count)
        contestants = {
            way: stack.enter_context(
                Contestant(way, ("-m", "benchmarks.train_dataset", name, folder, str(trained), *words), trained)
            )
            for way, words in WAYS.items()
        }
        take_turns(list(contestants.values()), rounds)
    streamed, fit, auto = (contestants[way] for way in WAYS)
    return {
        "examples": case.title,
        "network": case.model.name,
        "an epoch": f"{trained:,}",
        "streamed, examples/s": f"{streamed.rate:,.0f}",
        "from - to": f"{min(streamed.rates):,.0f} - {max(streamed.rates):,.0f}",
        FIT: f"{fit.rate:,.0f}",
        "resident, auto": f"{auto.rate:,.0f} ({auto.told})",
        "streamed over resident, fit": f"{streamed.rate / fit.rate:.2f}",
        "over resident, auto": f"{streamed.rate / auto.rate:.2f}",
    }


if __name__ == "__main__":
    main()
