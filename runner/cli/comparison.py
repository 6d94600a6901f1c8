"""Compares two stored runs, for ``python -m runner.compare`` and after a replay."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from experiments.series.two_runs import compare
from runner.cli.comparison_text import Comparison, on_turns
from runner.errors import UserError
from runner.sweep.deciding import deciding_command
from runner.sweep.stored_metrics import metric_pairs
from runner.sweep.stored_pair import as_two_runs, stored_pairs
from runner.tracking.differences import described, on_changes
from runner.tracking.store import Store

if TYPE_CHECKING:
    from mlflow import MlflowClient

MARGIN = 0.05
"""Slower by more than this share counts where nobody says otherwise."""


def comparison_of(client: MlflowClient, store: Store, named: Sequence[str], margin: float = MARGIN) -> Comparison:
    """Compare the two runs, or sweeps, that are named.

    Raises UserError if they cannot be compared or have nothing in common, and StoreError.
    """
    first, second = named
    a, b, pairs = stored_pairs(client, first, second)
    timed = [as_two_runs(client, pair) for pair in pairs]
    times = compare(timed, margin)
    metrics = [one for pair in pairs for one in metric_pairs(client, pair, with_headline=not times)]
    if not times and not metrics:
        raise UserError(f"{first} and {second} have nothing in common that could be compared: no time and no metric")
    how = [described(run, client.tracking_uri) for run in (pairs[0].first.run, pairs[0].second.run)]
    remarks = on_turns(times)
    for one in [one for one in times if one.ratio and one.reason and not one.took_turns][:1]:
        remarks.append(deciding_command(pairs[timed.index(one.runs)], one, store.words))
    remarks += on_changes(A=how[0], B=how[1])
    return Comparison(a, b, times, metrics, (how[0], how[1]), remarks)
