"""Automatic differentiation: the time of a gradient over the time of its function."""

from experiments.gradient_cost.experiment import GradientCost

__all__ = ["GradientCost"]
