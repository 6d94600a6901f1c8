"""The datasets to choose from."""

from experiments.networks.datasets.arrays import Arrays
from experiments.networks.datasets.bundled import BreastCancer, Diabetes, Digits, Iris, Wine
from experiments.networks.datasets.csv import Csv
from experiments.networks.datasets.dataset import Dataset
from experiments.networks.datasets.downloaded import Cifar10, FashionMnist, Mnist
from experiments.networks.datasets.images import Images
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
    Csv,
    Images,
)

__all__ = [
    "DATASETS",
    "Arrays",
    "BreastCancer",
    "Cifar10",
    "Csv",
    "Dataset",
    "Diabetes",
    "Digits",
    "FashionMnist",
    "Images",
    "Iris",
    "Mnist",
    "Npz",
    "Wine",
]
