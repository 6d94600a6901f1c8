"""TensorFlow in the test process, on two logical CPUs, of which the second is used."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from experiments.runtime import device
from runner.messages import ModelRecord


@dataclass
class MemoryRecorder:
    """A recorder that keeps everything; ``interrupt_at`` is Ctrl-C at that call of ``progress``."""

    interrupt_at: int | None = None
    earlier_files: Path | None = None
    """What :meth:`earlier` finds."""
    metrics: dict[tuple[str, int], float] = field(default_factory=dict)
    tables: dict[str, list[Any]] = field(default_factory=dict)
    figures: dict[str, Any] = field(default_factory=dict)
    files: dict[str, bytes] = field(default_factory=dict)
    models: dict[str, Any] = field(default_factory=dict)
    choices: dict[str, str] = field(default_factory=dict)
    """What is settled, before and after."""
    notes: list[str] = field(default_factory=list)
    progresses: list[tuple[str, float, str]] = field(default_factory=list)

    def metric(self, name: str, value: float, step: int = 0) -> None:
        assert (name, step) not in self.metrics
        self.metrics[name, step] = value

    def figure(self, name: str, figure: Any) -> None:
        self.figures[name] = figure

    def table(self, name: str, rows: Any) -> None:
        self.tables[name] = list(rows)

    def file(self, path: str, content: bytes) -> None:
        self.files[path] = content

    def model(
        self,
        name: str,
        keras_file: bytes,
        inputs: Any,
        outputs: Any,
        *,
        registered_name: str | None = None,
        metadata: Any = None,
        step: int = 0,
    ) -> None:
        self.models[name] = ModelRecord(name, keras_file, inputs, outputs, registered_name, dict(metadata or {}), step)

    def earlier(self) -> Path | None:
        return self.earlier_files

    def note(self, markdown: str) -> None:
        self.notes.append(markdown)

    def progress(self, task: str, fraction: float, text: str) -> None:
        self.progresses.append((task, fraction, text))
        if len(self.progresses) == self.interrupt_at:
            raise KeyboardInterrupt

    def measured(self) -> None:
        pass

    def once(self, name: str, find_out: Any) -> Any:
        return find_out()

    def settled(self, name: str, find_out: Any) -> str:
        self.choices.setdefault(name, "")
        self.choices[name] = self.choices[name] or find_out()
        return self.choices[name]

    def steps(self, metric: str) -> list[int]:
        return sorted(step for name, step in self.metrics if name == metric)


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
