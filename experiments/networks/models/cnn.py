"""A convolutional network."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, ClassVar

from experiments.networks.data import Data
from experiments.networks.models.ends import begin, end
from experiments.networks.models.model import Model, require_images
from experiments.networks.models.seeds import seeds
from experiments.validators import require_at_least, require_rate, require_widths

if TYPE_CHECKING:
    import keras

SMALLEST = 4
"""Images are pooled only as long as their shorter side keeps this many pixels."""


@dataclass
class Cnn(Model):
    """Convolutions with relu, then a dense layer.

    A pooling that halves the image follows each convolution; on small images only the last ones, so that at least
    4 x 4 pixels are left.
    """

    name: ClassVar[str] = "cnn"

    filters: list[int] = field(default_factory=lambda: [32, 64])
    """The number of filters of each convolution."""
    kernel: int = 3
    """The side length of a convolution's window, in pixels."""
    units: int = 128
    """The width of the dense layer."""
    dropout: float = 0.3
    """The dropout rate before and after the dense layer."""

    def __post_init__(self) -> None:
        require_widths(self, "filters")
        require_at_least(self, "kernel", 1)
        require_at_least(self, "units", 1)
        require_rate(self, "dropout")

    def build(self, data: Data, seed: int) -> keras.Model:
        from keras import layers

        require_images(self, data)
        random = seeds(seed)
        raw, signal = begin(data)
        without_pooling = len(self.filters) - _poolings(data.input_shape)
        for number, filters in enumerate(self.filters):
            signal = layers.Conv2D(
                filters, self.kernel, padding="same", activation="relu", kernel_initializer="he_normal"
            )(signal)
            if number >= without_pooling:
                signal = layers.MaxPooling2D(padding="same")(signal)
        signal = layers.Dropout(self.dropout, seed=next(random))(layers.Flatten()(signal))
        signal = layers.Dense(self.units, activation="relu", kernel_initializer="he_normal")(signal)
        signal = layers.Dropout(self.dropout, seed=next(random))(signal)
        return end(data, raw, signal, self.name)


def _poolings(shape: tuple[int, ...]) -> int:
    """The number of times that an image of ``shape`` can be halved."""
    return max(0, int(math.log2(min(shape[:2]) / SMALLEST)))
