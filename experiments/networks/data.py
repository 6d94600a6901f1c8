"""What a network learns from and is judged by."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

Task = Literal["classification", "regression"]


@dataclass(frozen=True)
class Split:
    """Examples of one purpose."""

    x: npt.NDArray[np.float32]
    """Raw inputs [n, *input_shape], in the units of their source: models normalise by themselves."""
    y: npt.NDArray[Any]
    """Class numbers from 0, int64 [n]; of a regression the targets, float32 [n]."""


@dataclass(frozen=True)
class Data:
    """A dataset, split."""

    name: str
    task: Task
    train: Split
    validation: Split
    test: Split
    class_names: tuple[str, ...]
    """By class number; empty for a regression."""
    is_image: bool
    """Whether inputs are [height, width, channels]; otherwise they are [features]."""
    source: str
    """Where it comes from, for who reads the run."""

    @property
    def input_shape(self) -> tuple[int, ...]:
        """The shape of one example."""
        return self.train.x.shape[1:]

    @property
    def outputs(self) -> int:
        """How many numbers a model has to say about an example: a logit a class, or the one target."""
        return len(self.class_names) or 1
