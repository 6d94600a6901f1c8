"""The settings of the experiment ``training``."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from experiments.networks.datasets import Dataset
from experiments.networks.models import Model
from experiments.networks.optimizers import Optimizer
from experiments.recorder import REGISTERED_NAME
from experiments.training.augmentation import Augmentation
from experiments.training.callbacks import Callback, NoCallback
from experiments.training.class_losses import WEIGHTS
from experiments.training.class_scores import METRICS
from experiments.training.execution import EXECUTIONS
from experiments.training.losses import Loss, Standard
from experiments.training.precision import PRECISIONS
from experiments.validators import (
    InvalidField,
    require_at_least,
    require_choice,
    require_choices,
    require_rate,
    require_seed,
)

AUTO = "auto"

NOT_IN_A_NAME = re.compile(r"[^\w\-. ]")

ALIAS = re.compile(r"(?!(latest|v\d+)$)[\w\-]+", re.ASCII | re.IGNORECASE)
"""The aliases that MLflow takes."""


@dataclass
class TrainingSettings:
    """The config schema of the experiment. Raises InvalidField for a value out of range."""

    model: Model
    dataset: Dataset
    optimizer: Optimizer
    loss: Loss = field(default_factory=Standard)
    callback: Callback = field(default_factory=NoCallback)
    epochs: int = 30
    batch_size: int = 64
    execution: str = "auto"
    metrics: list[str] = field(default_factory=list)
    """Further scores of a classifier, see :mod:`experiments.training.class_scores`."""
    precision: str = "float32"
    augmentation: Augmentation = field(default_factory=Augmentation)
    label_smoothing: float = 0.0
    """The share of a label that is spread evenly over all classes."""
    class_weights: str = "none"
    """``balanced``: every class counts as much as any other in the loss that is minimised."""
    replicas: int = 1
    patience: int | None = 10
    checkpoint_every: int = 1
    registered_name: str | None = AUTO
    promote: str | None = None
    check_saved: bool = True
    seed: int = 0

    def __post_init__(self) -> None:
        require_choice(self, "execution", EXECUTIONS)
        require_choice(self, "precision", PRECISIONS)
        require_choice(self, "class_weights", WEIGHTS)
        require_rate(self, "label_smoothing")
        require_choices(self, "metrics", METRICS)
        if self.adjusts_classes and not isinstance(self.loss, Standard):
            field_name = "label_smoothing" if self.label_smoothing else "class_weights"
            raise InvalidField(self, field_name, f"is for the standard loss, not for loss={self.loss.name}")
        for name in ("epochs", "batch_size", "replicas"):
            require_at_least(self, name, 1)
        require_at_least(self, "patience", 1)
        require_at_least(self, "checkpoint_every", 0)
        if self.registered_name is not None and not REGISTERED_NAME.fullmatch(self.registered_name):
            raise InvalidField(
                self, "registered_name", f"{self.registered_name!r} has more in it than letters, digits, blanks and _-."
            )
        self._require_alias()
        require_seed(self)

    def _require_alias(self) -> None:
        if self.promote is None:
            return
        if not ALIAS.fullmatch(self.promote):
            problem = f"{self.promote!r} cannot be an alias; take letters, digits, _ and -, such as champion"
            raise InvalidField(self, "promote", problem)
        if self.registered_name is None:
            raise InvalidField(self, "promote", "nothing is registered that could get an alias (registered_name=null)")

    @property
    def adjusts_classes(self) -> bool:
        """Whether the loss to minimise is not that by which the network is judged, which only a classifier can have."""
        return bool(self.label_smoothing) or self.class_weights != "none"

    @property
    def name_in_registry(self) -> str | None:
        """The name to register the model under: by default ``DATASET-MODEL``; None if it is not to be registered."""
        if self.registered_name != AUTO:
            return self.registered_name
        return NOT_IN_A_NAME.sub("-", f"{self.dataset.title}-{self.model.title}")

    @property
    def is_for_one_question(self) -> bool:
        """Whether all versions of that name are to answer this one question."""
        return self.registered_name == AUTO and self.promote is None
