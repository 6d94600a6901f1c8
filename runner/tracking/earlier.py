"""What an unfinished run has left for one that asks the same question and goes on with it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from runner.tracking import tags
from runner.tracking.run import store_errors

if TYPE_CHECKING:
    from mlflow import MlflowClient

MOST_RUNS = 20
"""How many unfinished runs of a question are looked through, the newest first."""


def find_earlier(client: MlflowClient, experiment_id: str, fingerprint: str, folder: str, scratch: Path) -> Path | None:
    """The files under ``folder`` of the newest run that has some and was killed or failed; copied to ``scratch``.

    None where there is none, or where the newest run of the question has finished: nothing is left to go on with.
    Raises StoreError.
    """
    with store_errors():
        runs = client.search_runs(
            [experiment_id],
            f"tags.`{tags.FINGERPRINT}` = '{fingerprint}'",
            max_results=MOST_RUNS,
            order_by=["attributes.start_time DESC"],
        )
        for run in runs:
            if run.info.status == "FINISHED":
                return None
            if run.info.status != "RUNNING" and client.list_artifacts(run.info.run_id, folder):
                return Path(client.download_artifacts(run.info.run_id, folder, str(scratch)))
    return None
