"""The computational graph TensorFlow builds of an expression and its derivatives, drawn.

As traced and, beside it, as TensorFlow optimised it. Knows nothing of expressions: it takes any
function of tensors that returns a value and derivatives.
"""

from experiments.autodiff.graph.drawing import Drawing, draw

__all__ = ["Drawing", "draw"]
