"""Ready-made operations and layers: the time of each, forward and backward."""

from experiments.operators.experiment import Operators

__all__ = ["Operators"]
