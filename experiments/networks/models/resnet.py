"""A residual network."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar

from experiments.networks.data import Data
from experiments.networks.models.ends import begin, end
from experiments.networks.models.model import Model, require_images
from experiments.validators import require_at_least, require_widths

if TYPE_CHECKING:
    import keras


@dataclass
class ResNet(Model):
    """The residual network for small images (K. He et al., CVPR 2016, section 4.2), with batch normalisation.

    Each stage but the first halves the image. ``blocks=3`` is the paper's ResNet-20.
    """

    name: ClassVar[str] = "resnet"

    filters: list[int] = field(default_factory=lambda: [16, 32, 64])
    """The number of filters in each stage."""
    blocks: int = 1
    """The number of blocks in each stage; a block has two convolutions."""

    def __post_init__(self) -> None:
        require_widths(self, "filters")
        require_at_least(self, "blocks", 1)

    def build(self, data: Data, seed: int) -> keras.Model:
        from keras import layers

        require_images(self, data)
        raw, signal = begin(data)
        signal = layers.ReLU()(_convolved(signal, self.filters[0]))
        for stage, filters in enumerate(self.filters):
            for block in range(self.blocks):
                signal = _block(signal, filters, strides=2 if stage and not block else 1)
        return end(data, raw, layers.GlobalAveragePooling2D()(signal), self.name)


def _block(signal: Any, filters: int, strides: int) -> Any:
    """Two convolutions beside a shortcut, which is a 1 x 1 convolution where the shape changes."""
    from keras import layers

    shortcut = signal
    if strides > 1 or signal.shape[-1] != filters:
        shortcut = _convolved(signal, filters, window=1, strides=strides)
    inner = layers.ReLU()(_convolved(signal, filters, strides=strides))
    return layers.ReLU()(layers.Add()([_convolved(inner, filters), shortcut]))


def _convolved(signal: Any, filters: int, window: int = 3, strides: int = 1) -> Any:
    from keras import layers

    convolution = layers.Conv2D(
        filters, window, strides, padding="same", use_bias=False, kernel_initializer="he_normal"
    )
    return layers.BatchNormalization(momentum=0.9)(convolution(signal))
