"""The metrics by which MLflow shows a run's models, and a registry's reader chooses among versions."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from runner.tracking.last_metrics import finite_metrics

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import Run


def link(client: MlflowClient, run_id: str, model_id: str, names: Sequence[str]) -> None:
    """Show metrics of a run with its model, too: the same last values, which the run has only once.

    They are those on the run's dataset where it has one. Raises what MLflow raises.
    """
    from mlflow.entities import Metric

    if not names:
        return
    run = client.get_run(run_id)
    data = [given.dataset for given in run.inputs.dataset_inputs] if run.inputs else []
    on = (data[0].name, data[0].digest) if len(data) == 1 else (None, None)
    histories = [client.get_metric_history(run_id, name) for name in _finite(run, names)]
    last = [max(history, key=lambda metric: metric.step) for history in histories]
    client.log_batch(run_id, [Metric(one.key, one.value, one.timestamp, one.step, model_id, *on) for one in last])


def in_words(client: MlflowClient, run_id: str, names: Sequence[str]) -> str:
    """Return the last values of a run's metrics in a line without marks: MLflow's table of versions shows them as text.

    Empty if there are none. Raises what MLflow raises.
    """
    return ", ".join(f"{name} {value:.4g}" for name, value in _finite(client.get_run(run_id), names).items())


def _finite(run: Run, names: Sequence[str]) -> dict[str, float]:
    """The values among these that are finite, in this order."""
    metrics = finite_metrics(run)
    return {name: metrics[name] for name in names if name in metrics}
