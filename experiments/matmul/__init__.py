"""Accelerated computing: the time of a matrix product against its size."""

from experiments.matmul.experiment import Matmul

__all__ = ["Matmul"]
