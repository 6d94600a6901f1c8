"""The experiment ``deployment``: one trained model, served by each backend in turn."""

from experiments.deployment.experiment import Deployment

__all__ = ["Deployment"]
