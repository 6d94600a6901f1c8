"""A network of dense layers."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, ClassVar

from experiments.networks.data import Data
from experiments.networks.models.ends import begin, end
from experiments.networks.models.model import Model
from experiments.networks.models.seeds import seeds
from experiments.validators import require_rate, require_widths

if TYPE_CHECKING:
    import keras


@dataclass
class Mlp(Model):
    """Dense layers with relu, each followed by dropout."""

    name: ClassVar[str] = "mlp"

    units: list[int] = field(default_factory=lambda: [256, 128])
    """The width of each hidden layer."""
    dropout: float = 0.2

    def __post_init__(self) -> None:
        require_widths(self, "units")
        require_rate(self, "dropout")

    def build(self, data: Data, seed: int) -> keras.Model:
        from keras import layers

        raw, signal = begin(data)
        signal = layers.Flatten()(signal)
        for units, layer_seed in zip(self.units, seeds(seed), strict=False):
            signal = layers.Dense(units, activation="relu", kernel_initializer="he_normal")(signal)
            signal = layers.Dropout(self.dropout, seed=layer_seed)(signal)
        return end(data, raw, signal, self.name)
