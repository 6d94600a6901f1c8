"""A recurrent network."""

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
class Lstm(Model):
    """Long short-term memory (S. Hochreiter, J. Schmidhuber, 1997) over the rows of an image, or over features."""

    name: ClassVar[str] = "lstm"

    units: list[int] = field(default_factory=lambda: [128])
    """The width of each layer."""
    dropout: float = 0.2
    """The dropout rate after each layer."""

    def __post_init__(self) -> None:
        require_widths(self, "units")
        require_rate(self, "dropout")

    def build(self, data: Data, seed: int) -> keras.Model:
        from keras import layers

        raw, signal = begin(data)
        signal = layers.Reshape((data.input_shape[0], -1))(signal)
        for layer, (units, layer_seed) in enumerate(zip(self.units, seeds(seed), strict=False), start=1):
            signal = layers.LSTM(units, return_sequences=layer < len(self.units))(signal)
            signal = layers.Dropout(self.dropout, seed=layer_seed)(signal)
        return end(data, raw, signal, self.name)
