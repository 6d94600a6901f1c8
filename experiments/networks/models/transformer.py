"""A transformer."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from experiments.networks.data import Data
from experiments.networks.models.ends import begin, end
from experiments.networks.models.model import Model
from experiments.networks.models.seeds import seeds
from experiments.validators import InvalidField, require_at_least, require_rate

if TYPE_CHECKING:
    import keras

SMALL = 16
"""Images with a side below this many pixels are cut into patches of 2 x 2, others of 4 x 4."""


@dataclass
class Transformer(Model):
    """A transformer's encoder (A. Vaswani et al., NeurIPS 2017), with normalisation first and learnt positions.

    The tokens are patches of an image (A. Dosovitskiy et al., ICLR 2021) or the features of a table, each with
    weights of its own (Y. Gorishniy et al., NeurIPS 2021). The output layer sees their mean.
    """

    name: ClassVar[str] = "transformer"

    depth: int = 2
    """The number of encoder blocks."""
    heads: int = 4
    """The number of heads of each attention; they share ``width``."""
    width: int = 64
    """The length of a token's vector; within a block's dense layers it is doubled."""
    dropout: float = 0.1
    patch: int | None = None
    """The side length of an image's patch, in pixels; None for 2 or 4, by the image's size."""

    def __post_init__(self) -> None:
        for name in ("depth", "heads", "width", "patch"):
            require_at_least(self, name, 1)
        require_rate(self, "dropout")
        if self.width % self.heads:
            raise InvalidField(self, "width", f"{self.width} cannot be shared evenly by {self.heads} heads")

    def build(self, data: Data, seed: int) -> keras.Model:
        from keras import layers

        random = seeds(seed)
        raw, signal = begin(data)
        signal = self._of_image(signal, random) if data.is_image else self._of_table(signal, random)
        for _ in range(self.depth):
            signal = self._block(signal, random)
        signal = layers.GlobalAveragePooling1D()(layers.LayerNormalization()(signal))
        return end(data, raw, signal, self.name)

    def _of_image(self, image: Any, random: Iterator[int]) -> Any:
        """Tokens [n, patches, width]. An image that whole patches do not cover is padded with the mean, 0."""
        from keras import layers

        _, height, width, channels = image.shape
        side = self.patch or (2 if min(height, width) < SMALL else 4)
        down, across = -(-height // side), -(-width // side)
        image = layers.ZeroPadding2D(((0, down * side - height), (0, across * side - width)))(image)
        image = layers.Reshape((down, side, across, side * channels))(image)
        patches = layers.Reshape((down * across, side * side * channels))(layers.Permute((1, 3, 2, 4))(image))
        return self._embedding("btc,cd->btd", down * across, random)(patches)

    def _of_table(self, table: Any, random: Iterator[int]) -> Any:
        """Tokens [n, features, width]."""
        return self._embedding("bt,td->btd", table.shape[1], random)(table)

    def _embedding(self, equation: str, tokens: int, random: Iterator[int]) -> Any:
        """A linear map to tokens; its bias has one vector for each position, which is the position's embedding."""
        from keras import initializers, layers

        positions = initializers.RandomNormal(stddev=0.02, seed=next(random))
        return layers.EinsumDense(
            equation, (tokens, self.width), bias_axes="td", bias_initializer=positions, name="tokens"
        )

    def _block(self, signal: Any, random: Iterator[int]) -> Any:
        from keras import layers

        attention = layers.MultiHeadAttention(
            self.heads, self.width // self.heads, dropout=self.dropout, seed=next(random)
        )
        normalised = layers.LayerNormalization()(signal)
        signal = layers.Add()([signal, self._dropped(attention(normalised, normalised), random)])
        inner = layers.Dense(2 * self.width, activation="gelu")(layers.LayerNormalization()(signal))
        return layers.Add()([signal, self._dropped(layers.Dense(self.width)(inner), random)])

    def _dropped(self, signal: Any, random: Iterator[int]) -> Any:
        from keras import layers

        return layers.Dropout(self.dropout, seed=next(random))(signal)
