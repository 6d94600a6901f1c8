"""Putting a trained model to work: the ways it can be served, side by side."""

from experiments.deployment.experiment import Deployment

__all__ = ["Deployment"]
