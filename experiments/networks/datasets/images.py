"""A dataset from a user's folder of images."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import ClassVar

import numpy as np

from experiments.experiment import Refused
from experiments.networks.data import Data
from experiments.networks.datasets.dataset import Dataset, picked
from experiments.networks.datasets.files import digest_of_folder, named
from experiments.networks.datasets.ready import ready
from experiments.networks.datasets.splitting import Array, split_off
from experiments.networks.front import Resized
from experiments.reporting.text import listed
from experiments.validators import InvalidField, require_choice, require_share

CHANNELS = {"rgb": 3, "grayscale": 1}
"""Keras' names of what an image becomes, whatever it is in its file."""

SUFFIXES = (".bmp", ".gif", ".jpeg", ".jpg", ".png")
"""The files that Keras takes for images, by the end of their names."""


@dataclass
class Images(Dataset):
    """A folder with a folder of images for each class, as Keras' ``image_dataset_from_directory`` reads them."""

    name: ClassVar[str] = "images"

    path: str = ""
    test_path: str = ""
    """A folder with the same classes for the test; if empty, it is a part of the first folder."""
    image_size: list[int] = field(default_factory=lambda: [64, 64])
    """Height and width in pixels to which each image is resized, without regard to its proportions."""
    color_mode: str = "rgb"
    test_share: float = 0.2
    """The test set's share of all images, where it has no folder of its own."""

    def __post_init__(self) -> None:
        super().__post_init__()
        require_choice(self, "color_mode", tuple(CHANNELS))
        require_share(self, "test_share")
        if self.validation_share + self.test_share >= 1:
            raise InvalidField(self, "test_share", "leaves nothing to train with, beside validation_share")
        if not self.path.strip():
            raise InvalidField(self, "path", "names no folder; say experiment.dataset.path=FOLDER")
        if len(self.image_size) != 2 or not all(4 <= pixels <= 4096 for pixels in self.image_size):
            raise InvalidField(self, "image_size", f"{self.image_size} is not [height, width], each from 4 to 4096")

    def check(self) -> None:
        classes = self._classes(self.path)
        if self.test_path.strip() and (others := self._classes(self.test_path)) != classes:
            wrong = sorted({*classes} ^ {*others})[0]
            raise Refused(f"{self.path} and {self.test_path} do not have the same classes: only one has {wrong!r}")
        for path in filter(None, (self.path, self.test_path)):
            with named(Path(path)):
                _require_whole(_files(Path(path).expanduser(), classes))

    def load(self, seed: int) -> Data:
        classes = self._classes(self.path)
        x, y, source, remarks = self._read(self.path, classes)
        if self.test_path.strip():
            learnt = np.arange(len(y))
            x_test, y_test, test_source, _ = self._read(self.test_path, classes)
            test, source = picked(x_test, y_test, np.arange(len(y_test))), f"{source}, and {test_source}"
        else:
            learnt, tested = split_off(np.arange(len(y)), y, self.test_share, len(y), seed)
            test = picked(x, y, tested)
        train, validation = self._training(x, y, learnt, seed)
        front = Resized((self.image_size[0], self.image_size[1]), CHANNELS[self.color_mode])
        data = Data(
            self.name,
            "classification",
            train,
            validation,
            test,
            tuple(classes),
            is_image=True,
            source=source,
            front=front,
        )
        data = ready(data)
        return replace(data, remarks=(*remarks, *data.remarks))

    def _classes(self, given: str) -> list[str]:
        """Return the names of the folders. Raises Refused unless there are several, each with an image at least."""
        path = Path(given).expanduser()
        with named(path):
            try:
                classes = sorted(found.name for found in os.scandir(path) if found.is_dir() and found.name[0] != ".")
            except OSError as error:
                raise Refused(f"cannot be read ({error.strerror or error})") from error
            if len(classes) < 2:
                has = f"one folder, {classes[0]}" if classes else "no folders"
                raise Refused(f"has {has} in it; a folder for each class with its images is needed")
            if empty := [name for name in classes if not _files(path, [name])]:
                raise Refused(
                    f"has no image in {listed(empty)}; images end with {', '.join(SUFFIXES)}: "
                    "take such a folder away, or put images of the class into it"
                )
            return classes

    def _read(self, given: str, classes: Sequence[str]) -> tuple[Array, Array, str, list[str]]:
        """Return the images [n, height, width, channels], their class numbers, their source, and what is odd."""
        import keras

        path = Path(given).expanduser()
        found = keras.utils.image_dataset_from_directory(
            path, class_names=list(classes), color_mode=self.color_mode, batch_size=None, verbose=False,
            image_size=tuple(self.image_size), shuffle=False,
        )  # fmt: skip
        files = [Path(file) for file in found.file_paths]
        x = np.empty((len(files), *self.image_size, CHANNELS[self.color_mode]), dtype=np.float32)
        y = np.empty(len(files), dtype=np.int64)
        number = 0
        try:
            for number, (image, label) in enumerate(found):
                x[number], y[number] = image, label
        except Exception:  # TensorFlow does not name the file
            with named(path):
                _require_decodable(files[number:])
            raise
        return x, y, f"{path}, sha256 {digest_of_folder(path, files)}", list(_remarks(path, classes, files))


def _files(folder: Path, classes: Sequence[str]) -> list[Path]:
    """Return the images in the folders of the classes, and in the folders within these, as Keras finds them."""
    found = (path for name in classes for path in sorted((folder / name).rglob("*")))
    return [path for path in found if path.suffix.lower() in SUFFIXES and path.is_file()]


def _require_whole(files: Sequence[Path]) -> None:
    """Raise Refused unless each file is an image as far as its first bytes and its checksums tell."""
    from PIL import Image

    for file in files:
        try:
            with Image.open(file) as image:
                image.verify()
        except Exception as error:  # Pillow raises whatever its decoders do
            raise Refused(f"{file} is no whole image, and cannot be learnt from: repair it, or take it away") from error


def _require_decodable(files: Sequence[Path]) -> None:
    """Raise Refused for the first file that TensorFlow cannot decode."""
    import tensorflow as tf

    for file in files:
        try:
            tf.io.decode_image(tf.io.read_file(str(file)))
        except tf.errors.InvalidArgumentError as error:
            raise Refused(f"{file} is no whole image, and cannot be learnt from: repair it, or take it away") from error


def _remarks(folder: Path, classes: Sequence[str], files: Sequence[Path]) -> Iterator[str]:
    """Yield what is left out, and whether images have been distorted."""
    from PIL import Image

    others = sum(path.is_file() for name in classes for path in (folder / name).rglob("*")) - len(files)
    if others:
        yield f"Files that are no images by their names are left out: {others:,}."
    sizes = set()
    for file in files:
        with Image.open(file) as image:
            sizes.add(image.size)
    if len(sizes) > 1:
        yield f"Images of {len(sizes):,} different sizes are resized to one, whatever their proportions."
