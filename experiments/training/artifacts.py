"""The files that a training leaves: the model in each format, and examples to judge it by."""

from __future__ import annotations

import io
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from experiments.experiment import Refused
from experiments.networks.data import Data
from experiments.networks.saving import reload, save
from experiments.networks.saving.layout import KERAS
from experiments.recorder import CALIBRATION_FILE, TEST_SET_FILE, Recorder
from experiments.training.answer import TrainingAnswer

CALIBRATION_EXAMPLES = 256
"""The number of training inputs from which an int8 model gets the ranges of its numbers."""

CHECKED_EXAMPLES = 256
"""The number of test inputs for which a reloaded model must give the same outputs."""

EXAMPLES = 5
"""The number of inputs in the MLflow model's example."""


def hand_over(model: Any, answer: TrainingAnswer, recorder: Recorder) -> None:
    """Save the Keras model in each format, load it in a fresh process, and hand it to the recorder.

    Raises Refused, so that the run fails and nothing is registered, if a format did not come back the same.
    """
    data, settings = answer.data, answer.settings
    assert answer.test is not None
    with tempfile.TemporaryDirectory(prefix="model-") as scratch:
        folder = Path(scratch, "model")
        saved = save(model, folder)
        if settings.check_saved:
            recorder.progress("saved model", 0.0, "loading it in a fresh process")
            answer.saved = [found.row for found in reload(model, saved, data.test.x[:CHECKED_EXAMPLES])]
            recorder.table("saved", answer.saved)
            recorder.progress("saved model", 1.0, answer.saved_in_words())
        for path in sorted(path for path in folder.rglob("*") if path.is_file()):
            recorder.file(path.relative_to(folder).as_posix(), path.read_bytes())
        recorder.model(
            "model",
            (folder / KERAS).read_bytes(),
            data.test.x[:EXAMPLES],
            answer.test.outputs[:EXAMPLES],
            registered_name=settings.name_in_registry,
            metadata={"dataset": data.name, "model": settings.model.name, **answer.test_metrics()},
            step=answer.history.best_epoch,
        )
    recorder.file(TEST_SET_FILE, _archive(**_test_set(data)))
    recorder.file(CALIBRATION_FILE, _archive(x=data.train.x[:CALIBRATION_EXAMPLES]))
    answer.is_handed_over, answer.store_words = True, recorder.store_words
    if damage := answer.damage_in_words():
        raise Refused(f"the model {damage}; it is not registered")


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
