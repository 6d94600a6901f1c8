"""The catalogue of all operators.

To add one, add an entry to one of these modules: its operands, its call in TensorFlow, and the same in NumPy.
"""

from __future__ import annotations

from experiments.operators.catalogue.activations import ACTIVATIONS
from experiments.operators.catalogue.images import IMAGES
from experiments.operators.catalogue.normalisations import NORMALISATIONS
from experiments.operators.catalogue.products import PRODUCTS
from experiments.operators.catalogue.sequences import SEQUENCES
from experiments.operators.operator import Operator

OPERATORS: dict[str, Operator] = {
    operator.name: operator for operator in (*PRODUCTS, *IMAGES, *NORMALISATIONS, *ACTIVATIONS, *SEQUENCES)
}
"""All operators by name."""

__all__ = ["OPERATORS"]
