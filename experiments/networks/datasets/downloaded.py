"""The datasets that Keras downloads."""

from __future__ import annotations

import contextlib
import socket
from abc import abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass
from io import StringIO
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from experiments.experiment import Refused
from experiments.networks.data import Data
from experiments.networks.datasets.dataset import Dataset, picked
from experiments.networks.datasets.ready import ready
from experiments.networks.datasets.splitting import Array
from experiments.reporting.text import one_line
from experiments.runtime.keras_variables import users_keras_home

SECONDS_WITHOUT_AN_ANSWER = 10.0
"""The socket timeout: a network that drops packets would otherwise keep a run waiting for minutes."""


@dataclass
class Downloaded(Dataset):
    """Images that Keras loads from its cache, to which it downloads them first if need be."""

    class_names: ClassVar[tuple[str, ...]] = tuple("0123456789")
    cache: ClassVar[str]
    """The name of the file or folder in the folder ``datasets`` of Keras' cache."""
    address: ClassVar[str]
    """The address to download it from by hand."""

    def load(self, seed: int) -> Data:
        with _patience(), contextlib.redirect_stdout(StringIO()):  # Keras draws a progress bar
            try:
                _use_cache_of_user()
                (x, y), (x_test, y_test) = self._arrays()
            except Exception as error:  # Keras raises the bare class when the network is away
                raise Refused(self._absence(error)) from error
        x, y = _images(x), _class_numbers(y)
        x_test, y_test = _images(x_test), _class_numbers(y_test)
        train, validation = self._training(x, y, np.arange(len(y)), seed)
        return ready(
            Data(
                name=self.name,
                task="classification",
                train=train,
                validation=validation,
                test=picked(x_test, y_test, np.arange(len(y_test))),
                class_names=self.class_names,
                is_image=True,
                source=f"keras.datasets.{self.name}: {self.address}",
            )
        )

    @abstractmethod
    def _arrays(self) -> Any:
        """Load ``(x, y), (x, y)`` with Keras' loader: first for training, then for the test."""

    def _absence(self, error: Exception) -> str:
        place = Path(users_keras_home(), "datasets", self.cache)
        return (
            f"{self.name} is not here and cannot be downloaded ({one_line(error)}); put {self.address} at {place}, "
            "or choose dataset=npz with a file of yours, or dataset=digits, which needs no network"
        )


@dataclass
class Mnist(Downloaded):
    """70,000 handwritten digits of 28 x 28 pixels, 10,000 of them for the test."""

    name: ClassVar[str] = "mnist"
    cache: ClassVar[str] = "mnist.npz"
    address: ClassVar[str] = "https://storage.googleapis.com/tensorflow/tf-keras-datasets/mnist.npz"

    def _arrays(self) -> Any:
        from keras.datasets import mnist

        return mnist.load_data()


@dataclass
class FashionMnist(Downloaded):
    """70,000 pictures of clothes with 28 x 28 pixels, 10,000 of them for the test."""

    name: ClassVar[str] = "fashion_mnist"
    class_names: ClassVar[tuple[str, ...]] = (
        "T-shirt/top",
        "trouser",
        "pullover",
        "dress",
        "coat",
        "sandal",
        "shirt",
        "sneaker",
        "bag",
        "ankle boot",
    )
    cache: ClassVar[str] = "fashion-mnist"
    address: ClassVar[str] = "the four .gz files of https://github.com/zalandoresearch/fashion-mnist"

    def _arrays(self) -> Any:
        from keras.datasets import fashion_mnist

        return fashion_mnist.load_data()


@dataclass
class Cifar10(Downloaded):
    """60,000 colour photographs of 32 x 32 pixels, 10,000 of them for the test."""

    name: ClassVar[str] = "cifar10"
    class_names: ClassVar[tuple[str, ...]] = (
        "airplane",
        "automobile",
        "bird",
        "cat",
        "deer",
        "dog",
        "frog",
        "horse",
        "ship",
        "truck",
    )
    cache: ClassVar[str] = "cifar-10-batches-py-target_archive"
    address: ClassVar[str] = "https://www.cs.toronto.edu/~kriz/cifar-10-python.tar.gz"

    def _arrays(self) -> Any:
        from keras.datasets import cifar10

        return cifar10.load_data()


def _use_cache_of_user() -> None:
    """Have Keras look for datasets where the user keeps them: its settings come from a folder of ours."""
    from keras.src.backend import config

    config._KERAS_DIR = str(users_keras_home())


@contextlib.contextmanager
def _patience() -> Iterator[None]:
    """Limit the time for which sockets opened within wait for an answer."""
    before = socket.getdefaulttimeout()
    socket.setdefaulttimeout(SECONDS_WITHOUT_AN_ANSWER)
    try:
        yield
    finally:
        socket.setdefaulttimeout(before)


def _images(x: Array) -> Array:
    """Images as [n, height, width, channels]; the axis for channels is added where the loader has none."""
    return x[..., None] if x.ndim == 3 else x


def _class_numbers(y: Array) -> Array:
    """Class numbers as int64 [n], from [n] or [n, 1]."""
    return y.reshape(-1).astype(np.int64)
