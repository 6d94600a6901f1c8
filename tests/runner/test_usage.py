"""What a trained model tells its user. That its lines work is a test of whole runs: tests/end_to_end/test_usage.py."""

from __future__ import annotations

import json
import re
import shlex

import numpy as np

from experiments.recorder import ModelCard
from runner.messages import ModelRecord
from runner.tracking.models import DESCRIPTION_LENGTH
from runner.tracking.usage import usage

PEOPLE = {
    "age": np.array([np.nan, 30.5], np.float32),
    "sex": np.array(["female", "male"]),
    "it's": np.array(["", 'a "b"']),
}
SAID = {"probabilities": np.array([[0.1, 0.9]] * 2, np.float32), "class": np.array(["no", "yes"])}
IMAGES = np.zeros((2, 28, 28, 1), np.float32)
STORE = "sqlite:////data/my runs/mlflow.db"


def _usage(inputs, outputs) -> str:
    record = ModelRecord("model", b"", inputs, outputs, None, {}, 0, ModelCard(meaning="`class` is its name."))
    return usage(record, "models:/people-mlp/3", STORE)


def test_shapes_types_and_meaning_are_said() -> None:
    said = _usage(PEOPLE, SAID)
    assert "takes `age` (float32 [n]), `sex` (text [n]), `it's` (text [n])" in said
    assert "gives `probabilities` (float32 [n, 2]), `class` (text [n])." in said
    assert "`class` is its name." in said


def test_the_example_is_a_real_row_without_a_gap() -> None:
    for block in re.findall(r"```python\n(.+?)\n```", _usage(PEOPLE, SAID), re.DOTALL):
        lines = block.splitlines()
        assert len(lines) == 5
        (line,) = [line for line in lines if line.startswith("example = ")]
        found = eval(line.removeprefix("example = "), {"np": np})
        assert {name: values.tolist() for name, values in found.items()} == {
            "age": [30.5],
            "sex": ["male"],
            "it's": ['a "b"'],
        }


def test_a_request_is_what_a_shell_and_json_read() -> None:
    serve, ask = re.findall(r"```bash\n(.+?)\n(.+?)\n```", _usage(PEOPLE, SAID), re.DOTALL)[0]
    assert shlex.split(serve)[0] == f"MLFLOW_TRACKING_URI={STORE}"
    assert json.loads(shlex.split(ask)[-1]) == {"inputs": {"age": [30.5], "sex": ["male"], "it's": ['a "b"']}}


def test_where_every_row_has_a_gap_it_is_written_as_one() -> None:
    said = _usage({"age": np.array([np.nan], np.float32)}, SAID)
    assert 'example = {"age": np.array([np.nan])}' in said
    assert '{"inputs": {"age": [null]}}' in said


def test_a_long_example_is_read_from_the_model() -> None:
    said = _usage(IMAGES, np.zeros((2, 10), np.float32))
    assert 'np.array(mlflow.artifacts.load_dict("models:/people-mlp/3/input_example.json"))[:1]' in said
    assert "-d @serving_input_example.json" in said
    assert len(said) < DESCRIPTION_LENGTH / 2


def test_a_wide_table_still_fits_into_a_description() -> None:
    said = _usage({f"column {n}": np.arange(2.0) for n in range(500)}, SAID)
    assert "and 488 more" in said
    assert len(said) < DESCRIPTION_LENGTH
