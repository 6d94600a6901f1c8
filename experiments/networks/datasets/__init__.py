"""The datasets to choose from."""

from experiments.networks.datasets.bundled import BreastCancer, Diabetes, Digits, Iris, Wine
from experiments.networks.datasets.dataset import Dataset
from experiments.networks.datasets.downloaded import Cifar10, FashionMnist, Mnist
from experiments.networks.datasets.npz import Npz

DATASETS: tuple[type[Dataset], ...] = (
    Digits,
    Iris,
    Wine,
    BreastCancer,
    Diabetes,
    Mnist,
    FashionMnist,
    Cifar10,
    Npz,
)

__all__ = [
    "DATASETS",
    "BreastCancer",
    "Cifar10",
    "Dataset",
    "Diabetes",
    "Digits",
    "FashionMnist",
    "Iris",
    "Mnist",
    "Npz",
    "Wine",
]
