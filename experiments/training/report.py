"""Recording: a training's findings go to the recorder as metrics and plots."""

from __future__ import annotations

from functools import partial

from experiments.networks.data import Data
from experiments.recorder import Recorder
from experiments.training.answer import TrainingAnswer
from experiments.training.history import EpochRow
from experiments.training.plots import confusion_figure, learning_figure, mistakes_figure, residuals_figure


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


def record_test(answer: TrainingAnswer, recorder: Recorder) -> None:
    """Record the metrics of the test set."""
    for name, value in answer.test_metrics().items():
        recorder.metric(name, value)


def record_figures(answer: TrainingAnswer, recorder: Recorder) -> None:
    """Draw and record the plots that fit the task; ``answer.test`` must be set."""
    recorder.figure("learning", partial(learning_figure, answer))
    if answer.data.task == "classification":
        recorder.figure("confusion", partial(confusion_figure, answer))
        if answer.data.is_image and answer.mistakes:
            recorder.figure("mistakes", partial(mistakes_figure, answer))
    else:
        recorder.figure("residuals", partial(residuals_figure, answer))


def in_words(data: Data) -> str:
    """Return the numbers of examples, and what may be wrong with them, as a line for the terminal."""
    parts = (data.train, data.validation, data.test)
    size = " + ".join(f"{len(part.y):,}" for part in parts) + " examples to train, validate and test"
    return "; ".join([size, *data.remarks])
