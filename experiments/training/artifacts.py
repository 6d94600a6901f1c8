"""What a training leaves for others to use: the model in each format, and the examples that judge it."""

from __future__ import annotations

import io
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from experiments.experiment import Refused
from experiments.networks.data import Data
from experiments.networks.saving import reload, save
from experiments.networks.saving.layout import KERAS
from experiments.recorder import Recorder
from experiments.training.answer import TrainingAnswer

if TYPE_CHECKING:
    from experiments.training.experiment import Training
    from experiments.training.session import Session

TEST_SET, CALIBRATION = "test_set.npz", "calibration.npz"

CALIBRATION_EXAMPLES = 256
"""Training inputs by which an int8 model finds the ranges of its numbers."""

CHECKED_EXAMPLES = 256
"""Test inputs for which a reloaded model must say the same."""

ROUNDING = 1e-3
"""Relative: how far outputs may be from the original's on a device that does not add in the same order each time."""

EXAMPLES = 5
"""Inputs in the MLflow model's example."""


def hand_over(training: Training, session: Session, answer: TrainingAnswer, recorder: Recorder) -> None:
    """Saves the model in each format, has it loaded in a fresh process, and gives it to the recorder."""
    data = session.data
    with tempfile.TemporaryDirectory(prefix="model-") as scratch:
        folder = Path(scratch, "model")
        saved = save(session.model, folder)
        if training.check_saved:
            recorder.progress("saved model", 0.0, "loading it in a fresh process")
            answer.saved = [found.row for found in reload(session.model, saved, data.test.x[:CHECKED_EXAMPLES])]
            recorder.table("saved", answer.saved)
            recorder.progress("saved model", 1.0, answer.saved_in_words())
        for path in sorted(path for path in folder.rglob("*") if path.is_file()):
            recorder.file(path.relative_to(folder).as_posix(), path.read_bytes())
        inputs = data.test.x[:EXAMPLES]
        assert answer.test is not None
        recorder.model(
            "model",
            (folder / KERAS).read_bytes(),
            inputs,
            answer.test.outputs[:EXAMPLES],
            registered_name=training.name_in_registry,
            metadata={"dataset": data.name, "model": training.model.name, **answer.test_metrics()},
            step=session.best_epoch,
        )
    recorder.file(TEST_SET, _archive(**_test_set(data)))
    recorder.file(CALIBRATION, _archive(x=data.train.x[:CALIBRATION_EXAMPLES]))
    _require_the_same(answer)


def _require_the_same(answer: TrainingAnswer) -> None:
    """Raises Refused, so that nothing is registered, where a format is not what was trained."""
    assert answer.test is not None
    rounding = ROUNDING * max(1.0, float(np.abs(answer.test.outputs).max()))
    for row in answer.saved:
        if row["problem"] or row["largest_difference"] is None or float(row["largest_difference"]) > rounding:
            what = row["problem"] or f"its outputs differ by up to {row['largest_difference']}"
            raise Refused(
                f"the model saved as {row['format']} did not come back the same ({what}); it is not registered"
            )


def _test_set(data: Data) -> Mapping[str, Any]:
    return {
        "x": data.test.x,
        "y": data.test.y,
        "task": np.array(data.task),
        "class_names": np.array(data.class_names),
    }


def _archive(**arrays: Any) -> bytes:
    target = io.BytesIO()
    np.savez_compressed(target, **arrays)
    return target.getvalue()
