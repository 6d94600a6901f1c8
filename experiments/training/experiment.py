"""The experiment ``training``."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from experiments.experiment import Choice, Experiment, Refused
from experiments.job_result import JobResult
from experiments.networks.data import Data
from experiments.networks.datasets import DATASETS, Dataset
from experiments.networks.models import MODELS, Model
from experiments.networks.optimizers import OPTIMIZERS, Optimizer
from experiments.recorder import REGISTERED_NAME, Recorder
from experiments.runtime.device import scope
from experiments.training.answer import TrainingAnswer
from experiments.training.artifacts import hand_over
from experiments.training.checkpoint import FOLDER, Checkpoint, newest, path_of
from experiments.training.comparison import compare
from experiments.training.execution import EXECUTIONS
from experiments.training.plots import confusion_figure, learning_figure, mistakes_figure, residuals_figure
from experiments.training.precision import PRECISIONS
from experiments.training.session import EXECUTION, Session
from experiments.validators import InvalidField, require_at_least, require_choice, require_seed

if TYPE_CHECKING:
    from experiments.training.checkpoint import EpochRow


@dataclass
class Training(Experiment):
    """A network learns a dataset: its loss and accuracy epoch by epoch, and what it gets wrong in the end."""

    name: ClassVar[str] = "training"
    version: ClassVar[int] = 2
    headline: ClassVar[tuple[str, ...]] = ("test/accuracy", "test/loss", "throughput/examples_per_s")
    imports: ClassVar[tuple[str, ...]] = (
        "keras",
        "sklearn.datasets",
        "sklearn.model_selection",
        "sklearn.preprocessing",
    )
    goes_on_from: ClassVar[str] = FOLDER
    leaves_models: ClassVar[bool] = True
    settles: ClassVar[tuple[str, ...]] = (EXECUTION,)
    choices: ClassVar[Mapping[str, Sequence[type[Choice]]]] = {
        "model": MODELS,
        "dataset": DATASETS,
        "optimizer": OPTIMIZERS,
    }

    model: Model
    dataset: Dataset
    optimizer: Optimizer
    epochs: int = 30
    batch_size: int = 64
    execution: str = "auto"
    precision: str = "float32"
    replicas: int = 1
    patience: int | None = 10
    checkpoint_every: int = 1
    registered_name: str | None = "auto"
    check_saved: bool = True
    seed: int = 0

    def __post_init__(self) -> None:
        require_choice(self, "execution", EXECUTIONS)
        require_choice(self, "precision", PRECISIONS)
        for name in ("epochs", "batch_size", "replicas"):
            require_at_least(self, name, 1)
        require_at_least(self, "patience", 1)
        require_at_least(self, "checkpoint_every", 0)
        if self.registered_name is not None and not REGISTERED_NAME.fullmatch(self.registered_name):
            raise InvalidField(
                self, "registered_name", f"{self.registered_name!r} has more in it than letters, digits, blanks and _-."
            )
        require_seed(self)

    @property
    def name_in_registry(self) -> str | None:
        """``DATASET-MODEL`` unless another name was given; None if the model is not to be registered."""
        return f"{self.dataset.name}-{self.model.name}" if self.registered_name == "auto" else self.registered_name

    def run(self, recorder: Recorder) -> None:
        recorder.progress("data", 0.0, self.dataset.name)
        data = self.dataset.load(self.seed)
        self._require_fitting(data)
        recorder.progress("data", 1.0, _sizes(data))
        with scope():
            session = Session(self, data, _earlier(recorder))
            session.prepare(recorder)
            answer = TrainingAnswer(self, data, session)
            try:
                for row in self._epochs(session, recorder):
                    recorder.progress(f"epoch {row.epoch}", row.epoch / self.epochs, answer.epoch_in_words(row))
                session.restore_best()
                answer.test = session.test()
                _record_test(answer, recorder)
                recorder.progress("test", 1.0, answer.test_in_words())
                hand_over(self, session, answer, recorder)
            finally:
                recorder.table("results", answer.rows())
                recorder.note(answer.note())
            recorder.measured()
            self._draw(answer, recorder)

    @classmethod
    def compare(cls, members: Sequence[JobResult], recorder: Recorder) -> None:
        compare(members, recorder)

    def _epochs(self, session: Session, recorder: Recorder) -> Iterator[EpochRow]:
        """Epoch by epoch, until there are no more or nothing gets better."""
        for row in session.history:  # of an earlier run that this one goes on with
            _record_epoch(row, recorder)
        while session.epoch < self.epochs and not session.is_patience_over:
            row = session.train_epoch()
            if not (math.isfinite(row.train_loss) and math.isfinite(row.val_loss)):
                raise Refused(
                    f"the loss is no longer a finite number in epoch {row.epoch}: training has diverged; "
                    f"lower experiment.optimizer.learning_rate ({self.optimizer.learning_rate:g})"
                )
            _record_epoch(row, recorder)
            if self.checkpoint_every and session.epoch % self.checkpoint_every == 0:
                recorder.file(path_of(session.epoch // self.checkpoint_every), session.checkpoint().to_bytes())
            yield row

    def _require_fitting(self, data: Data) -> None:
        examples = len(data.train.y)
        if self.batch_size > examples:
            raise Refused(
                f"experiment.batch_size={self.batch_size} is more than the {examples} examples to train with; lower it"
            )

    def _draw(self, answer: TrainingAnswer, recorder: Recorder) -> None:
        recorder.figure("learning", learning_figure(answer))
        if answer.data.task == "classification":
            recorder.figure("confusion", confusion_figure(answer))
            if answer.data.is_image and answer.mistakes:
                recorder.figure("mistakes", mistakes_figure(answer))
        else:
            recorder.figure("residuals", residuals_figure(answer))


def _earlier(recorder: Recorder) -> Checkpoint | None:
    """Where an unfinished run of the same question was, if this one is to go on with it."""
    folder = recorder.earlier()
    return newest(folder) if folder else None


def _record_epoch(row: EpochRow, recorder: Recorder) -> None:
    metrics: dict[str, Any] = {
        "train/loss": row.train_loss,
        "train/accuracy": row.train_accuracy,
        "val/loss": row.val_loss,
        "val/accuracy": row.val_accuracy,
        "throughput/examples_per_s": row.examples_per_s,
    }
    for name, value in metrics.items():
        if value is not None:
            recorder.metric(name, value, step=row.epoch)


def _record_test(answer: TrainingAnswer, recorder: Recorder) -> None:
    for name, value in answer.test_metrics().items():
        recorder.metric(name, value)


def _sizes(data: Data) -> str:
    parts = (data.train, data.validation, data.test)
    return " + ".join(f"{len(part.y):,}" for part in parts) + " examples to train, validate and test"
