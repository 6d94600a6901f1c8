"""The files that a training leaves: the model in each format, and examples to judge it by."""

from __future__ import annotations

import io
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from experiments.experiment import Refused
from experiments.measure.contest import Judged
from experiments.networks.data import Data
from experiments.networks.datasets.splitting import drawn, picked
from experiments.networks.preprocessing import named_columns
from experiments.networks.saving import Arrays, reload, save
from experiments.networks.saving.arrays import Array
from experiments.networks.saving.layout import KERAS
from experiments.networks.saving.outputs import as_arrays
from experiments.networks.served import scores_of, served
from experiments.plugins import modules
from experiments.recorder import CALIBRATION_FILE, JUDGED_FILE, TEST_SET_FILE, ModelCard, Recorder
from experiments.training.answer import TrainingAnswer
from experiments.training.execution import is_on_disk
from experiments.training.meaning import meaning

CALIBRATION_EXAMPLES = 256
"""The number of training inputs from which an int8 model gets the ranges of its numbers."""

CHECKED_EXAMPLES = 256
"""The number of test inputs for which a reloaded model must give the same outputs."""

ANOTHER = 0.05
"""Outputs further apart, relative to the largest one, are another model's; it is more than the rounding of 16 bits."""

FROM_DISK = 2**22
"""About how many numbers are taken at a time, or kept with the run, of examples that memory does not hold."""

ROWS = "rows"
"""The array of the test set with a table's rows as their owner has them; ``x`` is what the network sees of them."""

EXAMPLES = 5
"""The number of inputs in the MLflow model's example."""


def hand_over(network: Any, answer: TrainingAnswer, recorder: Recorder) -> None:
    """Save the Keras model in each format, load it in a fresh process, and hand it to the recorder.

    What is saved is the trained network with its preprocessing before it and, of a classifier, probabilities and class
    names behind it. Raises Refused, so that the run fails and nothing is registered, if a format did not come back the
    same.
    """
    data, settings = answer.data, answer.settings
    assert answer.test is not None
    model, examples = served(network, data), _users_inputs(data)
    with tempfile.TemporaryDirectory(prefix="model-") as scratch:
        folder = Path(scratch, "model")
        said = as_arrays(model(_first(examples, CHECKED_EXAMPLES), training=False))
        _require_same(scores_of(said), answer.test.outputs[: len(scores_of(said))])
        saved = save(model, folder)
        _keep_files(folder, answer, recorder)  # first: whatever comes of the check, what was learnt is not lost
        if settings.check_saved:
            recorder.progress("saved model", 0.0, "loading it in a fresh process")
            answer.saved = [found.row for found in reload(model, saved, _first(examples, CHECKED_EXAMPLES), modules())]
            recorder.table("saved", answer.saved)
            recorder.progress("saved model", 1.0, answer.saved_in_words())
        recorder.model(
            "model",
            (folder / KERAS).read_bytes(),
            _first(examples, EXAMPLES),
            _first(said, EXAMPLES),
            registered_name=settings.name_in_registry,
            metadata={"dataset": settings.dataset.title, "model": settings.model.title},
            step=answer.history.best_epoch,
            card=ModelCard(meaning(data), tuple(answer.test_metrics()), settings.is_for_one_question, settings.promote),
        )
    answer.is_handed_over, answer.store_words = True, recorder.store_words
    if damage := answer.damage_in_words():
        raise Refused(f"the model {damage}; it is not registered")


def _keep_files(folder: Path, answer: TrainingAnswer, recorder: Recorder) -> None:
    """Hand over the model's files, how it did, and the examples that a deployment needs."""
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        recorder.file(path.relative_to(folder).as_posix(), path.read_bytes())
    data, seed = answer.data, answer.settings.seed
    recorder.file(JUDGED_FILE, _judged(answer).to_bytes())
    recorder.file(TEST_SET_FILE, _archive(**_test_set(data, seed)))
    recorder.file(CALIBRATION_FILE, _archive(x=_calibration(data, seed)))


def _users_inputs(data: Data) -> Arrays:
    """Return the first test examples as the saved model takes them: the columns of a table by name, or one array."""
    if data.test_rows is None:
        return data.test.x[: _room(data.test.x, CHECKED_EXAMPLES)].astype(data.input_dtype, copy=False)
    columns, dtype = named_columns(np.array(data.test_rows[:CHECKED_EXAMPLES])), data.test.x.dtype
    return {name: values.astype(dtype) if values.dtype.kind == "f" else values for name, values in columns.items()}


def _room(x: Array, most: int) -> int:
    """Return how many examples are taken: ``most`` of them, or fewer from disk."""
    return min(most, max(FROM_DISK // x[0].size, 1)) if is_on_disk(x) else most


def _first(examples: Arrays, count: int) -> Arrays:
    if isinstance(examples, Mapping):
        return {name: values[:count] for name, values in examples.items()}
    return examples[:count]


def _require_same(said: Any, tested: Any) -> None:
    """Raise RuntimeError if what is saved does not answer as what was tested: a bug in the layers around it."""
    if not np.allclose(said, tested, rtol=0, atol=ANOTHER * max(1.0, float(np.abs(tested).max()))):
        raise RuntimeError("the saved model gives other outputs than the network that was tested")


def _judged(answer: TrainingAnswer) -> Judged:
    """Return how the model did on each test example."""
    data = answer.data
    assert answer.test is not None
    examples = data.test.x if data.test_rows is None else data.test_rows
    if data.task == "classification":
        return Judged.of_classes(examples, data.test.y, answer.predicted)
    return Judged.of_numbers(examples, data.test.y, answer.test.outputs[:, 0])


def _test_set(data: Data, seed: int) -> Mapping[str, Any]:
    """Return the test set, or of one on disk a part that is drawn: it may be sorted by class."""
    x = data.test.x
    chosen = drawn(len(x), _room(x, len(x)), seed)
    rows = {} if data.test_rows is None else {ROWS: data.test_rows[chosen]}
    return rows | {
        "x": picked(x, chosen)[:].astype(data.input_dtype, copy=False),
        "y": picked(data.test.y, chosen),
        "task": np.array(data.task),
        "class_names": np.array(data.class_names),
    }


def _calibration(data: Data, seed: int) -> Array:
    x = data.train.x
    return x[drawn(len(x), _room(x, CALIBRATION_EXAMPLES), seed)].astype(data.input_dtype, copy=False)


def _archive(**arrays: Any) -> bytes:
    target = io.BytesIO()
    np.savez_compressed(target, **arrays)
    return target.getvalue()
