"""Automatic differentiation: derivatives of any expression, each beside the truth."""

from experiments.autodiff.experiment import Autodiff

__all__ = ["Autodiff"]
