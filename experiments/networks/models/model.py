"""The base class of models."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING

from experiments.experiment import Choice, Refused
from experiments.networks.data import Data

if TYPE_CHECKING:
    import keras


@dataclass
class Model(Choice, ABC):
    """An architecture, whose layers are sized to fit the data.

    The first layer normalises by constants of the training data, so that a saved model takes raw inputs. All layers
    are Keras' own, so that a process without this package can load the model.
    """

    @abstractmethod
    def build(self, data: Data, seed: int) -> keras.Model:
        """A new, uncompiled model from inputs [n, *input_shape] to logits [n, classes], or to targets [n, 1].

        Random layers, such as dropout, derive their seeds from ``seed``; the initial weights come from Keras' global
        generator, which the caller seeds (``keras.utils.set_random_seed``). Raises Refused where the data do not suit
        the model.
        """


def require_images(model: Model, data: Data) -> None:
    """Raises Refused unless the inputs are images."""
    if not data.is_image:
        raise Refused(
            f"model={model.name} looks at images, but an example of {data.name} is {data.input_shape[0]} numbers; "
            "choose dataset=digits, or model=mlp"
        )
