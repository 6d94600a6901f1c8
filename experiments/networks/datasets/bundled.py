"""The datasets that come with scikit-learn."""

from __future__ import annotations

from abc import ABC
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from experiments.networks.data import Task
from experiments.networks.datasets.arrays import Arrays
from experiments.networks.datasets.splitting import Array


@dataclass
class Bundled(Arrays, ABC):
    """One of scikit-learn's small datasets."""

    image_shape: ClassVar[tuple[int, int, int] | None] = None
    """Height, width and channels where the features are pixels; None where they are not."""
    origin: ClassVar[str]
    """The dataset's source, for citation."""

    @property
    def source(self) -> str:
        return f"scikit-learn, load_{self.name}: {self.origin}"

    def arrays(self) -> tuple[Array, Array, Sequence[str]]:
        from sklearn import datasets

        bunch = getattr(datasets, f"load_{self.name}")()
        x = bunch.data.reshape(-1, *self.image_shape) if self.image_shape else bunch.data
        return x, bunch.target, bunch.get("target_names", ())


@dataclass
class Digits(Bundled):
    """1,797 handwritten digits of 8 x 8 pixels, each from 0 to 16."""

    name: ClassVar[str] = "digits"
    image_shape: ClassVar[tuple[int, int, int] | None] = (8, 8, 1)
    origin: ClassVar[str] = "the test set of UCI's Optical Recognition of Handwritten Digits, Alpaydin and Kaynak 1998"


@dataclass
class Iris(Bundled):
    """150 flowers of three species, with four lengths in cm each."""

    name: ClassVar[str] = "iris"
    origin: ClassVar[str] = "Fisher, The use of multiple measurements in taxonomic problems, 1936"


@dataclass
class Wine(Bundled):
    """178 wines of three cultivators, with 13 chemical measurements each."""

    name: ClassVar[str] = "wine"
    origin: ClassVar[str] = "UCI's Wine, Aeberhard and Forina 1991"


@dataclass
class BreastCancer(Bundled):
    """569 tumours, malignant or benign, with 30 measurements of the cell nuclei each."""

    name: ClassVar[str] = "breast_cancer"
    origin: ClassVar[str] = "UCI's Breast Cancer Wisconsin (Diagnostic), Wolberg et al. 1995"


@dataclass
class Diabetes(Bundled):
    """442 patients, with ten measurements each, and how far the disease had progressed a year later (25 to 346)."""

    name: ClassVar[str] = "diabetes"
    task: ClassVar[Task] = "regression"
    origin: ClassVar[str] = "Efron, Hastie, Johnstone and Tibshirani, Least Angle Regression, 2004"
