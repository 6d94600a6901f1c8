"""A model of the user's own, from a file."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from experiments.experiment import Refused
from experiments.networks.data import Data
from experiments.networks.datasets.files import located
from experiments.networks.models.ends import end, has_unit, in_unit_of
from experiments.networks.models.model import Model
from experiments.networks.saving.load import load
from experiments.networks.saving.recognise import require_keras
from experiments.networks.served import network_of
from experiments.validators import InvalidField, require_at_least

if TYPE_CHECKING:
    import keras


@dataclass
class KerasFile(Model):
    """A ``.keras`` file as the start of a training: its weights are trained further, or its last layer is replaced.

    Keras' safe mode is on: Python code in the file is refused. Of a model that this experiment has saved, the network
    within is taken; a regression goes on in the unit of the targets that it now gets.
    """

    name: ClassVar[str] = "keras_file"

    path: str = ""
    classes: int | None = None
    """The number of outputs of a new last layer in place of the file's; None keeps the file's."""

    def __post_init__(self) -> None:
        require_at_least(self, "classes", 1)
        if not self.path.strip():
            raise InvalidField(self, "path", "names no file; say experiment.model.path=FOLDER/FILE.keras")

    def check(self) -> None:
        require_keras(self._file)

    def build(self, data: Data, seed: int) -> keras.Model:
        import keras

        if self.classes not in (None, data.outputs):
            raise Refused(f"experiment.model.classes={self.classes}, but {data.name} has {data.outputs} of them")
        start = network_of(load(self._file))
        self._require_fitting(start, data)
        if self.classes is None:
            return _with_logits(start) if data.task == "classification" else in_unit_of(data, start)
        raw = keras.Input(data.input_shape, dtype=start.inputs[0].dtype, name="raw")
        return end(data, raw, _without_head(start)(raw), self.name)

    @property
    def _file(self) -> Path:
        return located(self.path)

    def _require_fitting(self, start: Any, data: Data) -> None:
        """Raise Refused unless the model takes such examples and gives as many numbers as there are classes."""
        taken, given = list(getattr(start, "inputs", None) or []), list(getattr(start, "outputs", None) or [])
        if len(taken) != 1 or len(given) != 1:
            raise Refused(
                f"{self.path}: it has {len(taken)} inputs and {len(given)} outputs; one of each can be trained"
            )
        shape = tuple(taken[0].shape[1:])
        if len(shape) != len(data.input_shape) or any(
            size not in (None, wanted) for size, wanted in zip(shape, data.input_shape, strict=True)
        ):
            raise Refused(
                f"{self.path}: it takes inputs of shape {list(shape)}, but an example of {data.name} is "
                f"{list(data.input_shape)}"
            )
        if self.classes is None and tuple(given[0].shape[1:]) != (data.outputs,):
            raise Refused(
                f"{self.path}: it gives {list(given[0].shape[1:])} an example, but {data.name} has {data.outputs} "
                f"classes; experiment.model.classes={data.outputs} puts a new last layer in the place of its own"
            )
        if self.classes is None and data.task == "classification" and _has_sigmoid(start):
            raise Refused(
                f"{self.path}: it ends with a sigmoid, which gives each class a probability of its own, but an example "
                f"of {data.name} has one class; experiment.model.classes={data.outputs} puts a new last layer in the "
                "place of its own"
            )
        if self.classes is None and data.task == "regression" and not has_unit(start):
            raise Refused(
                f"{self.path}: the unit of its output is not known; experiment.model.classes=1 puts a new last layer "
                "in the place of its own"
            )


def _without_head(model: Any) -> Any:
    """Return the model up to the vector that its last layer with weights takes, perhaps one of a model within."""
    import keras

    head = next((layer for layer in reversed(model.layers) if layer.weights), model.layers[-1])
    taken = keras.Operation.input.fget(head)  # a model's own ``input`` is not what it is called with
    return keras.Model(
        model.inputs[0], _without_head(head)(taken) if isinstance(head, keras.Model) else taken, name="body"
    )


def _has_sigmoid(model: Any) -> bool:
    import keras

    last = model.outputs[0]._keras_history.operation
    if isinstance(last, keras.Model):
        return _has_sigmoid(last)
    return getattr(last, "activation", None) is keras.activations.sigmoid or type(last).__name__ == "Sigmoid"


def _with_logits(model: Any) -> Any:
    """Return the model with logits in place of probabilities: the loss takes logits."""
    import keras

    last = model.outputs[0]._keras_history.operation  # a function such as keras.ops.softmax is none of the layers
    is_softmax = getattr(last, "activation", None) is keras.activations.softmax
    if isinstance(last, keras.Model):
        return _with_another(last, _with_logits(last), model)
    if is_softmax and last.weights:
        last.activation = keras.activations.linear
        return _with_another(last, last, model)
    if is_softmax or type(last).__name__ == "Softmax":
        return keras.Model(model.inputs[0], last.input, name=model.name)
    return model


def _with_another(last: Any, replacement: Any, model: Any) -> Any:
    """Return the model with the same layers, but for the last one."""
    import keras

    return keras.models.clone_model(model, clone_function=lambda layer: replacement if layer is last else layer)
