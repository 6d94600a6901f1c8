"""The warning where a GPU is there but TensorFlow does not see it."""

from __future__ import annotations

from pathlib import Path

import pytest

from experiments.runtime import gpu_driver
from tests.runner.execution.conftest import House
from tests.runner.jobs import job


@pytest.mark.parametrize(
    ("driver", "kind", "hidden", "warnings"),
    [
        (True, "auto", None, 1),
        (False, "auto", None, 0),
        (True, "cpu", None, 0),
        (True, "auto", "-1", 0),
    ],
    ids=["unseen", "no driver", "a CPU was asked for", "hidden by the user"],
)
def test_a_gpu_that_tensorflow_does_not_see_is_told_of_once(
    house: House,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    driver: bool,
    kind: str,
    hidden: str | None,
    warnings: int,
) -> None:
    monkeypatch.setattr(gpu_driver, "NVIDIA", (str(tmp_path if driver else tmp_path / "nothing"),))
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    if hidden is not None:
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", hidden)
    house.run(job(x=1, device={"kind": kind}), job(x=2, number=1, device={"kind": kind}))
    assert len([line for line in house.view.lines if "TensorFlow sees no GPU" in line]) == warnings
