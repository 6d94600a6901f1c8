"""A deployment where TensorFlow cannot be imported: its settings, its test set, and the answer to made-up figures."""

from __future__ import annotations

import io
import re
import sys
import threading
import time
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from experiments.deployment import Deployment
from experiments.deployment.answer import DeploymentAnswer
from experiments.deployment.backend_result import BackendResult, ProcessResult
from experiments.deployment.backends import BACKENDS, BackendFailed, InputSpec
from experiments.deployment.load import Latency, Throughput, latency, throughput
from experiments.deployment.original import Original
from experiments.deployment.plots import latency_figure
from experiments.deployment.scoring import Classes, Scoring, Targets, scoring_of
from experiments.deployment.settings import DeploymentSettings
from experiments.deployment.test_set import TestSet, load_test_set
from experiments.deployment.words import size
from experiments.experiment import Refused
from experiments.recorder import Source
from experiments.runtime import device
from experiments.series.levels import levels_of
from experiments.validators import InvalidField
from tests.waiting import PATIENCE

Figures = tuple[int, float, float, float | None]
"""Size in bytes, median latency in milliseconds, largest difference, accuracy."""

FOUR = InputSpec((4,), "float32")

CLASSES = Classes(np.zeros(120, int))

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


def _answer(
    source: Source,
    figures: Mapping[str, Figures],
    scoring: Scoring | None = CLASSES,
    processes: int = 3,
    noise: float = 0.01,
) -> DeploymentAnswer:
    """The answer to these figures, with starts of a second. Processes are off by about ``noise``, means not."""
    results, generator = list[BackendResult](), np.random.default_rng(0)
    for name, (count, ms, far, quality) in figures.items():
        results.append(result := BackendResult(BACKENDS[name], count, far, quality))
        deviations = generator.normal(scale=noise, size=(processes, 3))
        for number, (start, call, rate) in enumerate(np.exp(deviations - deviations.mean(axis=0)).tolist()):
            result.processes[number] = ProcessResult(
                start,
                Latency(ms * call, 2 * ms * call, 3 * ms * call, 100, (ms * call / 1e3,)),
                {(1, 1): Throughput(1, 1, ms * rate), (8, 4): Throughput(8, 20, 8 * ms * rate)},
            )
    return DeploymentAnswer(DeploymentSettings(), _original(source, scoring), results, {}, "GPU:1 (Imaginary X1)")


def _original(source: Source, scoring: Scoring | None) -> Original:
    """An original with an accuracy of 90 %, or a mean absolute error of 2."""
    inputs = np.zeros((120, 4), np.float32)
    test_set = TestSet("", inputs, np.arange(120), None, "", inputs, "100 training inputs")
    outputs = np.full(120, 2.0) if isinstance(scoring, Targets) else np.eye(2)[[0] * 108 + [1] * 12]
    return Original(source, 83, test_set, outputs, scoring)


def test_the_note_names_the_device_and_the_model(source):
    note = _answer(source, LABELLED).note()
    assert note.startswith("**tiny**, served on GPU:1 (Imaginary X1): 83 parameters, 120 test examples.\n\n")


def test_the_advice_names_the_best_of_those_as_good_as_the_original(source):
    answer = _answer(source, LABELLED)
    assert [answer.quality.is_as_good(result) for result in answer.results] == [True, True, False, True]
    for line in (
        "- one answer at a time, soon: **LiteRT float32**, 10 µs ± ",
        "- many examples: **LiteRT float32**, 2,000 a second ± ",
        "% in batches of 8 from 4 clients",
        "- little room: **LiteRT float32**, 5 kB; LiteRT int8 has 2 kB, but has 60.00% instead of the original's 90",
        "- for other programs, over HTTP: mlflow models serve needs 5 ms a call, 500 times (",
    ):
        assert line in answer.note()


def _line(answer: DeploymentAnswer, beginning: str) -> str:
    """The line of the note that begins so, without its beginning."""
    (line,) = [line for line in answer.note().splitlines() if line.startswith(f"- {beginning}: ")]
    return line.removeprefix(f"- {beginning}: ")


def test_what_cannot_be_told_apart_is_named_together(source):
    line = _line(_answer(source, LABELLED), "started for each request, up to the first answer")
    for title in ("Keras, eager", "LiteRT float32", "mlflow models serve"):
        assert f"**{title}** (" in line
    assert re.search(r", which cannot be told apart: experiment\.processes=\d+ may decide it$", line)


def test_what_is_the_same_is_said_to_be(source):
    line = _line(_answer(source, LABELLED, noise=1e-5), "started for each request, up to the first answer")
    assert line.endswith(", the same within 2%")


def test_a_lead_is_certain_where_processes_agree(source):
    quiet, noisy = (_answer(source, LABELLED, noise=noise) for noise in (0.01, 2.0))
    assert "cannot be told apart" not in _line(quiet, "one answer at a time, soon")
    assert "cannot be told apart" in _line(noisy, "one answer at a time, soon")


def test_a_single_process_allows_no_verdict(source):
    answer = _answer(source, LABELLED, processes=1)
    note = answer.note()
    for words in ("one answer at a time", "many examples", "times as long", "±"):
        assert words not in note
    assert "a single process each cannot tell: experiment.processes=3 compares them" in note
    assert "little room: **LiteRT float32**, 5 kB" in note
    assert {row["p50_ms_low"] for row in answer.rows()} == {None}


def test_a_process_that_failed_later_is_named(source):
    answer = _answer(source, LABELLED)
    del answer.results[0].processes[1]
    answer.results[0].failures[1] = "it died"
    assert "Process 2 of Keras, eager found nothing: it died." in answer.note()
    assert "what 2 to 3 processes found" in answer.note()
    assert [row["processes"] for row in answer.rows()] == [2, 3, 3, 3]


def test_raw_samples_carry_their_process(source):
    """``runner.compare`` reads them."""
    rows = [{name: str(cell) for name, cell in row.items()} for row in _answer(source, LABELLED).sample_rows()]
    levels = levels_of(rows)
    assert levels.columns == ("way", "call")
    assert levels.seconds["keras", "one example"].keys() == {0, 1, 2}
    assert levels.seconds["keras", "one example"][0] == pytest.approx(3e-3, rel=0.1)
    assert levels.seconds["keras", "batch 8, clients 4"][0] == pytest.approx(8 * 3.0 / 20, rel=0.1)


def test_without_labels_the_outputs_decide(source):
    figures: Mapping[str, Figures] = {"keras": (9000, 3.0, 0.0, None), "litert_int8": (2000, 0.02, 0.1, None)}
    answer = _answer(source, figures, scoring=None)
    assert [answer.quality.is_as_good(result) for result in answer.results] == [True, False]
    assert "LiteRT int8 has 2 kB, but differs by up to 1.0e-01" in answer.note()
    assert "There are no labels: as good as the original counts what differs by at most 0.0001" in answer.note()


def test_the_error_of_a_regression_may_grow_by_half_a_percent(source):
    figures: Mapping[str, Figures] = {
        "keras": (9000, 3.0, 0.0, 2.0),
        "litert_int8": (2000, 0.02, 0.1, 2.02),
        "onnx": (5000, 1.0, 0.1, 2.01),
    }
    answer = _answer(source, figures, Targets(np.zeros(120)))
    assert [answer.quality.is_as_good(result) for result in answer.results] == [True, False, True]
    assert "has 2.02 instead of the original's 2" in answer.note()


def test_rows_have_each_backend_measured_or_not(source):
    answer = replace(_answer(source, {"keras": LABELLED["keras"]}), not_measured={"onnx": "onnx not installed"})
    measured, missing = answer.rows()
    assert measured["way"] == "keras"
    assert measured["accuracy"] == 0.9
    assert measured["examples_per_s_batch_8_clients_4"] == pytest.approx(20 / 3)
    low, middle, high = (float(measured[name] or 0) for name in ("p50_ms_low", "p50_ms", "p50_ms_high"))
    assert 2.8 < low < middle < high < 3.2
    assert missing == {"way": "onnx", "status": "not measured: onnx not installed"}
    assert [row["examples_per_s"] for row in answer.throughput_rows()] == pytest.approx([1 / 3, 20 / 3])
    assert "Not measured: onnx - onnx not installed." in answer.note()


def test_a_single_backend_needs_no_advice(source):
    assert "Which to use when" not in _answer(source, {"keras": LABELLED["keras"]}).note()


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

    found = throughput(new_client, np.zeros((3, 2)), batch=8, clients=3, seconds=0.02)
    assert set(asked) == {8}
    assert (found.calls, found.seconds >= 0.02) == (len(asked) - 3, True)


def test_the_clock_of_throughput_starts_before_the_first_call_that_counts(monkeypatch):
    """Also where the thread that has started the clients gets its turn only after one."""
    clock, calls, has_answered = time.perf_counter, list[tuple[float, float]](), threading.Event()

    def late() -> float:
        if threading.current_thread() is threading.main_thread():
            assert has_answered.wait(PATIENCE)
        return clock()

    def client(inputs: Any) -> Any:
        began = clock()
        time.sleep(0.01)
        calls.append((began, clock()))
        if len(calls) == 2:  # the first one warms up
            has_answered.set()

    monkeypatch.setattr(time, "perf_counter", late)
    found = throughput(lambda: client, np.zeros((3, 2)), batch=8, clients=1, seconds=0.03)
    assert found.seconds >= calls[-1][1] - calls[1][0]


def test_percentiles_are_of_all_calls_and_samples_of_some():
    found = latency(lambda inputs: inputs, np.zeros((3, 2)), seconds=0.01)
    assert 0 < found.p50_ms <= found.p95_ms <= found.p99_ms
    assert (found.calls > 100, len(found.samples)) == (True, 100)


def test_a_test_set_is_cut_and_its_calibration_is_the_training_s(source, tmp_path):
    np.savez(tmp_path / "calibration.npz", x=np.ones((256, 4)))
    whole = Source("tiny", source.model, source.test_set, tmp_path / "calibration.npz")
    test_set = load_test_set(whole, FOUR, 50, seed=0)
    assert len(test_set.inputs) == 50
    assert (test_set.calibration.dtype, len(test_set.calibration)) == (np.float32, 100)
    assert test_set.calibrated_with == "100 training inputs"


def test_the_examples_of_a_test_set_are_drawn_from_all_of_it(source):
    """It may be sorted by class; or classes may take turns, so that each second example is of the same one."""
    for labels in (np.arange(2000) // 1000, np.arange(2000) % 2):
        np.savez(source.test_set, x=np.repeat(np.arange(2000.0)[:, None], 4, axis=1), y=labels)
        test_set, again = (load_test_set(source, FOUR, 1000, seed=0) for _ in range(2))
        scoring = test_set.scoring(np.eye(2)[labels[test_set.inputs[:, 0].astype(int)]])
        assert isinstance(scoring, Classes)
        assert scoring.quality(np.eye(2)[scoring.labels]) == 1.0
        assert np.bincount(scoring.labels) == pytest.approx([500, 500], abs=60)
        np.testing.assert_array_equal(test_set.inputs, again.inputs)
        assert len(np.unique(test_set.inputs[:, 0])) == 1000
        assert np.bincount(labels[test_set.calibration[:, 0].astype(int)]) == pytest.approx([50, 50], abs=20)
        assert test_set.calibrated_with == "100 inputs of the test set"


def test_clients_that_fail_are_heard():
    def fails(inputs: Any) -> Any:
        raise BackendFailed("no")

    with pytest.raises(BackendFailed, match="no"):
        throughput(lambda: fails, np.zeros((3, 2)), batch=8, clients=3, seconds=0.01)


def test_inputs_are_made_up_where_there_is_no_test_set(source):
    bare = replace(source, test_set=None)
    first, again = (load_test_set(bare, FOUR, 1000, seed=3) for _ in range(2))
    assert first.scoring(first.inputs) is None
    assert np.array_equal(first.inputs, again.inputs)


def _test_set(source: Source, taken: InputSpec = FOUR, **arrays: Any) -> TestSet:
    """The test set of these arrays, as it is given to a model that takes ``taken``."""
    assert source.test_set is not None
    np.savez(source.test_set, **({"x": np.zeros((6, 4))} | arrays))
    return load_test_set(source, taken, None, seed=0)


@pytest.mark.parametrize(
    ("taken", "arrays", "problem"),
    [
        (InputSpec((8, 8, 1), "float32"), {}, r"has inputs of shape \[4\], the model takes \[8, 8, 1\]"),
        (InputSpec((None, 3), "float32"), {"x": np.zeros((6, 5, 4))}, r"shape \[5, 4\], the model takes \[None, 3\]"),
        (FOUR, {"x": np.array([["a"] * 4])}, "has inputs of <U1, the model takes float32"),
        (InputSpec((1,), "int32"), {"x": np.array([[0.5]])}, "has the input 0.5, the model takes int32"),
        (FOUR, {"x": np.zeros((0, 4))}, "has no examples in an array 'x'"),
        (FOUR, {"y": np.zeros(5)}, "has 5 labels y for 6 examples x"),
        (FOUR, {"y": np.zeros(6), "task": "ranking"}, "has the task 'ranking': write 'classification' or 'regression'"),
    ],
)
def test_test_sets_that_do_not_fit_are_refused(source, taken, arrays, problem):
    with pytest.raises(Refused, match=rf"^test_set\.npz of tiny .*{problem}"):
        _test_set(source, taken, **arrays)


def _one_array() -> bytes:
    np.save(file := io.BytesIO(), np.zeros((6, 4)))
    return file.getvalue()


def _damaged() -> bytes:
    np.savez_compressed(file := io.BytesIO(), x=np.random.default_rng(0).normal(size=(6, 4)))
    content = bytearray(file.getvalue())
    content[60:120] = bytes(60)
    return bytes(content)


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b"nonsense", "is not a whole .npz file"),
        (_one_array(), "is a single array; numpy.savez writes several into one .npz file"),
        (_damaged(), "x is damaged"),
    ],
)
def test_a_test_set_that_cannot_be_read_is_refused(source, content, problem):
    source.test_set.write_bytes(content)
    with pytest.raises(Refused, match=rf"test_set\.npz: {problem}"):
        load_test_set(source, FOUR, None, seed=0)


def test_the_test_set_tells_the_size_of_a_model_of_any_size(source):
    any_size = InputSpec((None, None, 3), "float32")
    assert _test_set(source, any_size, x=np.zeros((6, 32, 32, 3))).inputs.shape == (6, 32, 32, 3)
    with pytest.raises(Refused, match=r"^tiny takes inputs of any size, \[None, None, 3\]: put a test_set\.npz"):
        load_test_set(replace(source, test_set=None), any_size, None, seed=0)


CERTAIN = np.eye(3)[[0, 1, 2, 0, 1, 2]]
"""Outputs of a model of three classes for six examples."""
PROBABILITIES, LOGITS = np.array([[0.1], [0.9]] * 3), np.array([[-2.0], [0.3]] * 3)


@pytest.mark.parametrize(
    ("labels", "outputs", "task", "measure", "quality"),
    [
        ([0, 1, 2, 0, 1, 1], CERTAIN, "", "accuracy", 5 / 6),
        ([0.0, 1.0, 2.0, 0.0, 1.0, 1.0], CERTAIN, "", "accuracy", 5 / 6),
        ([[0], [1], [2], [0], [1], [1]], CERTAIN, "classification", "accuracy", 5 / 6),
        (np.eye(3)[[0, 1, 2, 0, 1, 1]], CERTAIN, "", "accuracy", 5 / 6),
        (np.ones((6, 3)) - CERTAIN, CERTAIN, "", "accuracy", 0.0),
        ([0, 1, 0, 1, 0, 0], PROBABILITIES, "", "accuracy", 5 / 6),
        ([0, 1, 0, 1, 0, 0], LOGITS[:, 0], "", "accuracy", 5 / 6),
        ([[False], [True]] * 3, LOGITS, "classification", "accuracy", 1.0),
        ([1, 2, 3, 4, 5, 6], [[1.0], [2.0], [3.0], [4.0], [5.0], [9.0]], "", "mean absolute error", 0.5),
        ([0, 1, 0, 1, 0, 1], LOGITS, "regression", "mean absolute error", 1.35),
        ([0.5] * 6, PROBABILITIES, "", "mean absolute error", 0.4),
    ],
    ids=[
        "numbers",
        "whole",
        "column",
        "one-hot",
        "several",
        "probability",
        "logit",
        "booleans",
        "counts",
        "stated",
        "fractions",
    ],
)
def test_labels_are_held_against_outputs(labels, outputs, task, measure, quality):
    scoring = scoring_of(np.array(labels), SIX, np.array(outputs), task)
    assert scoring is not None
    assert scoring.measure == measure
    assert scoring.quality(np.array(outputs)) == pytest.approx(quality)


SIX = np.arange(6)


@pytest.mark.parametrize(
    ("labels", "outputs", "problem"),
    [
        (SIX % 3 + 1, CERTAIN, "run from 1 to 3, but the model's classes are 0 to 2: subtract 1 from each"),
        (SIX % 3 - 1, CERTAIN, "run from -1 to 1, but the model's classes are 0 to 2: add 1 to each"),
        (SIX % 2 * 2 - 1, CERTAIN[:, :2], "are -1 and 1, but the model's classes are 0 and 1: write the number"),
        (SIX, CERTAIN, "run from 0 to 5, but the model's classes are 0 to 2: write the number"),
        (SIX % 3 + 0.5, CERTAIN, "hold 0.5, but the model's classes are 0 to 2"),
        (SIX % 2 * 2 - 1, LOGITS, "are -1 and 1, but each output says yes or no: write 1 and 0; if they are"),
        (SIX % 2 + 1, PROBABILITIES, "are 1 and 2, but each output says yes or no: write 1 and 0"),
        (np.array(["bird", "cat"])[SIX % 2], CERTAIN, "hold 'bird', which is no number: write the number of each"),
        (np.array([b"bird", b"cat"])[SIX % 2], CERTAIN, "hold 'bird', which is no number: write the number of each"),
        (np.where(SIX == 4, np.nan, SIX), LOGITS, "hold NaN or infinity, first in example 4"),
        (np.zeros((6, 4)), CERTAIN, r"have the shape \[4\] an example, the outputs \[3\]"),
    ],
    ids=[
        "from-one",
        "from-minus-one",
        "signs",
        "beyond",
        "fraction",
        "hinge",
        "from-one-binary",
        "words",
        "bytes",
        "nan",
        "shape",
    ],
)
def test_labels_that_cannot_be_the_model_s_are_refused_with_what_to_do(labels, outputs, problem):
    with pytest.raises(Refused, match=f"^its labels y {problem}[^\n]*$"):
        scoring_of(labels, SIX, outputs, "")


def test_labels_beyond_the_examples_in_use_count_for_what_they_are():
    """Those in use may all be of one class."""
    with pytest.raises(Refused, match="subtract 1 from each"):
        scoring_of(np.array([1, 1, 2, 3]), np.arange(2), CERTAIN[:2], "")


def test_equals_are_named_together(source):
    figures: Mapping[str, Figures] = {"keras": (5000, 3.0, 0.0, 0.9), "onnx": (5004, 1.0, 0.0, 0.9)}
    assert _line(_answer(source, figures), "little room") == "**Keras, eager** and **ONNX**, 5 kB"


def test_a_remark_is_said_once_for_all_that_it_is_about(source):
    answer = _answer(source, LABELLED)
    for result in answer.results[1:3]:
        result.remark = "it is slow"
    assert "LiteRT float32, LiteRT int8: it is slow." in answer.note()


@pytest.mark.parametrize(
    ("wrong", "field_name", "problem"),
    [
        ({"ways": ["litert_int4"]}, "ways", r"'litert_int4' is not one of .*\(did you mean litert_int8\?\)"),
        ({"ways": []}, "ways", "is empty"),
        ({"ways": ["onnx", "onnx"]}, "ways", "something twice"),
        ({"batch_sizes": [0]}, "batch_sizes", "0 is not a whole number"),
        ({"clients": [1000]}, "clients", "1000 is not a whole number"),
        ({"processes": 0}, "processes", "not a number of at least 1"),
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
