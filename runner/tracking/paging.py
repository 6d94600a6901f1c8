"""Reads all that a search in MLflow's store finds: MLflow answers with a page of it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import Experiment

SETTLED_ORDER = ["experiment_id ASC"]
"""By default the last one changed comes first: one that changes meanwhile would move to a page that was read before."""


def paged(search: Callable[..., Any], *arguments: Any, **keywords: Any) -> Iterator[Any]:
    """Yield what a search of MLflow's client finds, page after page, as far as the caller goes.

    Who deletes what is found makes a list of it first: the pages are counted. Raises what MLflow raises.
    """
    token = None
    while True:
        page = search(*arguments, page_token=token, **keywords)
        yield from page
        token = page.token
        if not token:
            return


def mlflow_experiments(client: MlflowClient) -> Iterator[Experiment]:
    """Yield all MLflow experiments of a store. Raises what MLflow raises."""
    return paged(client.search_experiments, order_by=SETTLED_ORDER)


def experiment_ids(client: MlflowClient) -> list[str]:
    """Return the ids of all MLflow experiments of a store, for a search in all of them. Raises what MLflow raises."""
    return [kept_in.experiment_id for kept_in in mlflow_experiments(client)]
