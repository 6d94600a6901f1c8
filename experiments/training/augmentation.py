"""Training images that are changed at random, anew in each epoch, so that a network learns what does not matter."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from experiments.networks.models.seeds import seeds
from experiments.validators import require_between, require_choice

FLIPS = {"none": "", "horizontal": "horizontal", "vertical": "vertical", "both": "horizontal_and_vertical"}
"""The values of ``flip`` -> Keras' names."""


@dataclass
class Augmentation:
    """Layers of Keras before the network while it trains; what is validated, tested and saved has none of them."""

    flip: str = "none"
    shift: float = 0.0
    """Up to this share of height and width."""
    rotation: float = 0.0
    """Up to so many degrees to either side."""
    zoom: float = 0.0
    """Up to this share larger or smaller."""

    def __post_init__(self) -> None:
        require_choice(self, "flip", FLIPS)
        require_between(self, "shift", 0, 1)
        require_between(self, "rotation", 0, 180)
        require_between(self, "zoom", 0, 0.9)

    @property
    def is_on(self) -> bool:
        """Whether anything is changed."""
        return self != Augmentation()

    def before(self, network: Any, seed: int) -> Any:
        """Return a Keras model that changes images and hands them to ``network``, whose layers and weights it shares.

        What comes into an image from outside of it is the pixel at its border.
        """
        import keras

        taken = network.inputs[0]
        raw = signal = keras.Input(taken.shape[1:], dtype=taken.dtype, name=taken.name)
        for layer in self._layers(seed):
            signal = layer(signal)
        return keras.Model(raw, network(signal), name=f"{network.name}_augmented")

    def _layers(self, seed: int) -> list[Any]:
        from keras import layers

        random = seeds(seed)
        outside = {"fill_mode": "nearest", "dtype": "float32"}
        flip, shift, rotation, zoom = (next(random) for _ in range(4))  # each its own, whatever else is on
        found = []
        if self.flip != "none":
            found.append(layers.RandomFlip(FLIPS[self.flip], seed=flip, dtype="float32"))
        if self.shift:
            found.append(layers.RandomTranslation(self.shift, self.shift, seed=shift, **outside))
        if self.rotation:
            found.append(layers.RandomRotation(self.rotation / 360, seed=rotation, **outside))
        if self.zoom:
            found.append(layers.RandomZoom(self.zoom, seed=zoom, **outside))
        return found
