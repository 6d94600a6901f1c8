"""A dataset as MLflow's Datasets column and its filters know it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from experiments.recorder import DatasetFacts

if TYPE_CHECKING:
    from mlflow.entities import DatasetInput

CONTEXT = "mlflow.data.context"
"""The tag that says what a run does with a dataset."""

DIGEST, PROFILE = 36, 65_535
"""The longest digest and profile that MLflow takes."""


def of(facts: DatasetFacts) -> DatasetInput:
    """Return the input of a run, in the layout that ``mlflow.log_input`` writes for arrays."""
    from mlflow.entities import Dataset, DatasetInput, InputTag

    dtype, shape = facts.features
    schema = {"features": _tensor(dtype, shape), "targets": _tensor(facts.targets, ())}
    profile = json.dumps(facts.profile, ensure_ascii=False)
    dataset = Dataset(
        name=facts.name,
        digest=facts.sha256[:DIGEST],
        source_type="local",
        source=json.dumps({"uri": facts.source}, ensure_ascii=False),
        schema=json.dumps({"mlflow_tensorspec": schema}),
        profile=profile if len(profile) <= PROFILE else json.dumps({"classes": facts.profile.get("classes")}),
    )
    return DatasetInput(dataset, [InputTag(CONTEXT, "training")])


def _tensor(dtype: str, shape: tuple[int, ...]) -> str:
    """Return the schema of a tensor of any number of examples, as MLflow writes it."""
    return json.dumps([{"type": "tensor", "tensor-spec": {"dtype": dtype, "shape": [-1, *shape]}}])
