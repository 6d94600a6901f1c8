"""docs/training.md shows what a trained model tells its user, as the code writes it."""

from __future__ import annotations

import numpy as np

from experiments.networks.data import Data, Split
from experiments.networks.preprocessing import Columns
from experiments.recorder import ModelCard
from experiments.training.meaning import meaning
from runner.messages import ModelRecord
from runner.tracking.usage import usage
from tests.conftest import ROOT

ROWS = np.array([(30.0, "female", "Köln")], dtype=[("age", "f8"), ("sex", "U6"), ("home town", "U4")])


def test_the_page_has_the_words_of_the_code() -> None:
    preprocessing = Columns.of([ROWS])
    part = Split(preprocessing.encoded(ROWS), np.array([1]))
    data = Data(
        "csv",
        "classification",
        part,
        part,
        part,
        ("no", "yes"),
        is_image=False,
        source="",
        preprocessing=preprocessing,
        test_rows=ROWS,
    )
    inputs = {"age": np.array([30.0], np.float32), "sex": ROWS["sex"], "home town": ROWS["home town"]}
    said = {
        "logits": np.zeros((1, 2), np.float32),
        "probabilities": np.zeros((1, 2), np.float32),
        "class": np.array(["yes"]),
    }
    record = ModelRecord("model", b"", inputs, said, None, {}, 0, ModelCard(meaning(data)))
    shown = usage(record, "models:/people-mlp/1", "sqlite:////home/me/mlruns/mlflow.db")
    assert shown in (ROOT / "docs" / "training.md").read_text()
