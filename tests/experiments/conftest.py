"""Fixtures of the tests of experiments."""

from __future__ import annotations

import pytest

from experiments.testing import MemoryRecorder


@pytest.fixture
def recorder() -> MemoryRecorder:
    return MemoryRecorder()
