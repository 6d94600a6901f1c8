"""A model of the user's own, from a file."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from experiments.experiment import Refused
from experiments.networks.data import Data
from experiments.networks.datasets.files import located
from experiments.networks.models.ends import STANDARDISED, end, has_unit, in_unit_of
from experiments.networks.models.model import Model
from experiments.networks.saving.load import load
from experiments.networks.saving.recognise import require_keras
from experiments.networks.served import network_of
from experiments.reporting.text import listed
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
        self._require_precision(start)
        if self.classes is None:
            return _with_logits(start) if data.task == "classification" else in_unit_of(data, start)
        raw = keras.Input(data.input_shape, dtype=start.inputs[0].dtype, name="raw")
        return end(data, raw, self._body(start)(raw), self.name)

    def _require_precision(self, start: Any) -> None:
        """Raise Refused where the file's layers compute in another precision than the one that is asked for.

        The last layer of our own networks is float32 in any precision.
        """
        import keras

        asked = keras.config.dtype_policy().name
        found = {one.dtype_policy.name for one in _layers(start) if one.weights and one.name != STANDARDISED}
        mixed = sorted(name for name in found if name.startswith("mixed_"))
        if asked != "float32" and found and asked not in found:
            raise Refused(
                f"{self.path}: its layers compute in {listed(sorted(found))}, as the file says, and not in {asked}; "
                f"{f'say experiment.precision={mixed[0]}' if mixed else 'leave out experiment.precision'}"
            )
        if asked == "float32" and mixed:
            raise Refused(
                f"{self.path}: its layers compute in {mixed[0]}, as the file says; say experiment.precision={mixed[0]}"
            )

    def _body(self, start: Any) -> Any:
        """Return the part of a model behind which a new last layer is put. Raises Refused if there is none."""
        body = _without_head(start)
        if body is None:
            raise Refused(
                f"{self.path}: a new last layer cannot be put in the place of its own: no vector is given to the last "
                "layer that has weights, or the output does not come from that layer alone; cut the model in a file of "
                "its own, and leave out experiment.model.classes"
            )
        return body

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


def _without_head(model: Any, name: str = "body") -> Any:
    """Return the model up to the vector that its last layer with weights takes, perhaps one of a model within.

    A model that has no such layer but ends with a vector, as one does whose last layers pool, is returned whole; None
    where neither is so, or not everything passes through that layer.
    """
    import keras

    head = next((layer for layer in reversed(model.layers) if layer.weights), None)
    if head is not None:
        call = _only_call(head, model.outputs[0])
        if call is None or len(call.input_tensors) != 1:
            return None
        (taken,) = call.input_tensors
        if not isinstance(head, keras.Model) and _is_vector(taken):
            return keras.Model(model.inputs[0], taken, name=name)
        if isinstance(head, keras.Model) and (body := _without_head(head, head.name)) is not None:
            return keras.Model(model.inputs[0], body(taken), name=name)
    return model if _is_vector(model.outputs[0]) else None


def _layers(model: Any) -> Iterator[Any]:
    """Yield a model's layers, and those of the models within."""
    import keras

    for layer in model.layers:
        if isinstance(layer, keras.Model):
            yield from _layers(layer)
        else:
            yield layer


def _is_vector(tensor: Any) -> bool:
    """Whether it is one tensor [examples, a known number]."""
    shape: Any = getattr(tensor, "shape", ())
    return len(shape) == 2 and shape[1] is not None


def _only_call(layer: Any, output: Any) -> Any:
    """Return the call of a layer from which alone an output follows, as Keras' node; None if there is none."""
    calls, to_do = {}, [output]
    while to_do:
        operation, index, _ = to_do.pop()._keras_history
        node = operation._inbound_nodes[index]
        if operation is layer:
            calls[index] = node
        elif node.input_tensors:
            to_do += node.input_tensors
        else:  # an input of the model, past the layer
            return None
    return next(iter(calls.values())) if len(calls) == 1 else None


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
