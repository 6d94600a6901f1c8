"""What a trained model takes and gives, in words for those who use it."""

from __future__ import annotations

from experiments.networks.data import Data
from experiments.networks.preprocessing import Resized
from experiments.networks.served import CLASS, LOGITS, PROBABILITIES
from experiments.reporting.markdown import literal
from experiments.reporting.text import listed

MOST_CLASSES = 20
"""Classes are named up to this number of them."""


def meaning(data: Data) -> str:
    """Return sentences of Markdown on the saved model's inputs and outputs."""
    return " ".join([*_inputs(data), _outputs(data)])


def _inputs(data: Data) -> list[str]:
    said = ["Inputs are as the dataset has them: the model scales them itself. Other dtypes are cast."]
    if data.test_rows is not None:
        said.append("A missing number is NaN (`null` in JSON), a missing text is empty.")
    if isinstance(data.preprocessing, Resized):
        said.append("Images may have any size.")
    if data.is_image and data.input_shape[-1] == 1:
        said.append("The axis of the single channel may be missing.")
    return said


def _outputs(data: Data) -> str:
    if data.task == "regression":
        return "The output is the target in its own unit."
    names = listed([literal(name) for name in data.class_names], MOST_CLASSES)
    return (
        f"`{LOGITS}` and `{PROBABILITIES}` have a column for each class, in this order: {names}. `{CLASS}` is the name "
        "of the likeliest one, as bytes where Keras itself gives it."
    )
