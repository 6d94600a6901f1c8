"""What a training says: how well the network does, what it mixes up, how fast it learnt."""

from __future__ import annotations

import shlex
import statistics
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from experiments.networks.data import Data
from experiments.recorder import Row
from experiments.reporting.markdown import markdown_table
from experiments.runtime.device import current
from experiments.training.checkpoint import EpochRow
from experiments.training.execution import AUTO

if TYPE_CHECKING:
    from experiments.training.experiment import Training
    from experiments.training.session import Session

MOST_CLASSES = 20
"""Of the table in the note."""


@dataclass(frozen=True)
class Test:
    """What the network makes of examples it has never seen."""

    __test__ = False  # pytest takes it for one of its own

    loss: float
    outputs: npt.NDArray[np.float32]
    """Logits [n, classes], or values [n, 1]."""


@dataclass(frozen=True)
class Mistake:
    """One test example that was taken for something else."""

    example: int
    truth: int
    taken_for: int
    certainty: float
    """The probability that the network gave to its wrong answer."""


class TrainingAnswer:
    """A training's results, complete once ``test`` is set."""

    def __init__(self, training: Training, data: Data, session: Session) -> None:
        self.training, self.data, self.session = training, data, session
        self.test: Test | None = None
        self.saved: list[Row] = []
        """How the model was saved, and whether it came back the same."""

    def rows(self) -> list[Row]:
        """results.csv: one row an epoch."""
        return [asdict(row) for row in self.session.history]

    @property
    def predicted(self) -> npt.NDArray[np.int64]:
        """Class numbers [n]."""
        assert self.test is not None
        classes: npt.NDArray[np.int64] = np.argmax(self.test.outputs, axis=1)
        return classes

    @property
    def confusion(self) -> npt.NDArray[np.int64]:
        """Counts [true class, predicted class]."""
        classes = len(self.data.class_names)
        counts = np.zeros((classes, classes), dtype=np.int64)
        np.add.at(counts, (self.data.test.y, self.predicted), 1)
        return counts

    @property
    def mistakes(self) -> list[Mistake]:
        """The worst first: those that the network was most certain of."""
        assert self.test is not None
        shifted = np.exp(self.test.outputs - self.test.outputs.max(axis=1, keepdims=True))
        probabilities = shifted / shifted.sum(axis=1, keepdims=True)
        wrong = np.flatnonzero(self.predicted != self.data.test.y)
        found = [
            Mistake(int(n), int(self.data.test.y[n]), int(self.predicted[n]), float(probabilities[n].max()))
            for n in wrong
        ]
        return sorted(found, key=lambda mistake: -mistake.certainty)

    def test_metrics(self) -> dict[str, float]:
        """Metrics of the test set; for a regression the root mean square error and the coefficient R^2."""
        assert self.test is not None
        found = {"test/loss": self.test.loss}
        truth = self.data.test.y
        if self.data.task == "classification":
            found["test/accuracy"] = float(np.mean(self.predicted == truth))
        else:
            errors = self.test.outputs[:, 0].astype(np.float64) - truth
            found["test/rmse"] = float(np.sqrt(np.mean(errors**2)))
            found["test/r2"] = float(1 - np.sum(errors**2) / np.sum((truth - np.mean(truth)) ** 2))
        return found

    def epoch_in_words(self, row: EpochRow) -> str:
        """One epoch in a line of the terminal."""
        accuracy = "" if row.val_accuracy is None else f", accuracy {row.val_accuracy:.2%}"
        return f"validation loss {row.val_loss:.4g}{accuracy}, {row.examples_per_s:,.0f} examples/s"

    def test_in_words(self) -> str:
        return ", ".join(f"{name.removeprefix('test/')} {value:.4g}" for name, value in self.test_metrics().items())

    def saved_in_words(self) -> str:
        """Whether the saved model came back the same."""
        different = [str(row["format"]) for row in self.saved if not row["identical"]]
        return f"not the same: {', '.join(different)}" if different else "the same, bit for bit, in every format"

    def note(self) -> str:
        """The run's description."""
        parts = [self._headline(), self._course(), self._speed()]
        if self.test is not None:
            parts += [self._classes(), self._saved(), self._next()]
        return "\n\n".join(part for part in parts if part)

    def _headline(self) -> str:
        training, data = self.training, self.data
        what = f"{training.model.name} on {data.name} ({training.optimizer.name}, {current().actual})"
        if self.test is None:
            return f"**{what}**: ended before its test."
        metrics = self.test_metrics()
        if data.task == "classification":
            wrong = int(np.sum(self.predicted != data.test.y))
            result = f"{metrics['test/accuracy']:.2%} of the test set right ({wrong} of {len(data.test.y):,} wrong)"
        else:
            result = f"root mean square error {metrics['test/rmse']:.4g}, R² {metrics['test/r2']:.3f} on the test set"
        return f"**{what}: {result}.**"

    def _course(self) -> str:
        history = self.session.history
        if not history:
            return ""
        best = self.session.best_epoch
        went_on = f" Went on after epoch {self.session.went_on_from}." if self.session.went_on_from else ""
        if not best:
            return f"{len(history)} epochs, none with a finite loss."
        chosen = history[best - 1]
        if self.test is None:
            return f"{len(history)} of {self.training.epochs} epochs, the best of them epoch {best}.{went_on}"
        ended = "no better after that" if self.session.is_patience_over else "all epochs done"
        return (
            f"{len(history)} epochs ({ended}); the weights are those of epoch {best}, which had the lowest validation "
            f"loss: {self.epoch_in_words(chosen).split(', ')[0].removeprefix('validation loss ')}.{went_on}"
        )

    def _speed(self) -> str:
        rates = [row.examples_per_s for row in self.session.history[1:]] or [
            row.examples_per_s for row in self.session.history
        ]
        if not rates:
            return ""
        tried = "; ".join(f"{name}: {figures}" for name, figures in self.session.tried.items())
        execution = f"execution={self.session.execution_name}"
        why = f" (auto tried: {tried})" if tried else ""
        if self.training.execution == AUTO and not tried:
            why = " (settled by an earlier run of this question)"
        return f"{statistics.median(rates):,.0f} examples/s with {execution}{why}."

    def _classes(self) -> str:
        if self.data.task != "classification" or len(self.data.class_names) > MOST_CLASSES:
            return ""
        confusion = self.confusion
        rows = []
        for number, name in enumerate(self.data.class_names):
            right, true, said = confusion[number, number], confusion[number].sum(), confusion[:, number].sum()
            rows.append(
                {
                    "class": name,
                    "examples": f"{true}",
                    "recall": f"{right / true:.3f}" if true else "-",
                    "precision": f"{right / said:.3f}" if said else "-",
                    "most often taken for": self._taken_for(confusion[number], number),
                }
            )
        return markdown_table(rows)

    def _taken_for(self, counts: npt.NDArray[np.int64], itself: int) -> str:
        others = np.where(np.arange(len(counts)) == itself, 0, counts)
        worst = int(others.argmax())
        return f"{self.data.class_names[worst]} ({others[worst]})" if others[worst] else "-"

    def _saved(self) -> str:
        if not self.saved:
            return ""
        rows: list[Mapping[str, str]] = [
            {
                "saved as": str(row["format"]),
                "bytes": f"{row['bytes']:,}",
                "reloaded in a fresh process": "the same, bit for bit"
                if row["identical"]
                else str(row["problem"] or f"differs by up to {_number(row['largest_difference'])}"),
            }
            for row in self.saved
        ]
        return markdown_table(rows)

    def _next(self) -> str:
        """What to do with the model."""
        name = self.training.name_in_registry
        source = f" {shlex.quote(f'experiment.source=models:/{name}')}" if name else ""
        return f"Serve it in every way there is, and compare: `python -m runner experiment=deployment{source}`"


def _number(value: Any) -> str:
    return "-" if value is None else f"{float(value):.2g}"
