"""What a test may leave out of a training because it only costs time."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

from experiments.testing import MemoryRecorder
from experiments.training import experiment


@contextmanager
def only_learning() -> Iterator[None]:
    """Leave out what takes longer than a small network's epochs and changes no weight.

    These are the figures, the baselines and the export as a SavedModel, of which an empty file is left.
    """

    def export(model: Any, path: Path) -> None:
        path.mkdir(parents=True)
        (path / "saved_model.pb").touch()

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(MemoryRecorder, "figure", lambda *_: None)
        patch.setattr(experiment, "baselines", lambda _: [])
        patch.setattr(import_module("experiments.networks.saving.save"), "_export", export)
        yield
