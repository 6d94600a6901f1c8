"""The experiment ``training``."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import ClassVar

from experiments.experiment import Choice, Experiment, Refused, Tolerance
from experiments.job_result import JobResult
from experiments.networks.data import Data
from experiments.networks.datasets import DATASETS
from experiments.networks.models import MODELS
from experiments.networks.optimizers import OPTIMIZERS
from experiments.recorder import Recorder
from experiments.runtime.device import current, scope
from experiments.runtime.memory import peak_bytes
from experiments.runtime.modes import SIGNIFICAND_BITS
from experiments.training.answer import TrainingAnswer
from experiments.training.artifacts import hand_over
from experiments.training.baselines import baselines
from experiments.training.callbacks import CALLBACKS
from experiments.training.checkpoint import FOLDER, Checkpoint, newest, path_of
from experiments.training.class_scores import METRICS
from experiments.training.comparison import compare
from experiments.training.history import BEST_ACCURACY, BEST_LOSS, BEST_RMSE, EpochRow
from experiments.training.losses import LOSSES
from experiments.training.report import (
    in_words,
    record_best,
    record_epoch,
    record_figures,
    record_further_scores,
    record_test,
)
from experiments.training.rounding import accepted_rounding
from experiments.training.session import EXECUTION, Session
from experiments.training.settings import TrainingSettings

LOSS, ACCURACY = 1e-4, 0.005
"""How far apart losses, as a share, and accuracies of two runs of one config may be.

On one machine's CPU they are the same, bit for bit. The executions of one network learn the same up to this rounding of
the loss, and an accuracy may then differ by single examples.
"""


@dataclass
class Training(TrainingSettings, Experiment):
    """A network learns a dataset: its loss and accuracy epoch by epoch, and what it gets wrong in the end."""

    name: ClassVar[str] = "training"
    version: ClassVar[int] = 3
    named_after: ClassVar[tuple[str, ...]] = ("model", "dataset")
    headline: ClassVar[tuple[str, ...]] = (
        BEST_ACCURACY,
        BEST_RMSE,
        BEST_LOSS,
        "test/accuracy",
        "test/rmse",
        "throughput/examples_per_s",
    )
    imports: ClassVar[tuple[str, ...]] = (
        "keras",
        "sklearn.datasets",
        "sklearn.linear_model",
        "sklearn.model_selection",
    )
    goes_on_from: ClassVar[str] = FOLDER
    leaves_models: ClassVar[bool] = True
    settles: ClassVar[tuple[str, ...]] = (EXECUTION,)
    foretold: ClassVar[Mapping[str, str]] = {
        BEST_LOSS: "val/loss",
        BEST_ACCURACY: "val/accuracy",
        **{name: name for name in ("val/loss", "val/accuracy", "train/loss", "train/accuracy")},
    }
    choices: ClassVar[Mapping[str, Sequence[type[Choice]]]] = {
        "model": MODELS,
        "dataset": DATASETS,
        "optimizer": OPTIMIZERS,
        "loss": LOSSES,
        "callback": CALLBACKS,
    }

    @property
    def registers_models(self) -> bool:
        return self.name_in_registry is not None

    def run(self, recorder: Recorder) -> None:
        recorder.progress("data", 0.0, self.dataset.name)
        data = self.dataset.load(self.seed)
        self._require_fitting(data)
        recorder.dataset(replace(data.facts, name=self.dataset.title))
        recorder.progress("data", 1.0, in_words(data))
        with scope():
            session = Session(self, data, _earlier(recorder))
            session.prepare(recorder)
            recorder.metric("model/parameters", session.parameters)
            answer = TrainingAnswer(self, data, current().actual, session.history)
            answer.rounding = accepted_rounding(self.precision)
            try:
                for row in self._epochs(session, recorder):
                    recorder.progress(f"epoch {row.epoch}", row.epoch / self.epochs, answer.epoch_in_words(row))
                session.restore_best()
                record_best(session.history, recorder)
                if self.metrics or data.task == "regression":
                    record_further_scores(answer, session.outputs(data.validation), recorder)
                answer.baselines = baselines(data)
                answer.test = session.test()
                record_test(answer, recorder)
                recorder.metric("memory/peak_mb", peak_bytes() / 1e6)
                recorder.progress("test", 1.0, answer.test_in_words())
                hand_over(session.model, answer, recorder)
            finally:
                recorder.table("results", answer.rows())
                recorder.note(answer.note())
            recorder.measured()
            record_figures(answer, recorder)

    def most_steps(self) -> int:
        return self.epochs

    @classmethod
    def tolerances(cls, config: Mapping[str, object]) -> Mapping[str, Tolerance]:
        """Allow losses :data:`LOSS`, or one rounding of the numbers that are multiplied where that is more."""
        bits = SIGNIFICAND_BITS.get(str(config.get("experiment.precision")).removeprefix("mixed_"), 24)
        loss = max(LOSS, 2.0**-bits)
        accuracy = Tolerance(absolute=ACCURACY)
        return {
            "*/loss": Tolerance(relative=loss),
            "*/accuracy": accuracy,
            **dict.fromkeys([f"{part}{name}" for part in ("test/", "best/val_") for name in METRICS], accuracy),
            BEST_LOSS: Tolerance(relative=loss),
            BEST_ACCURACY: accuracy,
            "baseline/*_accuracy": accuracy,
            "baseline/*_rmse": Tolerance(relative=LOSS),
            "test/rmse": Tolerance(relative=loss),
            "test/r2": Tolerance(absolute=loss),
        }

    @classmethod
    def compare(cls, members: Sequence[JobResult], recorder: Recorder) -> None:
        compare(members, recorder)

    def _epochs(self, session: Session, recorder: Recorder) -> Iterator[EpochRow]:
        """Train, record and yield one epoch after the other, until all are done or patience is over."""
        for row in session.history.rows:  # those of the run that is resumed
            record_epoch(row, recorder)
        while session.epoch < self.epochs and not (
            session.history.is_patience_over(self.patience) or session.callbacks.want_to_stop
        ):
            row = session.train_epoch()
            if not (math.isfinite(row.train_loss) and math.isfinite(row.val_loss)):
                raise Refused(
                    f"the loss is no longer a finite number in epoch {row.epoch}: training has diverged; "
                    f"lower experiment.optimizer.learning_rate ({self.optimizer.learning_rate:g})"
                )
            record_epoch(row, recorder)
            if self.checkpoint_every and session.epoch % self.checkpoint_every == 0:
                recorder.file(path_of(session.epoch // self.checkpoint_every), session.checkpoint().to_bytes())
            yield row

    def _require_fitting(self, data: Data) -> None:
        """Raises Refused if a batch is larger than the training set, or a setting is not for such data."""
        if data.task == "regression":
            self._require_no_classes(data)
        if self.augmentation.is_on and not data.is_image:
            raise Refused(f"experiment.augmentation changes images, but {data.name} has none; leave it out")
        examples = len(data.train.y)
        if self.batch_size > examples:
            raise Refused(
                f"experiment.batch_size={self.batch_size} is more than the {examples} examples to train with; lower it"
            )

    def _require_no_classes(self, data: Data) -> None:
        asked = {
            "label_smoothing": bool(self.label_smoothing),
            "class_weights": self.class_weights != "none",
            "metrics": bool(self.metrics),
        }
        if wrong := [f"experiment.{name}" for name, is_asked in asked.items() if is_asked]:
            raise Refused(f"{wrong[0]} is for classes, but {data.name} is a regression; leave it out")


def _earlier(recorder: Recorder) -> Checkpoint | None:
    """Return the newest checkpoint of the unfinished run that this one resumes; None if it begins anew."""
    folder = recorder.earlier()
    return newest(folder) if folder else None
