"""The examples that a network learns from and is judged by."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

Task = Literal["classification", "regression"]


@dataclass(frozen=True)
class Split:
    """The examples for one purpose: training, validation or test."""

    x: npt.NDArray[np.float32]
    """Raw inputs [n, *input_shape], in the units of their source; the models normalise them."""
    y: npt.NDArray[Any]
    """Class numbers from 0, int64 [n]; for a regression the targets, float32 [n]."""


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

    @property
    def input_shape(self) -> tuple[int, ...]:
        """The shape of one example."""
        return self.train.x.shape[1:]

    @property
    def outputs(self) -> int:
        """The count of a model's outputs for an example: one logit a class, or the one target."""
        return len(self.class_names) or 1
