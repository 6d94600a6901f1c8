"""The experiment ``training``: a network learns a dataset, with checkpoints, and its mistakes are shown."""

from experiments.training.experiment import Training

__all__ = ["Training"]
