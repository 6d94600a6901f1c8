"""The plots of a training."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from experiments.reporting.figures import BLUE, GREY, ORANGE, dress, label, name_ticks, no_minor_ticks
from experiments.reporting.labels import Labels
from experiments.training.answer import TrainingAnswer
from experiments.training.curve_figure import curve_figure
from experiments.training.curves import Curve

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

MOST_MISTAKES, COLUMNS = 24, 8
"""Images in the plot of mistakes, and how many of them stand side by side."""

HEADER_INCHES, ROW_INCHES, PICTURE_INCHES = 0.4, 1.45, 1.12

COLOURS = 3
"""The number of channels that are shown as red, green and blue."""

MOST_NUMBERS = 12
"""The confusion matrix shows its counts up to this number of classes."""

MOST_NAMES = 40
"""The confusion matrix shows the names of the classes up to this number of them."""

LONGEST_NAME, LONGEST_ABOVE, LONGEST_DATASET = 16, 13, 30
"""Letters of the name of a class beside the confusion matrix and above a mistake, and of a dataset."""

MOST_OUTLINES = 2000
"""More points than these would make a file of megabytes of an SVG."""

LETTERS_ABOVE = 17
"""Letters that stand above a mistake on one line."""


def learning_figure(answer: TrainingAnswer) -> Figure:
    """Plot loss and accuracy (of a regression, the loss alone) against the epoch, and mark the best epoch."""
    from matplotlib.figure import Figure

    history = answer.history.rows
    has_accuracy = answer.data.task == "classification"
    figure = Figure(figsize=(10 if has_accuracy else 6.5, 4.5), dpi=120)
    width = 0.385 if has_accuracy else 0.83
    epochs = [row.epoch for row in history]
    best = answer.history.best_epoch
    loss = figure.add_axes((0.075 if has_accuracy else 0.13, 0.12, width, 0.74))
    loss.set_yscale("log")
    no_minor_ticks(loss)
    _curves(loss, epochs, [row.train_loss for row in history], [row.val_loss for row in history], best)
    loss.set_ylabel("loss")
    loss.yaxis.set_major_formatter(lambda value, _: f"{value:g}")
    name_ticks(loss.yaxis)
    Labels(loss).add_legend()
    if has_accuracy:
        accuracy = figure.add_axes((0.57, 0.12, width, 0.74))
        train = [row.train_accuracy for row in history]
        validation = [row.val_accuracy for row in history]
        _curves(accuracy, epochs, train, validation, best)  # type: ignore[arg-type]  # a classification has both
        accuracy.set_ylabel("accuracy")
        Labels(accuracy).add_legend()
        accuracy.set_yticks([share for share in accuracy.get_yticks() if accuracy.get_ylim()[0] <= share <= 1])
    figure.text(0.075, 0.93, _title(answer), fontweight="bold", fontsize=12)
    return figure


def _curves(axes: Axes, epochs: list[int], train: list[float], validation: list[float], best: int) -> None:
    from matplotlib.ticker import MaxNLocator

    markers = ("o", "s") if len(epochs) <= 30 else ("", "")
    axes.plot(epochs, train, "-", marker=markers[0], color=BLUE, markersize=3, linewidth=1.5, label="training")
    axes.plot(
        epochs, validation, "--", marker=markers[1], color=ORANGE, markersize=3, linewidth=1.5, label="validation"
    )
    if best in epochs:
        axes.axvline(best, color=GREY, linestyle=":", linewidth=1, label=f"weights kept: epoch {best}")
    axes.set_xlabel("epoch")
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    dress(axes)


def confusion_figure(answer: TrainingAnswer) -> Figure:
    """Draw the confusion matrix, coloured by the share of each true class: rows are the truth."""
    from matplotlib.figure import Figure

    counts = answer.confusion
    names = [label(name, LONGEST_NAME) for name in answer.data.class_names]
    share = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    figure = Figure(figsize=(7.4, 7.0), dpi=120)
    axes = figure.add_axes((0.25, 0.2, 0.68, 0.72))
    axes.imshow(share, cmap="Blues", vmin=0, vmax=1)
    if len(names) <= MOST_NUMBERS:
        for row, column in np.ndindex(counts.shape):
            if counts[row, column]:
                colour = "white" if share[row, column] > 0.5 else "black"
                axes.text(column, row, f"{counts[row, column]}", ha="center", va="center", color=colour, fontsize=9)
    if len(names) <= MOST_NAMES:
        axes.set_xticks(
            range(len(names)),
            names,
            rotation=45 if max(map(len, names)) > 3 else 0,
            ha="right" if max(map(len, names)) > 3 else "center",
            fontsize=9,
        )
        axes.set_yticks(range(len(names)), names, fontsize=9)
    axes.set(xlabel="what the network says", ylabel="what it is")
    axes.set_title(_title(answer), loc="left", fontweight="bold", y=1.02)
    return figure


def mistakes_figure(answer: TrainingAnswer) -> Figure:
    """Show the test images that the network got wrong with the greatest certainty."""
    from matplotlib.figure import Figure

    shown = answer.mistakes[:MOST_MISTAKES]
    rows = -(-len(shown) // COLUMNS)
    inches = HEADER_INCHES + ROW_INCHES * rows
    figure = Figure(figsize=(10, inches), dpi=120)
    names = [label(name, LONGEST_ABOVE) for name in answer.data.class_names]
    for number, mistake in enumerate(shown):
        row, column = divmod(number, COLUMNS)
        bottom = 1 - (HEADER_INCHES + ROW_INCHES * (row + 1)) / inches
        axes = figure.add_axes((0.01 + column / COLUMNS, bottom + 0.02, 0.9 / COLUMNS, PICTURE_INCHES / inches))
        image = answer.data.test.x[mistake.example]
        picture = _as_picture(image)
        axes.imshow(picture, cmap="gray_r" if picture.ndim == 2 else None, interpolation="nearest")
        axes.set_xticks([])
        axes.set_yticks([])
        truth, said = f"{names[mistake.truth]} →", f"{names[mistake.taken_for]} {mistake.certainty:.0%}"
        axes.set_title((" " if len(truth + said) < LETTERS_ABOVE else "\n").join((truth, said)), fontsize=8, pad=3)
    title = f"{_title(answer)}: the worst of {len(answer.mistakes)} mistakes (truth → said, how certain)"
    title += _channels_shown(answer.data.input_shape[-1])
    figure.text(0.01, 1 - 0.28 / inches, title, fontweight="bold", fontsize=11)
    return figure


def residuals_figure(answer: TrainingAnswer) -> Figure:
    """Plot predicted against true values of a regression."""
    from matplotlib.figure import Figure

    assert answer.test is not None
    figure = Figure(figsize=(6.2, 5.6), dpi=120)
    axes = figure.add_axes((0.14, 0.11, 0.8, 0.79))
    truth, said = answer.data.test.y, answer.test.outputs[:, 0]
    ends = [float(min(truth.min(), said.min())), float(max(truth.max(), said.max()))]
    axes.plot(ends, ends, "--", color=GREY, linewidth=1, label="right")
    is_large = len(truth) > MOST_OUTLINES
    axes.plot(truth, said, "o", color=BLUE, markersize=4, alpha=0.7, label="test examples", rasterized=is_large)
    axes.set(xlabel="what it is", ylabel="what the network says")
    axes.set_title(_title(answer), loc="left", fontweight="bold", y=1.02)
    dress(axes)
    axes.legend(frameon=False, fontsize=9)
    return figure


def curves_figure(answer: TrainingAnswer, curves: Sequence[Curve]) -> Figure:
    """Draw ROC, precision and recall, and calibration."""
    return curve_figure(curves, _title(answer))


def _as_picture(image: np.ndarray) -> np.ndarray:
    """Return an image as colours [height, width, 3] from 0 to 1; any but three channels as their mean [height, width].

    Pixels that are no finite number are drawn like the least that is.
    """
    finite = image[np.isfinite(image)]
    low, high = (float(finite.min()), float(finite.max())) if finite.size else (0.0, 1.0)
    scaled = (np.nan_to_num(image.astype(np.float64), nan=low, posinf=high, neginf=low) - low) / (high - low or 1.0)
    return scaled if image.shape[-1] == COLOURS else scaled.mean(axis=-1)


def _channels_shown(channels: int) -> str:
    return "" if channels in (1, COLOURS) else f"; shown is the mean of {channels} channels"


def _title(answer: TrainingAnswer) -> str:
    settings = answer.settings
    return f"{settings.model.name} on {label(answer.data.name, LONGEST_DATASET)}, seed {settings.seed}"
