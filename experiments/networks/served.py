"""The model that is saved: it takes what its user has, and gives what its user wants.

``served(network, data)`` puts the data's preprocessing before a trained network, and probabilities and class names
behind it. The network within stays what it was; runtimes that have no text are made from it.
"""

from __future__ import annotations

from typing import Any

from experiments.networks.data import Data
from experiments.networks.preprocessing import any_names, lookup_of

LOGITS, PROBABILITIES, CLASS = "logits", "probabilities", "class"
"""The outputs of a classifier: numbers [n, classes], shares [n, classes], and the name [n] of the likeliest class."""

SUFFIX = "_served"
"""The end of a served model's name, which begins with its network's."""


def served(network: Any, data: Data) -> Any:
    """Return the model around ``network`` with the user's inputs and outputs.

    A classifier gives a dict of :data:`LOGITS`, :data:`PROBABILITIES` and :data:`CLASS`; a regression its targets. A
    network that needs nothing around it is returned as it is.
    """
    import keras

    taken = network.inputs[0]
    if data.preprocessing is not None:
        raw, encoded = data.preprocessing.layers(taken.dtype, network.name)
    elif data.task == "regression":
        return network
    else:
        raw = encoded = keras.Input(taken.shape[1:], dtype=taken.dtype, name=taken.name)
    outputs = network(encoded)
    if data.task == "classification":
        names = lookup_of(data.class_names, num_oov_indices=0, invert=True, name="class.names")
        likeliest = names(keras.ops.argmax(outputs, -1))
        outputs = {LOGITS: outputs, PROBABILITIES: keras.ops.softmax(outputs), CLASS: likeliest}
    with any_names():
        return keras.Model(raw, outputs, name=network.name + SUFFIX)


def network_of(model: Any) -> Any:
    """Return the network within a model of :func:`served`: one input and one output of numbers. Others stay as is."""
    within = [layer for layer in getattr(model, "layers", ()) if layer.name + SUFFIX == model.name]
    return within[0] if within else model


def scores_of(outputs: Any) -> Any:
    """Return the logits among a classifier's outputs; the outputs of any other model as they are."""
    return outputs[LOGITS] if isinstance(outputs, dict) and LOGITS in outputs else outputs
