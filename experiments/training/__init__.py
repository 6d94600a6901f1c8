"""Networks learn a dataset: models, loops, checkpoints, and what the network gets wrong in the end."""

from experiments.training.experiment import Training

__all__ = ["Training"]
