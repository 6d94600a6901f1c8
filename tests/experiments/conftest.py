"""TensorFlow in the test process, on two logical CPUs, of which the second is used."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from experiments.runtime import device
from experiments.testing import MemoryRecorder


@pytest.fixture
def recorder() -> MemoryRecorder:
    return MemoryRecorder()


@pytest.fixture(scope="session")
def _tensorflow() -> device.Placement:
    return device.start(device.Device(kind="cpu", index=1, logical_cpus=2))


@pytest.fixture
def on_device(_tensorflow: device.Placement) -> Iterator[device.Placement]:
    with device.scope():
        yield _tensorflow
