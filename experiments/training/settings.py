"""The settings of the experiment ``training``."""

from __future__ import annotations

from dataclasses import dataclass

from experiments.networks.datasets import Dataset
from experiments.networks.models import Model
from experiments.networks.optimizers import Optimizer
from experiments.recorder import REGISTERED_NAME
from experiments.training.execution import EXECUTIONS
from experiments.training.precision import PRECISIONS
from experiments.validators import InvalidField, require_at_least, require_choice, require_seed


@dataclass
class TrainingSettings:
    """The config schema of the experiment. Raises InvalidField for a value out of range."""

    model: Model
    dataset: Dataset
    optimizer: Optimizer
    epochs: int = 30
    batch_size: int = 64
    execution: str = "auto"
    precision: str = "float32"
    replicas: int = 1
    patience: int | None = 10
    checkpoint_every: int = 1
    registered_name: str | None = "auto"
    check_saved: bool = True
    seed: int = 0

    def __post_init__(self) -> None:
        require_choice(self, "execution", EXECUTIONS)
        require_choice(self, "precision", PRECISIONS)
        for name in ("epochs", "batch_size", "replicas"):
            require_at_least(self, name, 1)
        require_at_least(self, "patience", 1)
        require_at_least(self, "checkpoint_every", 0)
        if self.registered_name is not None and not REGISTERED_NAME.fullmatch(self.registered_name):
            raise InvalidField(
                self, "registered_name", f"{self.registered_name!r} has more in it than letters, digits, blanks and _-."
            )
        require_seed(self)

    @property
    def name_in_registry(self) -> str | None:
        """The name to register the model under: by default ``DATASET-MODEL``; None if it is not to be registered."""
        return f"{self.dataset.name}-{self.model.name}" if self.registered_name == "auto" else self.registered_name
