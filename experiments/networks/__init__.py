"""Networks: the datasets, models and optimizers to choose from, shared by training and deployment."""

from experiments.networks.data import Data, Split
from experiments.networks.datasets import DATASETS, Dataset
from experiments.networks.models import MODELS, Model
from experiments.networks.optimizers import OPTIMIZERS, Optimizer

__all__ = ["DATASETS", "MODELS", "OPTIMIZERS", "Data", "Dataset", "Model", "Optimizer", "Split"]
