"""The results of a training and its note: how good the network is, what it confuses, how fast it learnt."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from experiments.networks.data import Data
from experiments.networks.standardisation import largest
from experiments.recorder import THIS_RUN, Cell, Row
from experiments.reporting.commands import command, override
from experiments.reporting.markdown import literal, markdown_table
from experiments.reporting.text import listed
from experiments.training.baselines import Baseline, baselines_in_words
from experiments.training.class_scores import class_scores, softmax
from experiments.training.execution import AUTO
from experiments.training.history import EpochRow, History
from experiments.training.regression_scores import RegressionScores, regression_scores
from experiments.training.session import HeldOutResult
from experiments.training.settings import TrainingSettings

MOST_CLASSES = 20
"""The note has a table of the classes up to this number of them."""

ROUNDING = 1e-3
"""The accepted difference where numbers are multiplied in full: some devices add in another order each time."""


UNEVEN = 1.2
"""From so many times its even share on, what the largest class alone would get is said."""


@dataclass(frozen=True)
class Mistake:
    """A test example that the network put into a wrong class."""

    example: int
    truth: int
    taken_for: int
    certainty: float
    """The probability that the network gave to the wrong class."""


@dataclass
class TrainingAnswer:
    """The results of a training; plots and test metrics need ``test``."""

    settings: TrainingSettings
    data: Data
    device: str
    """The device's name on this machine, such as ``GPU:0``."""
    history: History
    test: HeldOutResult | None = None
    """None until all epochs are done."""
    baselines: Sequence[Baseline] = ()
    """What simple answers get on the test set."""
    saved: list[Row] = field(default_factory=list)
    """One row per format: size, times, and whether it came back the same; empty if that is not checked."""
    is_handed_over: bool = False
    """Whether the recorder has the model and all its files."""
    rounding: float = ROUNDING
    """The accepted difference between a reloaded model's outputs and the original's, relative to the largest output."""
    store_words: Sequence[str] = ()
    """The words of a command that name the store that has it."""

    def rows(self) -> list[Row]:
        """Return the rows of results.csv, one per epoch."""
        return [asdict(row) for row in self.history.rows]

    @property
    def predicted(self) -> npt.NDArray[np.int64]:
        """The predicted classes of the test set: numbers [n]."""
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
        """The wrong test examples, those first of which the network was most certain."""
        assert self.test is not None
        probabilities = softmax(self.test.outputs)
        wrong = np.flatnonzero(self.predicted != self.data.test.y)
        found = [
            Mistake(int(n), int(self.data.test.y[n]), int(self.predicted[n]), float(probabilities[n].max()))
            for n in wrong
        ]
        return sorted(found, key=lambda mistake: -mistake.certainty)

    @property
    def accuracy(self) -> float:
        """The share of the test set that was put into its class."""
        return float(np.mean(self.predicted == self.data.test.y))

    @property
    def class_scores(self) -> dict[str, float]:
        """The further scores that were asked for, on the test set."""
        assert self.test is not None
        return class_scores(self.settings.metrics, self.data.test.y, self.test.outputs)

    @property
    def scores(self) -> RegressionScores:
        """The errors of a regression on the test set, in the targets' own unit."""
        assert self.test is not None
        return regression_scores(self.data.test.y, self.test.outputs[:, 0])

    def test_metrics(self) -> dict[str, float]:
        """Return loss and accuracy on the test set; for a regression loss, root mean square error and R².

        Those that are not finite, or have no meaning, are left out.
        """
        assert self.test is not None
        found: dict[str, float | None] = {"test/loss": self.test.loss}
        if self.data.task == "classification":
            found["test/accuracy"] = self.accuracy
            found |= {f"test/{name}": value for name, value in self.class_scores.items()}
        else:
            found |= {"test/rmse": self.scores.rmse, "test/r2": self.scores.r2}
        return {name: value for name, value in found.items() if value is not None and math.isfinite(value)}

    def epoch_in_words(self, row: EpochRow) -> str:
        """Return an epoch's validation and speed as a line for the terminal."""
        accuracy = "" if row.val_accuracy is None else f", accuracy {row.val_accuracy:.2%}"
        return f"validation loss {row.val_loss:.4g}{accuracy}, {row.examples_per_s:,.0f} examples/s"

    def test_in_words(self) -> str:
        """Return the metrics of the test set as a line for the terminal."""
        return ", ".join(f"{name.removeprefix('test/')} {value:.4g}" for name, value in self.test_metrics().items())

    def saved_in_words(self) -> str:
        """Return whether every bit came back the same, as a line for the terminal."""
        different = [str(row["format"]) for row in self.saved if not row["identical"]]
        return f"not the same: {', '.join(different)}" if different else "the same, bit for bit, in every format"

    def damage_in_words(self) -> str:
        """Return what is wrong with the first format that is lost or beyond rounding; empty if all are whole."""
        assert self.test is not None
        rounding = self.rounding * self._size_of_outputs()
        for row in self.saved:
            if problem := row["problem"] or _beyond(rounding, row["largest_difference"]):
                return f"saved as {row['format']} did not come back the same ({problem})"
        return ""

    def _size_of_outputs(self) -> float:
        """The largest logit, or 1 if that is larger; for a regression the same in the targets' deviations."""
        assert self.test is not None
        if self.data.task == "classification":
            return max(1.0, float(np.abs(self.test.outputs).max()))
        known = self.data.target_moments
        return float(max(1.0, largest(known.standardised(self.test.outputs))[0]) * known.unit[0])

    def note(self) -> str:
        """Return the run's description, in Markdown."""
        parts = [self._headline(), self._baselines(), *self.data.remarks, self._course(), self._speed()]
        if self.test is not None:
            parts += [self._classes(), self._saved(), self._input(), self._next()]
        return "\n\n".join(part for part in parts if part)

    def _headline(self) -> str:
        settings, data = self.settings, self.data
        what = f"{settings.model.name} on {literal(data.name)} ({settings.optimizer.name}, {self.device})"
        if self.test is None:
            return f"**{what}**: ended before its test."
        result = self._accuracy_in_words() if data.task == "classification" else self._scores_in_words()
        return f"**{what}: {result}.**"

    def _accuracy_in_words(self) -> str:
        truth = self.data.test.y
        wrong = int(np.sum(self.predicted != truth))
        result = f"{self.accuracy:.2%} of the test set right ({wrong} of {len(truth):,} wrong)"
        result += "".join(f", {name} {value:.4f}" for name, value in self.class_scores.items())
        most = int(np.argmax(np.bincount(self.data.train.y)))
        alone = float(np.mean(truth == most))
        if alone * len(self.data.class_names) < UNEVEN and alone < self.accuracy:
            return result
        return f"{result}; always answering {literal(self.data.class_names[most])} would get {alone:.2%}"

    def _baselines(self) -> str:
        if self.test is None:
            return ""
        is_classification = self.data.task == "classification"
        score = self.accuracy if is_classification else self.scores.rmse
        return baselines_in_words(self.baselines, score, is_classification)

    def _scores_in_words(self) -> str:
        scores = self.scores
        rmse = f"root mean square error {scores.rmse:.4g}"
        if scores.r2 is None:
            return f"{rmse} on the test set; R² has no meaning, as {scores.why_no_r2}"
        return f"{rmse}, R² {scores.r2:{'.3f' if scores.r2 > -1000 else '.3g'}} on the test set"

    def _course(self) -> str:
        history = self.history
        if not history.rows:
            return ""
        resumed = f" Went on after epoch {history.resumed_after}." if history.resumed_after else ""
        done, best = len(history.rows), history.best_epoch
        if not best:
            return f"{done} epochs, none with a finite loss."
        if self.test is None:
            return f"{done} of {self.settings.epochs} epochs, the best of them epoch {best}.{resumed}"
        callback = self.settings.callback.name
        is_cut_short = done < self.settings.epochs and callback != "none"
        ended = f"ended by callback={callback}" if is_cut_short else "all epochs done"
        if history.is_patience_over(self.settings.patience):
            ended = "no better after that"
        return (
            f"{done} epochs ({ended}); the weights are those of epoch {best}, which had the lowest validation "
            f"loss: {history.rows[best - 1].val_loss:.4g}.{resumed}"
        )

    def _speed(self) -> str:
        rate = self.history.examples_per_s
        if rate is None:
            return ""
        tried = "; ".join(f"{name}: {figures}" for name, figures in self.history.tried.items())
        why = f" (auto tried: {tried})" if tried else ""
        if self.settings.execution == AUTO and not tried and not self.history.streaming:
            why = " (settled by an earlier run of this question)"
        return f"{rate:,.0f} examples/s with execution={self.history.execution}{why}. {self.history.streaming}".rstrip()

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
        worst = [self.data.class_names[number] for number in np.flatnonzero(others == others.max())]
        return f"{listed(worst, 3)} ({others.max()}{' each' if len(worst) > 1 else ''})" if others.any() else "-"

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

    def _input(self) -> str:
        """Return how to call a model that takes float64; empty for others."""
        if self.data.train.x.dtype != np.float64:
            return ""
        return (
            "The model takes float64, as float32 does not keep these inputs apart: call `model(x)`. Keras' `predict` "
            "would round them to float32."
        )

    def _next(self) -> str:
        """Return how to serve the model, by a source that exists; empty if there is none."""
        if not self.is_handed_over:
            return ""
        if self.damage_in_words():
            return (
                "This model is not registered, as it did not come back the same. What was saved is kept with this run; "
                f"the run's id serves it all the same: `{self._served(THIS_RUN)}`"
            )
        return f"Serve it in every way there is, and compare: `{self._served(THIS_RUN)}`"

    def _served(self, source: str) -> str:
        """Return the command that serves a model of this run's store."""
        return command("experiment=deployment", override("experiment.source", source), *self.store_words)


def _beyond(rounding: float, difference: Cell) -> str:
    """Return what is wrong with outputs that differ by up to ``difference``; empty if that is rounding."""
    if difference is None or math.isnan(float(difference)):
        return "its outputs cannot be compared"
    return f"its outputs differ by up to {difference}" if float(difference) > rounding else ""


def _number(value: Any) -> str:
    return "-" if value is None else f"{float(value):.2g}"
