"""A deployment where TensorFlow cannot be imported: its settings, its test set, and the answer to made-up figures."""

from __future__ import annotations

import io
import sys
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from experiments.deployment import Deployment
from experiments.deployment.answer import DeploymentAnswer, size
from experiments.deployment.backends import BACKENDS, BackendFailed
from experiments.deployment.load import Latency, throughput
from experiments.deployment.original import TestSet, load_test_set
from experiments.deployment.plots import latency_figure
from experiments.deployment.series import DeploymentSeries, Service
from experiments.deployment.settings import DeploymentSettings
from experiments.experiment import Refused
from experiments.recorder import Source
from experiments.runtime import device
from experiments.validators import InvalidField

Figures = tuple[int, float, float, float | None]
"""Size in bytes, median latency in milliseconds, largest difference, accuracy."""

LABELLED: Mapping[str, Figures] = {
    "keras": (9000, 3.0, 0.0, 0.9),
    "litert_float32": (5000, 0.01, 1e-7, 0.898),
    "litert_int8": (2000, 0.02, 0.1, 0.6),
    "mlflow_serve": (9500, 5.0, 0.0, 0.9),
}


@pytest.fixture(autouse=True)
def _no_tensorflow(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "tensorflow", None)
    monkeypatch.setattr(device, "_current", None)


@pytest.fixture
def source(tmp_path: Path) -> Source:
    (tmp_path / "model.keras").write_bytes(b"a model")
    np.savez(tmp_path / "test_set.npz", x=np.zeros((120, 4), np.float32), y=np.zeros(120, int))
    return Source("tiny", tmp_path / "model.keras", tmp_path / "test_set.npz")


def _answer(source: Source, figures: Mapping[str, Figures], **test_set: Any) -> DeploymentAnswer:
    """A series with these measurements; ``test_set`` changes fields of its test set."""
    series = DeploymentSeries(DeploymentSettings(), source)
    series.parameters, series.original_quality = 83, next((quality for *_, quality in figures.values()), None)
    inputs = np.zeros((120, 4), np.float32)
    described = {"labels": np.zeros(120), "task": "classification", "calibrated_with": "100 training inputs"}
    series.test_set = TestSet(inputs=inputs, calibration=inputs, **(described | test_set))
    series.services = [
        Service(
            BACKENDS[name],
            count,
            1.0,
            Latency(ms, 2 * ms, 3 * ms, 100),
            {(1, 1): 1 / ms, (8, 4): 20 / ms},
            far,
            quality,
        )
        for name, (count, ms, far, quality) in figures.items()
    ]
    return DeploymentAnswer(series, "GPU:1 (Imaginary X1)")


def test_the_note_names_the_device_and_the_model(source):
    note = _answer(source, LABELLED).note()
    assert note.startswith("**tiny**, served on GPU:1 (Imaginary X1): 83 parameters, 120 test examples.\n\n")


def test_the_advice_names_the_best_of_those_as_good_as_the_original(source):
    answer = _answer(source, LABELLED)
    assert [answer.is_as_good(service) for service in answer.services] == [True, True, False, True]
    for line in (
        "- one answer at a time, soon: **LiteRT float32**, 10 µs",
        "- many examples: **LiteRT float32**, 2,000 a second in batches of 8 from 4 clients",
        "- little room: **LiteRT float32**, 5 kB; LiteRT int8 has 2 kB, but has 60.00% instead of the original's 90",
        "- for other programs, over HTTP: mlflow models serve needs 5 ms a call, 500 times as long as LiteRT float32",
    ):
        assert line in answer.note()


def test_without_labels_the_outputs_decide(source):
    figures: Mapping[str, Figures] = {"keras": (9000, 3.0, 0.0, None), "litert_int8": (2000, 0.02, 0.1, None)}
    answer = _answer(source, figures, labels=None, task="")
    assert [answer.is_as_good(service) for service in answer.services] == [True, False]
    assert "LiteRT int8 has 2 kB, but differs by up to 1.0e-01" in answer.note()
    assert "There are no labels: as good as the original counts what differs by at most 0.0001" in answer.note()


def test_the_error_of_a_regression_may_grow_by_half_a_percent(source):
    figures: Mapping[str, Figures] = {
        "keras": (9000, 3.0, 0.0, 2.0),
        "onnx": (5000, 1.0, 0.1, 2.01),
        "litert_int8": (2000, 0.02, 0.1, 2.02),
    }
    answer = _answer(source, figures, task="regression")
    assert [answer.is_as_good(service) for service in answer.services] == [True, True, False]
    assert "has 2.02 instead of the original's 2" in answer.note()


def test_rows_have_each_backend_measured_or_not(source):
    answer = _answer(source, {"keras": LABELLED["keras"]})
    answer.series.not_measured["onnx"] = "onnx not installed"
    measured, missing = answer.rows()
    assert measured["way"] == "keras"
    assert measured["accuracy"] == 0.9
    assert measured["examples_per_s_batch_8_clients_4"] == pytest.approx(20 / 3)
    assert missing == {"way": "onnx", "status": "not measured: onnx not installed"}
    assert [row["examples_per_s"] for row in answer.throughput_rows()] == pytest.approx([1 / 3, 20 / 3])
    assert "Not measured: onnx - onnx not installed." in answer.note()


def test_a_single_backend_needs_no_advice(source):
    assert "Which to use when" not in _answer(source, {"keras": LABELLED["keras"]}).note()


def test_an_answer_follows_its_series(source):
    """The same answer is asked after each backend."""
    answer = _answer(source, {"keras": LABELLED["keras"]})
    assert len(answer.rows()) == 1
    answer.series.services.append(_answer(source, LABELLED).services[1])
    assert [row["way"] for row in answer.rows()] == ["keras", "litert_float32"]


def test_the_figure_labels_each_backend(source):
    figure = latency_figure(_answer(source, LABELLED))
    (axes,) = figure.axes
    labels = [text.get_text() for text in axes.texts]
    assert "LiteRT int8, 20 µs\naccuracy 60.00%" in labels
    figure.savefig(file := io.BytesIO(), format="png")
    assert file.getvalue().startswith(b"\x89PNG")


@pytest.mark.parametrize(
    ("count", "words"), [(12, "12 bytes"), (1500, "1.5 kB"), (2_340_000, "2.34 MB"), (10**9, "1 GB")]
)
def test_sizes_in_words(count, words):
    assert size(count) == words


def test_clients_share_the_work_and_warm_up_first():
    asked = list[int]()

    def new_client() -> Any:
        return lambda inputs: asked.append(len(inputs))

    rate = throughput(new_client, np.zeros((3, 2)), batch=8, clients=3, seconds=0.02)
    assert set(asked) == {8}
    assert 0 < rate <= 8 * (len(asked) - 3) / 0.02


def test_a_test_set_is_cut_and_its_calibration_is_the_training_s(source, tmp_path):
    np.savez(tmp_path / "calibration.npz", x=np.ones((256, 4)))
    whole = Source("tiny", source.model, source.test_set, tmp_path / "calibration.npz")
    test_set = load_test_set(whole, (4,), "float32", 50, seed=0)
    assert len(test_set.inputs) == 50
    assert (test_set.calibration.dtype, len(test_set.calibration)) == (np.float32, 100)
    assert test_set.calibrated_with == "100 training inputs"


def test_clients_that_fail_are_heard():
    def fails(inputs: Any) -> Any:
        raise BackendFailed("no")

    with pytest.raises(BackendFailed, match="no"):
        throughput(lambda: fails, np.zeros((3, 2)), batch=8, clients=3, seconds=0.01)


def test_inputs_are_made_up_where_there_is_no_test_set(source):
    bare = replace(source, test_set=None)
    first, again = (load_test_set(bare, (4,), "float32", 1000, seed=3) for _ in range(2))
    assert first.labels is None
    assert first.quality(first.inputs) is None
    assert np.array_equal(first.inputs, again.inputs)


def test_test_sets_that_do_not_fit_are_refused(source, tmp_path):
    with pytest.raises(Refused, match=r"has inputs of shape \(4,\), the model takes \(8, 8, 1\)"):
        load_test_set(source, (8, 8, 1), "float32", None, 0)
    (tmp_path / "bad.npz").write_bytes(b"nonsense")
    with pytest.raises(Refused, match=r"cannot be read"):
        load_test_set(replace(source, test_set=tmp_path / "bad.npz"), (4,), "float32", None, 0)


@pytest.mark.parametrize(
    ("labels", "outputs", "accuracy"),
    [
        ([0, 2], [[0.9, 0.0, 0.1], [0.1, 0.0, 0.9]], 1.0),
        ([[1, 0], [1, 0]], [[0.9, 0.1], [0.1, 0.9]], 0.5),
        ([[0], [1]], [[0.2], [0.7]], 1.0),
        ([0, 1], [[-2.0], [0.3]], 1.0),
    ],
    ids=["classes", "one-hot", "probability", "logit"],
)
def test_accuracy(labels, outputs, accuracy):
    test_set = TestSet(np.zeros((2, 1)), np.array(labels), "classification", np.zeros((1, 1)), "")
    assert test_set.quality(np.array(outputs)) == accuracy


def test_a_regression_has_an_error_instead():
    test_set = TestSet(np.zeros((2, 1)), np.array([1.0, 2.0]), "regression", np.zeros((1, 1)), "")
    assert test_set.quality(np.array([[1.5], [2.0]])) == 0.25
    assert test_set.measure_of_quality == "mean absolute error"


@pytest.mark.parametrize(
    ("wrong", "field_name", "problem"),
    [
        ({"ways": ["litert_int4"]}, "ways", r"'litert_int4' is not one of .*\(did you mean litert_int8\?\)"),
        ({"ways": []}, "ways", "is empty"),
        ({"ways": ["onnx", "onnx"]}, "ways", "something twice"),
        ({"batch_sizes": [0]}, "batch_sizes", "0 is not a whole number"),
        ({"clients": [1000]}, "clients", "1000 is not a whole number"),
        ({"seconds": 0.0}, "seconds", "not a number of at least 0.01"),
        ({"examples": 0}, "examples", "not a number of at least 1"),
        ({"source": " "}, "source", "is empty"),
        ({"seed": -1}, "seed", "is not a seed"),
    ],
)
def test_wrong_fields(wrong, field_name, problem):
    with pytest.raises(InvalidField, match=problem) as raised:
        Deployment(**wrong)
    assert raised.value.field == field_name
