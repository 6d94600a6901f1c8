"""What an experiment hands over is checked where it does so, with the words of its own author."""

import math

import numpy as np
import pytest
from matplotlib.figure import Figure
from mlflow.exceptions import MlflowException
from mlflow.utils.validation import _validate_metric

from runner.execution.recording import RecordBuffer
from runner.messages import File, Note, Record
from runner.tracking.run_contents import RunContents

NAMES = [
    "loss",
    "time/median us",
    ".hidden",
    "a.b:c-d",
    "größe",
    "x" * 250,
    "x" * 251,
    "",
    "/",
    "/a",
    "a/",
    "a//b",
    "a/../b",
    "a/./b",
    ".",
    "..",
    "../a",
    "..a",
    "share %",
    "a\nb",
]


@pytest.mark.parametrize("name", NAMES)
def test_the_name_of_a_metric_is_refused_if_mlflow_would(name):
    """MLflow would do so much later, and it would look like a fault of the store."""
    assert _taken_by_us(name) == _taken_by_mlflow(name)


def _taken_by_us(name: str) -> bool:
    try:
        RecordBuffer().metric(name, 1.0)
    except ValueError:
        return False
    return True


def _taken_by_mlflow(name: str) -> bool:
    try:
        _validate_metric(name, 1.0, 0, 0)
    except MlflowException:
        return False
    return True


def fails() -> Figure:
    raise ZeroDivisionError("no | such figure")


def unreadable() -> Figure:
    figure = Figure()
    figure.text(0, 0, r"$\nonsense$")  # fails when it is drawn
    return figure


def last_note(records: list[Record]) -> str:
    return [record.markdown for record in records if isinstance(record, Note)][-1]


def files(records: list[Record]) -> dict[str, bytes]:
    return {record.path: record.content for record in records if isinstance(record, File)}


@pytest.mark.parametrize("figure", [fails, unreadable, unreadable()])
@pytest.mark.parametrize("is_noted_before", [True, False])
def test_a_figure_that_cannot_be_drawn_is_left_out_with_its_reason(figure, is_noted_before):
    recorder = RecordBuffer()
    if is_noted_before:
        recorder.note("the answer")
    recorder.figure("good", Figure)
    recorder.figure("none", lambda: None)
    recorder.figure("bad", figure)
    if not is_noted_before:
        recorder.note("the answer")
    records = recorder.rest()
    assert set(files(records)) == {"plots/good.png", "plots/good.svg", "plots/bad.txt"}
    assert b"Traceback" in files(records)["plots/bad.txt"]
    answer, remark = last_note(records).split("\n\n")
    assert answer == "the answer"
    assert remark.startswith("Not drawn: plots/bad.png (")
    assert remark.endswith("; plots/bad.txt).")
    assert ("ZeroDivisionError: no \\| such figure" if figure is fails else "ValueError: ") in remark


def test_ctrl_c_while_a_figure_is_drawn_is_no_failure_of_the_figure():
    def interrupted() -> Figure:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        RecordBuffer().figure("bad", interrupted)


def test_what_is_no_finite_number_is_named_once():
    recorder = RecordBuffer()
    for step in range(3):
        recorder.metric("loss", math.nan, step=step)
    recorder.metric("r2", -math.inf)
    recorder.metric("rmse", np.float32(2))
    recorder.note("the answer")
    assert last_note(recorder.rest()) == "the answer\n\nNot recorded, since no finite number: loss (nan) and r2 (-inf)."


def test_a_metric_without_a_last_value_needs_no_word():
    recorder = RecordBuffer()
    recorder.metric("time", 1.0, step=1)
    recorder.no_metric("time", step=2)
    recorder.note("the answer")
    contents = RunContents()
    contents.keep(recorder.rest())
    assert contents.note == "the answer"
    assert contents.not_finite() == ["time"]


def test_letters_without_a_font_are_named_once():
    recorder = RecordBuffer()
    for name in ("one", "two"):
        figure = Figure()
        figure.text(0, 0, "𒀀")
        recorder.figure(name, figure)
    records = recorder.rest()
    assert last_note(records).count("No font here has 𒀀: plots show boxes instead.") == 1
    assert sum(isinstance(record, Note) for record in records) == 1


def test_a_model_is_described_by_finite_numbers():
    recorder = RecordBuffer()
    x = np.zeros((1, 2))
    recorder.model("model", b"", x, x, metadata={"r2": -math.inf, "rmse": np.float64(1), "of": "x"})
    (record,) = recorder.rest()
    assert record.metadata == {"rmse": 1.0, "of": "x"}
