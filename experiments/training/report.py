"""Recording: a training's findings go to the recorder as metrics and plots."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy.typing as npt

from experiments.networks.data import Data
from experiments.recorder import Recorder
from experiments.training.answer import TrainingAnswer
from experiments.training.class_scores import class_scores, softmax
from experiments.training.curves import curves
from experiments.training.history import BEST_ACCURACY, BEST_LOSS, BEST_RMSE, EpochRow, History
from experiments.training.plots import (
    confusion_figure,
    curves_figure,
    learning_figure,
    mistakes_figure,
    residuals_figure,
)
from experiments.training.regression_scores import regression_scores


def record_epoch(row: EpochRow, recorder: Recorder) -> None:
    """Record an epoch's metrics with step = epoch; a regression has no accuracies."""
    metrics = {
        "train/loss": row.train_loss,
        "train/accuracy": row.train_accuracy,
        "val/loss": row.val_loss,
        "val/accuracy": row.val_accuracy,
        "throughput/examples_per_s": row.examples_per_s,
    }
    for name, value in metrics.items():
        if value is not None:
            recorder.metric(name, value, step=row.epoch)


def record_best(history: History, recorder: Recorder) -> None:
    """Record the validation of the kept weights: what settings are compared by, as the test set must not choose."""
    if kept := history.best:
        recorder.metric(BEST_LOSS, kept.val_loss)
        if kept.val_accuracy is not None:
            recorder.metric(BEST_ACCURACY, kept.val_accuracy)


def record_further_scores(answer: TrainingAnswer, outputs: npt.NDArray[Any], recorder: Recorder) -> None:
    """Record what the loss does not say of the validation examples, given the saved model's outputs for them.

    That is the root mean squared error of a regression, whatever its loss, and of a classifier what was asked for.
    """
    if answer.data.task == "regression":
        recorder.metric(BEST_RMSE, regression_scores(answer.data.validation.y, outputs[:, 0]).rmse)
        return
    for name, value in class_scores(answer.settings.metrics, answer.data.validation.y, outputs).items():
        recorder.metric(f"best/val_{name}", value)


def record_test(answer: TrainingAnswer, recorder: Recorder) -> None:
    """Record the metrics of the test set, and beside them what simple answers get."""
    for name, value in answer.test_metrics().items():
        recorder.metric(name, value)
    for baseline in answer.baselines:
        recorder.metric(f"baseline/{baseline.name}", baseline.score)


def record_figures(answer: TrainingAnswer, recorder: Recorder) -> None:
    """Draw and record the plots that fit the task; ``answer.test`` must be set."""
    recorder.figure("learning", partial(learning_figure, answer))
    if answer.data.task == "classification":
        recorder.figure("confusion", partial(confusion_figure, answer))
        _record_curves(answer, recorder)
        if answer.data.is_image and answer.mistakes:
            recorder.figure("mistakes", partial(mistakes_figure, answer))
    else:
        recorder.figure("residuals", partial(residuals_figure, answer))


def _record_curves(answer: TrainingAnswer, recorder: Recorder) -> None:
    assert answer.test is not None
    found = curves(answer.data.test.y, softmax(answer.test.outputs), answer.data.class_names)
    recorder.table("curves", [row for curve in found for row in curve.rows()])
    recorder.figure("curves", partial(curves_figure, answer, found))


def in_words(data: Data) -> str:
    """Return the numbers of examples, and what may be wrong with them, as a line for the terminal."""
    parts = (data.train, data.validation, data.test)
    size = " + ".join(f"{len(part.y):,}" for part in parts) + " examples to train, validate and test."
    return " ".join([size, *data.remarks])
