"""Names and fingerprints of runs."""

import pytest

from experiments.validators import InvalidField
from runner.config.composing import composed
from runner.config.question import fingerprint, question_hash
from runner.config.run_name import run_name, subject
from runner.config.schema import register
from runner.config.tracking_settings import Tracking
from runner.config.validation import parts
from runner.tracking import tags

MACHINE = {"cpu": "Z80", "cores": 2, "usable_cores": 2, "memory_bytes": 65536, "host": "a"}


ASKED = {"experiment": "matmul", "experiment.shape": "inner", "experiment.dtype": "float32"}


@pytest.mark.parametrize(
    ("overrides", "name"),
    [
        ([], "matmul inner float32 CPU"),
        (["experiment=matmul", "device=cpu", "tracking.dir=x", "tracking=local"], "matmul inner float32 CPU"),
        (["experiment.shape=square", "experiment.dtype=float64"], "square float64 CPU"),
        (["device.intra_op_threads=2", "experiment.dtype=float64"], "intra_op_threads=2 float64 inner CPU"),
        (["+preset=textbook", "seed=3"], "textbook seed=3 inner float32 CPU"),
        (["device.onednn=True"], "onednn=True inner float32 CPU"),
        (["experiment.dataset.path=/a/long/way/to/the/data of mine/table.csv"], "table.csv inner float32 CPU"),
        (["experiment.dataset.path=./images/"], "images inner float32 CPU"),
        (["a=" + "x" * 25, "b=" + "y" * 25], f"{'x' * 25} {'y' * 25} CPU"),  # whole words, as many as fit
        (["a=" + "x" * 80], "x" * 60),
    ],
)
def test_what_differs_comes_first(overrides, name):
    assert run_name("CPU:0", overrides, ASKED) == name


def test_a_second_device_keeps_its_number():
    assert run_name("GPU:1", ["experiment=matmul"], {"experiment": "matmul"}) == "matmul GPU:1"


@pytest.mark.parametrize(
    ("words", "name"),
    [
        ([], "inner float32 eager CPU"),
        (["experiment=training"], "mlp digits CPU"),
        (["experiment=training", "model=cnn", "seed=3"], "cnn seed=3 digits CPU"),
        (["experiment=gradient_cost", "workload=gmm"], "gmm float32 graph CPU"),
        (["experiment=autodiff"], "a*w**2 + b*w + c CPU"),
        (["experiment=operators"], "operators float32 graph CPU"),
        (["experiment=deployment"], "deployment CPU"),
    ],
)
def test_a_run_is_called_after_its_question(words, name):
    register()
    assert run_name("CPU:0", words, subject(parts(composed(words)).experiment)) == name


def test_own_tags_cannot_hide_ours():
    from mlflow.utils import mlflow_tags

    ours = [name for key, name in vars(tags).items() if key.isupper() and isinstance(name, str)]
    of_mlflow = [
        name for key, name in vars(mlflow_tags).items() if key.startswith("MLFLOW_") and str(name).startswith("mlflow.")
    ]
    assert len(ours) > 15
    assert len(of_mlflow) > 15
    for name in [*ours, *of_mlflow]:
        with pytest.raises(InvalidField, match="is a tag that this program or MLflow sets"):
            Tracking(tags={name if not name.endswith(".") else f"{name}x": "mine"})


@pytest.mark.parametrize("name", ["", "a@b", "ü" * 251, " a", "a=b", "a\nb"])
def test_what_is_no_name_of_a_tag(name):
    with pytest.raises(InvalidField, match="is no tag's name"):
        Tracking(tags={name: "mine"})


def test_a_tag_in_any_script():
    assert Tracking(tags={"paper/fig 3": "図 3", "標": ""}).tags["paper/fig 3"] == "図 3"


def test_a_fingerprint_is_of_the_question_and_the_kind_of_machine():
    question, surroundings = question_hash({"a": 1, "b": 2}, 1), {"machine": MACHINE, "gpus": []}
    same = fingerprint(question, surroundings)
    assert same == fingerprint(question_hash({"b": 2, "a": 1}, 1), {"machine": MACHINE | {"host": "b"}, "gpus": []})
    others = {
        fingerprint(question_hash({"a": 1, "b": 3}, 1), surroundings),
        fingerprint(question_hash({"a": 1, "b": 2}, 2), surroundings),
        fingerprint(question, {"machine": MACHINE | {"cores": 4}, "gpus": []}),
        fingerprint(question, {"machine": MACHINE, "gpus": [{"name": "A100"}]}),
    }
    assert len(others) == 4
    assert same not in others
