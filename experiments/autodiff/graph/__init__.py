"""Draw the computational graph of a value and its derivatives: as traced, and as TensorFlow optimised it.

Takes any function of tensors that returns a value and derivatives; knows nothing of expressions.
"""

from experiments.autodiff.graph.drawing import Drawing, draw

__all__ = ["Drawing", "draw"]
