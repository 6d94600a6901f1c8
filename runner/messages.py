"""What goes through the pipe between the conductor and a lab.

Conductor to lab: an Assignment at the start, then what it is Given, then one GO for each batch taken.
Lab to conductor: its process number, Started, then batches of records, then Ended. Only the lab speaks
unasked, and after a batch it waits: the conductor never works while the lab is timing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Any

from experiments.experiment import Experiment
from experiments.recorder import Cell, Row, Source
from experiments.runtime.device import Device, Placement

if TYPE_CHECKING:
    from experiments.recorder import Arrays

GO = "go"


@dataclass(frozen=True)
class Assignment:
    """One experiment on one device."""

    experiment: Experiment
    device: Device
    known: Mapping[str, Any] = field(default_factory=dict)
    """What other jobs with the same device settings have found out about the machine."""
    memory_bytes: int | None = None
    """How much memory the experiment may take; None is no limit."""


@dataclass(frozen=True)
class StoredInputs:
    """What the lab may ask its recorder for."""

    sources: Mapping[str, Source]
    """The models that the experiment wants to fetch, by what it calls them."""
    earlier: Path | None
    """What an unfinished run of the same question has left to go on with."""
    settled: Mapping[str, str] = field(default_factory=dict)
    """What runs of the same question have settled by measuring."""


@dataclass(frozen=True)
class Started:
    """TensorFlow is up and the device computes."""

    placement: Placement
    tensorflow: dict[str, Any]


@dataclass(frozen=True)
class Metric:
    name: str
    value: float
    step: int
    milliseconds: int
    """When it was found, since the epoch."""


@dataclass(frozen=True)
class Table:
    name: str
    rows: Sequence[Row]


@dataclass(frozen=True)
class File:
    path: str
    content: bytes


@dataclass(frozen=True, eq=False)
class ModelRecord:
    """A trained model, as plain data."""

    name: str
    keras_file: bytes
    inputs: Arrays
    outputs: Arrays
    registered_name: str | None
    metadata: Mapping[str, Cell]
    step: int


@dataclass(frozen=True)
class Note:
    markdown: str


@dataclass(frozen=True)
class Progress:
    task: str
    fraction: float
    text: str


@dataclass(frozen=True)
class Known:
    """Something about the machine, for later jobs with the same device settings."""

    name: str
    value: Any


@dataclass(frozen=True)
class Settled:
    """A choice that was made by measuring, for later runs of the same question."""

    name: str
    value: str


@dataclass(frozen=True)
class Measured:
    """Nothing is timed from here on."""


Record = Metric | Table | File | ModelRecord | Note | Progress | Known | Settled | Measured


class Outcome(Enum):
    """How a job ended."""

    FINISHED = "finished"
    INTERRUPTED = "interrupted"
    UNAVAILABLE = "device unavailable"
    """Nothing was started: the device, or a model to work on, is not there."""
    REFUSED = "refused"
    """The experiment says, in a sentence, why it has no answer."""
    CRASHED = "crashed"
    """A bug: there is a traceback."""
    DIED = "died"
    """The process is gone without a word."""


@dataclass(frozen=True)
class Ended:
    outcome: Outcome
    message: str = ""
    """A sentence, or the traceback if it crashed."""
    records: Sequence[Record] = ()
    """What had not been handed over before."""
