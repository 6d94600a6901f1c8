"""The answer of a training, made by hand: its note and plots need no TensorFlow."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.metrics import r2_score

from experiments.networks.data import Data, Split
from experiments.networks.datasets.bundled import Diabetes, Digits
from experiments.networks.models.mlp import Mlp
from experiments.networks.optimizers import Adam
from experiments.runtime.device import Placement
from experiments.training import Training, rounding
from experiments.training.answer import TrainingAnswer
from experiments.training.history import EpochRow, History
from experiments.training.plots import confusion_figure, learning_figure, mistakes_figure, residuals_figure
from experiments.training.regression_scores import regression_scores
from experiments.training.session import HeldOutResult
from experiments.training.settings import TrainingSettings
from experiments.validators import InvalidField
from tests.waiting import PATIENCE

ROOT = Path(__file__).parent.parent.parent

SERVE_IT = "Serve it in every way there is, and compare: `python -m runner experiment=deployment"


def row(epoch: int, val_loss: float, val_accuracy: float | None = 0.5, examples_per_s: float = 1000.0) -> EpochRow:
    return EpochRow(epoch, 2 * val_loss, val_accuracy, val_loss, val_accuracy, 0.1, examples_per_s)


def history(*val_losses: float, **own: Any) -> History:
    made = History(own.pop("execution", "epoch"), **own)
    for number, loss in enumerate(val_losses, start=1):
        made.add(row(number, loss))
    return made


def settings(**own: Any) -> TrainingSettings:
    return TrainingSettings(Mlp(), Digits(), Adam(), **{"execution": "epoch"} | own)


def pictures() -> Data:
    """Four test images of the classes a, a, b, c."""
    part = Split(np.zeros((4, 2, 2, 1), np.float32), np.array([0, 0, 1, 2]))
    return Data("digits", "classification", part, part, part, ("a", "b", "c"), is_image=True, source="made by hand")


def numbers() -> Data:
    part = Split(np.zeros((3, 2), np.float32), np.array([1.0, 2.0, 3.0], np.float32))
    return Data("diabetes", "regression", part, part, part, (), is_image=False, source="made by hand")


LOGITS = np.array([[9, 0, 0], [0, 5, 0], [0, 9, 0], [3, 0, 0]], np.float32)
"""Of ``pictures``: a is right, the other a is taken for b, b is right, c is taken for a."""


def classified(**own: Any) -> TrainingAnswer:
    """A complete answer of a classification."""
    config = settings(**own.pop("settings", {}))
    known = {"history": history(0.5, 0.2, 0.3), "test": HeldOutResult(0.25, LOGITS), "is_handed_over": True}
    return TrainingAnswer(config, pictures(), "GPU:1", **known | own)


def regressed() -> TrainingAnswer:
    made = TrainingSettings(Mlp(), Diabetes(), Adam())
    outputs = np.array([[1.0], [2.0], [5.0]], np.float32)
    curve = History("fit", [row(1, 0.5, None)], best_epoch=1)
    return TrainingAnswer(made, numbers(), "CPU:0", curve, HeldOutResult(0.5, outputs), is_handed_over=True)


def saved_row(**own: Any) -> dict[str, Any]:
    return {"format": "keras", "bytes": 1234, "identical": 0, "largest_difference": 0.5, "problem": ""} | own


def test_classes_that_are_taken_for_one_as_often_are_both_named():
    outputs = np.array([[0, 9, 0], [0, 0, 9], [0, 9, 0], [0, 0, 9]], np.float32)
    assert "b and c (1 each)" in classified(test=HeldOutResult(0.25, outputs)).note()


def test_the_note_of_a_classification():
    note = classified().note()
    assert note.startswith(
        "**mlp on digits (adam, GPU:1): 50.00% of the test set right (2 of 4 wrong); "
        "always answering a would get 50.00%.**"
    )
    assert (
        "3 epochs (all epochs done); the weights are those of epoch 2, which had the lowest validation loss: 0.2."
        in note
    )
    assert "1,000 examples/s with execution=epoch." in note
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in note.splitlines() if line[:3] == "| a"]
    assert cells == [["a", "2", "0.500", "0.500", "b (1)"]]
    assert note.endswith(f"{SERVE_IT} experiment.source=RUN_ID`")


@pytest.mark.parametrize(
    ("labels", "test_labels", "said", "says"),
    [
        ([0] * 24 + [1], [0] * 24 + [1], [0] * 25, "(1 of 25 wrong); always answering a would get 96.00%."),
        ([0] * 24 + [1], [0] * 24 + [1], [0] * 24 + [1], "(0 of 25 wrong); always answering a would get 96.00%."),
        ([0, 0, 1, 1, 1], [0, 0, 1], [0, 0, 1], "(0 of 3 wrong)."),  # the larger class is that of training
        ([0, 1] * 4, [0, 1] * 4, [0, 0] * 4, "(4 of 8 wrong); always answering a would get 50.00%."),
        ([0, 1] * 4, [0, 1] * 4, [0, 1] * 4, "(0 of 8 wrong)."),
    ],
)
def test_the_headline_says_what_the_larger_class_would_get(
    labels: list[int], test_labels: list[int], said: list[int], says: str
):
    train, test = (Split(np.zeros((len(y), 2), np.float32), np.array(y)) for y in (labels, test_labels))
    data = Data("npz", "classification", train, test, test, ("a", "b"), is_image=False, source="made by hand")
    outputs = np.eye(2, dtype=np.float32)[said]
    answer = TrainingAnswer(settings(), data, "CPU:0", history(0.5), HeldOutResult(0.5, outputs))
    assert answer.note().splitlines()[0].endswith(f"of the test set right {says}**")


def test_the_note_has_the_remarks_on_the_data():
    data = replace(pictures(), remarks=("Feature 0 is odd.",))
    assert "\n\nFeature 0 is odd.\n\n" in replace(classified(), data=data).note()


TARGETS = np.random.default_rng(0).normal(size=200)
SAID = TARGETS + np.random.default_rng(1).normal(scale=0.8, size=200)


@pytest.mark.parametrize("offset", [0.0, 1e6])
@pytest.mark.parametrize("unit", [1e-300, 1e-200, 1e-40, 1.0, 1e30, 1e200, 1e300])
def test_scores_do_not_depend_on_the_unit(unit: float, offset: float):
    scores = regression_scores((TARGETS + offset) * unit, (SAID + offset) * unit)
    assert scores.rmse / unit == pytest.approx(np.sqrt(np.mean((SAID - TARGETS) ** 2)), rel=1e-9)
    assert scores.r2 == pytest.approx(r2_score(TARGETS, SAID), rel=1e-8)


@pytest.mark.parametrize(
    ("targets", "outputs", "rmse", "why"),
    [
        ([3.0], [5.0], 2.0, "the test set has a single example"),
        ([0.1, 0.1, 0.1], [0.1, 0.1, 0.4], np.sqrt(0.03), "the targets of the test set are all the same"),
        ([0.0, 0.0], [0.0, 0.0], 0.0, "the targets of the test set are all the same"),
        ([0.0, 1e-200], [1.0, 1.0], 1.0, "the errors are 2e+200 deviations of the targets"),
    ],
)
def test_where_r2_has_no_meaning(targets: list[float], outputs: list[float], rmse: float, why: str):
    y, said = np.array(targets), np.array(outputs)[:, None]
    data = replace(numbers(), test=Split(np.zeros((len(y), 2), np.float32), y))
    answer = replace(regressed(), data=data, test=HeldOutResult(float("inf"), said))
    assert answer.test_metrics() == {"test/rmse": pytest.approx(rmse)}
    assert answer.note().splitlines()[0].endswith(f"R² has no meaning, as {why}.**")


def test_the_note_of_a_regression():
    note = regressed().note()
    assert note.startswith(
        "**mlp on diabetes (adam, CPU:0): root mean square error 1.155, R² -1.000 on the test set.**"
    )
    assert "| class" not in note


@pytest.mark.parametrize(
    ("tried", "says"),
    [
        ({"fit": "10 examples/s", "epoch": "20 examples/s"}, "(auto tried: fit: 10 examples/s; epoch: 20 examples/s)"),
        ({}, "(settled by an earlier run of this question)"),
    ],
)
def test_the_note_says_how_auto_chose(tried: dict[str, str], says: str):
    answer = classified(settings={"execution": "auto"}, history=history(0.5, tried=tried))
    assert f"1,000 examples/s with execution=epoch {says}." in answer.note()


def test_the_note_of_a_resumed_training():
    assert "all epochs done" in classified().note()
    note = classified(settings={"patience": 1}, history=history(0.5, 0.2, 0.3, resumed_after=2)).note()
    assert "3 epochs (no better after that); the weights are those of epoch 2" in note
    assert "Went on after epoch 2." in note


def test_figures_of_a_classification():
    answer = classified()
    assert [axes.get_ylabel() for axes in learning_figure(answer).axes] == ["loss", "accuracy"]
    counts = {text.get_text() for text in confusion_figure(answer).axes[0].texts}
    assert counts == {"1"}
    titles = [axes.get_title() for axes in mistakes_figure(answer).axes]
    assert titles == ["a → b 99%", "c → a 91%"]


def test_figures_of_a_regression():
    answer = regressed()
    assert [axes.get_ylabel() for axes in learning_figure(answer).axes] == ["loss"]
    said = residuals_figure(answer).axes[0].lines[1].get_ydata()
    assert list(said) == [1.0, 2.0, 5.0]


def test_an_answer_without_its_test():
    answer = classified(test=None, is_handed_over=False, settings={"epochs": 9})
    assert answer.note().splitlines()[0] == "**mlp on digits (adam, GPU:1)**: ended before its test."
    assert "3 of 9 epochs, the best of them epoch 2." in answer.note()
    assert "deployment" not in answer.note()


def test_a_model_that_differs_by_rounding_is_offered_from_the_registry():
    """As on a device that adds in another order in the next process."""
    note = classified(saved=[saved_row(largest_difference=1e-6)]).note()
    assert "differs by up to 1e-06" in note
    assert note.endswith(f"{SERVE_IT} experiment.source=RUN_ID`")


@pytest.mark.parametrize(
    ("hardware", "precision", "tf32", "accepted"),
    [
        ("CPU:0", "float32", True, 1e-3),
        ("CPU:0", "mixed_bfloat16", True, 1e-3),
        ("GPU:0", "float32", True, 8 * 2**-11),
        ("GPU:0", "float32", False, 1e-3),
        ("GPU:0", "float64", True, 1e-3),
        ("GPU:0", "mixed_float16", True, 8 * 2**-11),
        ("GPU:0", "mixed_bfloat16", True, 8 * 2**-8),
    ],
)
def test_only_a_gpu_that_multiplies_short_numbers_may_differ_by_more(
    monkeypatch: pytest.MonkeyPatch, hardware: str, precision: str, tf32: bool, accepted: float
):
    """The H100 of docs/gpu.md: a cnn's logits differed by 0.004 with TF32."""
    monkeypatch.setattr(rounding, "current", lambda: Placement(f"/device:{hardware}", hardware, ""))
    monkeypatch.setattr(rounding, "tf32_in_use", lambda: tf32 and hardware == "GPU:0")
    answer = classified(saved=[saved_row(largest_difference=0.99 * accepted * np.abs(LOGITS).max())])
    answer.rounding = rounding.accepted_rounding(precision)
    assert answer.rounding == accepted
    assert answer.damage_in_words() == ""
    answer.saved = [saved_row(largest_difference=1.01 * accepted * np.abs(LOGITS).max())]
    assert "did not come back the same" in answer.damage_in_words()


@pytest.mark.parametrize(
    "damage",
    [
        {"largest_difference": 0.5},
        {"largest_difference": float("nan")},
        {"largest_difference": None, "problem": "cut off"},
    ],
)
def test_a_damaged_model_is_not_offered_from_the_registry(damage: dict[str, Any]):
    """It is not there; the run's id finds what was saved."""
    note = classified(saved=[saved_row(identical=1, largest_difference=0.0), saved_row(**damage)]).note()
    assert "models:/" not in note
    assert "This model is not registered, as it did not come back the same." in note
    assert note.endswith("`python -m runner experiment=deployment experiment.source=RUN_ID`")


@pytest.mark.parametrize(("difference", "is_damage"), [(1e-29, False), (1e-25, True)])
def test_damage_is_measured_in_the_targets_unit(difference: float, is_damage: bool):
    small = Split(np.zeros((3, 2), np.float32), 1e-25 * np.array([1.0, 2.0, 3.0]))
    outputs = 1e-25 * np.array([[1.0], [2.0], [5.0]])
    data = replace(numbers(), train=small, test=small)
    saved = [saved_row(largest_difference=difference)]
    answer = replace(regressed(), data=data, test=HeldOutResult(0.5, outputs), saved=saved)
    assert bool(answer.damage_in_words()) == is_damage


@pytest.mark.parametrize(
    ("damage", "says"),
    [
        ({"largest_difference": 0.5}, "saved as keras did not come back the same (its outputs differ by up to 0.5)"),
        ({"largest_difference": float("nan")}, "its outputs cannot be compared"),
        ({"problem": "the file is cut off", "largest_difference": None}, "the file is cut off"),
        ({"largest_difference": 1e-6}, ""),
    ],
)
def test_damage_in_words(damage: dict[str, Any], says: str):
    found = classified(saved=[saved_row(**damage)]).damage_in_words()
    assert says in found
    assert bool(found) == bool(says)


def test_a_model_that_was_not_handed_over_is_not_offered():
    assert "deployment" not in classified(is_handed_over=False).note()


def test_a_model_without_a_name_is_served_as_the_latest():
    assert classified(settings={"registered_name": None}).note().endswith(f"{SERVE_IT} experiment.source=RUN_ID`")


def test_the_best_epoch_is_the_one_with_the_lowest_finite_validation_loss():
    found = history(0.5, 0.2, float("nan"), 0.2, 0.1, float("inf"))
    assert found.best_epoch == 5
    assert history(float("nan")).best_epoch == 0


def test_patience_counts_epochs_since_the_best():
    found = history(0.5, 0.2, 0.3, 0.4)
    assert found.is_patience_over(2)
    assert not found.is_patience_over(3)
    assert not found.is_patience_over(None)


def test_the_speed_leaves_the_first_epoch_out():
    made = History("epoch", [row(1, 1.0, examples_per_s=1), row(2, 1.0, examples_per_s=10)])
    assert made.examples_per_s == 10
    assert History("epoch", made.rows[:1]).examples_per_s == 1
    assert History("epoch").examples_per_s is None


def test_the_experiment_has_the_fields_of_its_settings():
    assert [field.name for field in fields(Training)] == [field.name for field in fields(TrainingSettings)]
    assert not hasattr(TrainingSettings, "run")


def test_a_wrong_field_is_one_of_the_experiment():
    """The runner looks up the config key by the class of the experiment."""
    with pytest.raises(InvalidField) as raised:
        Training(Mlp(), Digits(), Adam(), epochs=0)
    assert (raised.value.owner, raised.value.field) == (Training, "epochs")


WITHOUT_TENSORFLOW = """
import sys
from tests.experiments.test_training_answer import classified, confusion_figure, learning_figure
answer = classified()
print(len(answer.note()) > 0, len(confusion_figure(answer).axes), len(learning_figure(answer).axes))
print([name for name in ("tensorflow", "keras") if name in sys.modules])
"""


def test_an_answer_is_rendered_without_tensorflow():
    command = [sys.executable, "-c", WITHOUT_TENSORFLOW]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=PATIENCE)
    assert done.stdout.splitlines() == ["True 1 2", "[]"], done.stderr
