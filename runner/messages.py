"""The messages in the pipe between the scheduler and a worker.

The scheduler sends an Assignment, then StoredInputs, then one GO for each batch of records: when it has written the
batch, or before it does so where the batch has Measured, as nothing is timed any more. The worker sends its process
number, Started, batches of records, Yielded where others measure beside it, and Ended. After a batch the worker waits
for GO, so the scheduler never writes while the worker is timing, and after Yielded for the number of the cycle in which
it goes on, so that no two are timing at once.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Any

from experiments.experiment import Experiment
from experiments.recorder import NO_CARD, Answered, Cell, DatasetFacts, ModelCard, Row, Source
from experiments.runtime.device import Device, Placement

if TYPE_CHECKING:
    from experiments.recorder import Arrays

GO = "go"


@dataclass(frozen=True)
class Assignment:
    """The experiment that a worker runs, and its device."""

    experiment: Experiment
    device: Device
    turn: int | None = None
    """The turn in which it measures block by block beside others, if they are there, counted from 1; else None."""
    memory_bytes: int | None = None
    """The memory that the experiment may take; None is no limit."""
    store_words: Sequence[str] = ()
    """The words of a command that name the store."""


@dataclass(frozen=True)
class StoredInputs:
    """The parts of earlier runs that an experiment may ask its recorder for."""

    sources: Mapping[str, Source]
    """The models that the experiment wants to fetch, by what it calls them."""
    earlier: Path | None
    """The folder that an unfinished run of the same question has left to resume from; None if there is none."""
    settled: Mapping[str, str] = field(default_factory=dict)
    """Choices that earlier runs of the same question have made by measuring."""
    answered: Answered | None = None
    """The newest finished run of the same question."""
    handed_on: Sequence[bytes] = ()
    """What the run's earlier processes have handed on."""
    known: Mapping[str, Any] = field(default_factory=dict)
    """Facts about the machine that other jobs with the same device settings have found out."""


@dataclass(frozen=True)
class Started:
    """TensorFlow has started and the device computes."""

    placement: Placement
    tensorflow: dict[str, Any]


@dataclass(frozen=True)
class Yielded:
    """The worker lets those that measure beside it have their turns."""

    place: float | None
    """Where a visit is about to begin, its place among all visits: those with the lowest begin when all have come so
    far. None between two blocks."""


@dataclass(frozen=True)
class Metric:
    name: str
    value: float
    step: int
    milliseconds: int
    """The time when it was found, since the epoch."""


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
    card: ModelCard = NO_CARD


@dataclass(frozen=True)
class DatasetRecord:
    facts: DatasetFacts


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
    """A fact about the machine, for later jobs with the same device settings."""

    name: str
    value: Any


@dataclass(frozen=True)
class Settled:
    """A choice made by measuring, for later runs of the same question."""

    name: str
    value: str


@dataclass(frozen=True)
class HandOn:
    """The run goes on in a fresh process, which gets this."""

    content: bytes


@dataclass(frozen=True)
class Measured:
    """Nothing is timed from here on."""


Record = Metric | Table | File | ModelRecord | DatasetRecord | Note | Progress | Known | Settled | HandOn | Measured


class Outcome(Enum):
    """The way in which a job ended."""

    FINISHED = "finished"
    INTERRUPTED = "interrupted"
    UNAVAILABLE = "device unavailable"
    """Nothing was started: the device or a model to work on is missing."""
    REFUSED = "refused"
    """The experiment says, in a sentence, why it has no answer."""
    CRASHED = "crashed"
    """A bug: there is a traceback."""
    DIED = "died"
    """The process ended without a message."""


@dataclass(frozen=True)
class Ended:
    outcome: Outcome
    message: str = ""
    """A sentence, or the traceback if it crashed."""
    records: Sequence[Record] = ()
    """The records that were not handed over before."""
