"""What runs have left for one that asks the same question: a checkpoint to go on from, a choice to make again."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from runner.tracking import tags
from runner.tracking.run import store_errors

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import Run

MOST_RUNS = 20
"""How many runs of a question are looked through, the newest first."""


def find_earlier(client: MlflowClient, experiment_id: str, fingerprint: str, folder: str, scratch: Path) -> Path | None:
    """The files under ``folder`` of the newest run that has some and was killed or failed; copied to ``scratch``.

    None where there is none, or where the newest run of the question has finished: nothing is left to go on with.
    Raises StoreError.
    """
    with store_errors():
        for run in _newest(client, experiment_id, fingerprint):
            if run.info.status == "FINISHED":
                return None
            if run.info.status != "RUNNING" and client.list_artifacts(run.info.run_id, folder):
                return Path(client.download_artifacts(run.info.run_id, folder, str(scratch)))
    return None


def find_settled(client: MlflowClient, experiment_id: str, fingerprint: str, names: Sequence[str]) -> dict[str, str]:
    """What the newest run of the question that has settled each of ``names`` has chosen. Raises StoreError."""
    found: dict[str, str] = {}
    with store_errors():
        for run in reversed(_newest(client, experiment_id, fingerprint)):
            found |= {name: run.data.tags[tag] for name in names if (tag := f"{tags.SETTLED}{name}") in run.data.tags}
    return found


def _newest(client: MlflowClient, experiment_id: str, fingerprint: str) -> list[Run]:
    """The runs of a question, the newest first."""
    return list(
        client.search_runs(
            [experiment_id],
            f"tags.`{tags.FINGERPRINT}` = '{fingerprint}'",
            max_results=MOST_RUNS,
            order_by=["attributes.start_time DESC"],
        )
    )
