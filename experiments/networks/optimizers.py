"""The optimizers to choose from, all of them Keras' own."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import TYPE_CHECKING, Any, ClassVar

from experiments.experiment import Choice
from experiments.networks.schedules import PLATEAU, SCHEDULES, cuts, decaying, warming_up
from experiments.validators import (
    InvalidField,
    require_at_least,
    require_choice,
    require_positive,
    require_rate,
    require_share,
)

if TYPE_CHECKING:
    import keras


@dataclass
class Optimizer(Choice, ABC):
    """An optimizer with its learning rate, schedule and clipping."""

    learning_rate: float = 2e-3
    schedule: str = "cosine"
    """``constant``; ``cosine``, which ends at 0; ``step``; ``plateau``, see :mod:`experiments.networks.schedules`."""
    warmup: float = 0.0
    """The share of the training in which the rate rises evenly to ``learning_rate``; the schedule takes the rest."""
    factor: float = 0.1
    """What ``step`` and ``plateau`` multiply the rate by."""
    milestones: list[float] = field(default_factory=lambda: [0.5, 0.75])
    """When ``step`` does so, in shares of the training."""
    plateau_patience: int = 5
    """After how many epochs without a lower validation loss ``plateau`` does so."""
    clip_norm: float | None = None
    """The largest norm of all gradients together, to which larger ones are scaled down; None for no limit."""

    def __post_init__(self) -> None:
        require_positive(self, "learning_rate")
        require_choice(self, "schedule", SCHEDULES)
        require_positive(self, "clip_norm")
        require_rate(self, "warmup")
        require_share(self, "factor")
        require_at_least(self, "plateau_patience", 1)
        ends = [0.0, *self.milestones, 1.0]
        if not self.milestones or any(not one < next_one for one, next_one in pairwise(ends)):
            raise InvalidField(
                self, "milestones", f"{self.milestones} are no shares in rising order, such as [0.5,0.75]"
            )
        if self.schedule == PLATEAU and self.warmup:
            raise InvalidField(self, "warmup", "cannot be had with schedule=plateau; take constant, cosine or step")

    def rate_after(self, val_losses: Sequence[float]) -> float | None:
        """Return the learning rate after epochs with these validation losses; None where they do not matter."""
        if self.schedule != PLATEAU:
            return None
        return self.learning_rate * self.factor ** cuts(val_losses, self.plateau_patience)

    @abstractmethod
    def build(self, steps: int) -> keras.optimizers.Optimizer:
        """A new optimizer whose schedule ends after ``steps`` steps."""

    def arguments(self, steps: int) -> dict[str, Any]:
        """The arguments that all of Keras' optimizers take."""
        warmup = round(self.warmup * steps)
        rate = decaying(self.learning_rate, self.schedule, steps - warmup, self.milestones, self.factor)
        if warmup:
            rate = warming_up(rate, warmup)
        return {"learning_rate": rate, "global_clipnorm": self.clip_norm}


@dataclass
class Adam(Optimizer):
    """Adam (D. Kingma, J. Ba, ICLR 2015)."""

    name: ClassVar[str] = "adam"

    beta_1: float = 0.9
    beta_2: float = 0.999
    epsilon: float = 1e-7

    def __post_init__(self) -> None:
        super().__post_init__()
        require_rate(self, "beta_1")
        require_rate(self, "beta_2")
        require_positive(self, "epsilon")

    def build(self, steps: int) -> keras.optimizers.Optimizer:
        import keras

        return keras.optimizers.Adam(
            beta_1=self.beta_1, beta_2=self.beta_2, epsilon=self.epsilon, **self.arguments(steps)
        )


@dataclass
class AdamW(Adam):
    """Adam with decoupled weight decay (I. Loshchilov, F. Hutter, ICLR 2019)."""

    name: ClassVar[str] = "adamw"

    weight_decay: float = 4e-3
    """Each step shrinks each weight by this share times the learning rate."""

    def __post_init__(self) -> None:
        super().__post_init__()
        require_at_least(self, "weight_decay", 0)

    def build(self, steps: int) -> keras.optimizers.Optimizer:
        import keras

        return keras.optimizers.AdamW(
            beta_1=self.beta_1,
            beta_2=self.beta_2,
            epsilon=self.epsilon,
            weight_decay=self.weight_decay,
            **self.arguments(steps),
        )


@dataclass
class Sgd(Optimizer):
    """Gradient descent with classical or Nesterov momentum (I. Sutskever et al., ICML 2013)."""

    name: ClassVar[str] = "sgd"

    learning_rate: float = 0.05
    momentum: float = 0.9
    nesterov: bool = False

    def __post_init__(self) -> None:
        super().__post_init__()
        require_rate(self, "momentum")

    def build(self, steps: int) -> keras.optimizers.Optimizer:
        import keras

        return keras.optimizers.SGD(momentum=self.momentum, nesterov=self.nesterov, **self.arguments(steps))


@dataclass
class RmsProp(Optimizer):
    """RMSprop (T. Tieleman, G. Hinton, Coursera lecture 6e, 2012)."""

    name: ClassVar[str] = "rmsprop"

    rho: float = 0.9
    momentum: float = 0.0
    epsilon: float = 1e-7

    def __post_init__(self) -> None:
        super().__post_init__()
        require_rate(self, "rho")
        require_rate(self, "momentum")
        require_positive(self, "epsilon")

    def build(self, steps: int) -> keras.optimizers.Optimizer:
        import keras

        return keras.optimizers.RMSprop(
            rho=self.rho, momentum=self.momentum, epsilon=self.epsilon, **self.arguments(steps)
        )


OPTIMIZERS: tuple[type[Optimizer], ...] = (Adam, AdamW, Sgd, RmsProp)
