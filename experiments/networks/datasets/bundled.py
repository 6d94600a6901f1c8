"""The datasets that come with scikit-learn."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from experiments.networks.data import Data, Task
from experiments.networks.datasets.dataset import Dataset, picked
from experiments.networks.datasets.ready import ready
from experiments.networks.datasets.splitting import split_off
from experiments.validators import InvalidField, require_share


@dataclass
class Bundled(Dataset):
    """One of scikit-learn's small datasets, which has no test set of its own."""

    task: ClassVar[Task] = "classification"
    image_shape: ClassVar[tuple[int, int, int] | None] = None
    """Height, width and channels where the features are pixels; None where they are not."""
    origin: ClassVar[str]
    """The dataset's source, for citation."""

    test_share: float = 0.2
    """The test set's share of all examples."""

    def __post_init__(self) -> None:
        super().__post_init__()
        require_share(self, "test_share")
        if self.validation_share + self.test_share >= 1:
            taken = f"{self.validation_share} for validation and {self.test_share} for the test"
            raise InvalidField(self, "test_share", f"{taken} leave nothing to train with")

    def load(self, seed: int) -> Data:
        bunch, image_shape = self._bunch(), self.image_shape
        is_classification = self.task == "classification"
        x, y = bunch.data, bunch.target.astype(np.int64 if is_classification else np.float64)
        if image_shape:
            x = x.reshape(-1, *image_shape)
        rows, test = split_off(np.arange(len(y)), y, self.test_share, len(y), seed)
        train, validation = self._training(x, y, rows, seed)
        return ready(
            Data(
                name=self.name,
                task=self.task,
                train=train,
                validation=validation,
                test=picked(x, y, test),
                class_names=tuple(map(str, bunch.target_names)) if is_classification else (),
                is_image=image_shape is not None,
                source=f"scikit-learn, load_{self.name}: {self.origin}",
            )
        )

    @abstractmethod
    def _bunch(self) -> Any:
        """Load the dataset with scikit-learn's loader."""


@dataclass
class Digits(Bundled):
    """1,797 handwritten digits of 8 x 8 pixels, each from 0 to 16."""

    name: ClassVar[str] = "digits"
    image_shape: ClassVar[tuple[int, int, int] | None] = (8, 8, 1)
    origin: ClassVar[str] = "the test set of UCI's Optical Recognition of Handwritten Digits, Alpaydin and Kaynak 1998"

    def _bunch(self) -> Any:
        from sklearn.datasets import load_digits

        return load_digits()


@dataclass
class Iris(Bundled):
    """150 flowers of three species, with four lengths in cm each."""

    name: ClassVar[str] = "iris"
    origin: ClassVar[str] = "Fisher, The use of multiple measurements in taxonomic problems, 1936"

    def _bunch(self) -> Any:
        from sklearn.datasets import load_iris

        return load_iris()


@dataclass
class Wine(Bundled):
    """178 wines of three cultivators, with 13 chemical measurements each."""

    name: ClassVar[str] = "wine"
    origin: ClassVar[str] = "UCI's Wine, Aeberhard and Forina 1991"

    def _bunch(self) -> Any:
        from sklearn.datasets import load_wine

        return load_wine()


@dataclass
class BreastCancer(Bundled):
    """569 tumours, malignant or benign, with 30 measurements of the cell nuclei each."""

    name: ClassVar[str] = "breast_cancer"
    origin: ClassVar[str] = "UCI's Breast Cancer Wisconsin (Diagnostic), Wolberg et al. 1995"

    def _bunch(self) -> Any:
        from sklearn.datasets import load_breast_cancer

        return load_breast_cancer()


@dataclass
class Diabetes(Bundled):
    """442 patients, with ten measurements each, and how far the disease had progressed a year later (25 to 346)."""

    name: ClassVar[str] = "diabetes"
    task: ClassVar[Task] = "regression"
    origin: ClassVar[str] = "Efron, Hastie, Johnstone and Tibshirani, Least Angle Regression, 2004"

    def _bunch(self) -> Any:
        from sklearn.datasets import load_diabetes

        return load_diabetes()
