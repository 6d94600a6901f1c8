"""The command that decides what two runs leave open."""

from __future__ import annotations

from collections.abc import Sequence

from experiments.reporting.commands import command
from experiments.series.two_runs import Compared
from runner.sweep.replays import REPLAY
from runner.sweep.stored_pair import StoredPair
from runner.tracking.find_run import SHORT_ID


def deciding_command(pair: StoredPair, unsure: Compared, store: Sequence[str]) -> str:
    """Return a sentence with the command that decides what is unsure of two runs that did not take turns.

    ``store`` are the words that name their store.
    """
    if not pair.on_one_machine:
        return "They ran on two machines; measure both on one machine, as jobs of one sweep."
    first, second = (one.run.info.run_id[:SHORT_ID] for one in (pair.first, pair.second))
    if pair.first.run.data.params == pair.second.run.data.params:
        if unsure.runs.busy:
            return "Measure again while nothing else runs on the machine."
        if unsure.key in unsure.runs.drifts:
            return "What is unsure differs by less than runs of one config differ by on this machine."
        again = command(f"{REPLAY}={first}", *store)
        return f"Three more runs of the same config tell how far the machine drifts: three times {again}"
    sweep = command("-m", f"{REPLAY}={first},{second}", *store)
    return f"As jobs of one sweep they take turns, which decides it: {sweep}"
