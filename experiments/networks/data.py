"""The examples that a network learns from and is judged by."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from experiments.networks.preprocessing import Preprocessing, Table
from experiments.networks.standardisation import Moments, moments, moments_of_bytes
from experiments.recorder import Cell, DatasetFacts

Task = Literal["classification", "regression"]


@dataclass(frozen=True)
class Split:
    """The examples for one purpose: training, validation or test."""

    x: npt.NDArray[Any]
    """Raw inputs [n, *input_shape], in the units of their source; the models normalise them.

    float32, or float64 where float32 would not tell the examples apart. Images from a folder are bytes; a network takes
    them as float32. Images and tables may be a file on disk (:class:`experiments.networks.datasets.kept.Kept`).
    """
    y: npt.NDArray[Any]
    """Class numbers from 0, int64 [n]; for a regression the targets in their own unit, float64 [n]."""


@dataclass(frozen=True)
class Data:
    """A dataset, split into training, validation and test."""

    name: str
    task: Task
    train: Split
    validation: Split
    test: Split
    class_names: tuple[str, ...]
    """The names of the classes by class number; empty for a regression."""
    is_image: bool
    """Whether inputs are [height, width, channels]; otherwise they are [features]."""
    source: str
    """The dataset's origin in words, for those who read the run."""
    remarks: tuple[str, ...] = ()
    """What in the data may not be as its owner means it, each in a sentence."""
    preprocessing: Preprocessing | None = None
    """What turns a user's examples into these inputs; None where they are the same."""
    test_rows: Table | None = None
    """The test examples of a table as their owner has them; None for other data."""

    @property
    def facts(self) -> DatasetFacts:
        """What this dataset is, for those who look for runs on it."""
        parts = self._parts
        profile: dict[str, Cell] = {f"{name} examples": len(part.y) for name, part in parts.items()}
        if self.class_names:
            counts = np.bincount(np.concatenate([part.y for part in parts.values()]), minlength=self.outputs)
            profile["classes"] = self.outputs
            profile |= {f"examples of {name}": int(count) for name, count in zip(self.class_names, counts, strict=True)}
        features = (self.input_dtype, self.input_shape)
        return DatasetFacts(self.name, self.source, self.sha256, features, self.train.y.dtype.name, profile)

    @property
    def _parts(self) -> dict[str, Split]:
        return {"train": self.train, "validation": self.validation, "test": self.test}

    @cached_property
    def sha256(self) -> str:
        """The hash of all examples, part by part."""
        hashed = hashlib.sha256()
        for part in self._parts.values():
            hashed.update(np.ascontiguousarray(part.x).data)
            hashed.update(np.ascontiguousarray(part.y).data)
        return hashed.hexdigest()

    @property
    def input_shape(self) -> tuple[int, ...]:
        """The shape of one example."""
        return self.train.x.shape[1:]

    @property
    def input_dtype(self) -> str:
        """The dtype in which a network takes the inputs."""
        return "float32" if self.train.x.dtype == np.uint8 else self.train.x.dtype.name

    @property
    def outputs(self) -> int:
        """The count of a model's outputs for an example: one logit a class, or the one target."""
        return len(self.class_names) or 1

    @cached_property
    def input_moments(self) -> Moments:
        """Mean and deviation of the training inputs: one by one for features, by channel for images."""
        return moments_of_bytes(self.train.x) if self.train.x.dtype == np.uint8 else moments(self.train.x)

    @cached_property
    def target_moments(self) -> Moments:
        """Mean and deviation [1] of the training targets of a regression."""
        return moments(self.train.y[:, None])

    def standardised_targets(self, part: Split) -> npt.NDArray[np.float64]:
        """Return the targets of a regression [n, 1] in the training targets' deviations from their mean."""
        return self.target_moments.standardised(part.y[:, None])
