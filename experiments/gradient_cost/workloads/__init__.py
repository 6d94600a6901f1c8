"""The workloads whose gradients are timed."""

from experiments.gradient_cost.workloads.gmm import GaussianMixture
from experiments.gradient_cost.workloads.kmeans import KMeans
from experiments.gradient_cost.workloads.least_squares import LeastSquares
from experiments.gradient_cost.workloads.logsumexp import LogSumExp
from experiments.gradient_cost.workloads.mlp import MlpLoss
from experiments.gradient_cost.workloads.particle import Particle
from experiments.gradient_cost.workloads.saddle import Saddle
from experiments.gradient_cost.workloads.workload import Operands, Workload

WORKLOADS: tuple[type[Workload], ...] = (GaussianMixture, KMeans, LogSumExp, LeastSquares, Saddle, Particle, MlpLoss)

__all__ = [
    "WORKLOADS",
    "GaussianMixture",
    "KMeans",
    "LeastSquares",
    "LogSumExp",
    "MlpLoss",
    "Operands",
    "Particle",
    "Saddle",
    "Workload",
]
