"""A dataset from a user's folder of images."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar

import numpy as np

from experiments.experiment import Refused
from experiments.networks.data import Data, Split
from experiments.networks.datasets.dataset import Dataset
from experiments.networks.datasets.files import located, named
from experiments.networks.datasets.image_files import ImageFiles, classes_of, decoded, remarks, require_whole
from experiments.networks.datasets.kept import Kept, fits_into_memory
from experiments.networks.datasets.splitting import Array, Rows, split_off
from experiments.networks.preprocessing import Resized
from experiments.validators import InvalidField, require_choice, require_share

CHANNELS = {"rgb": 3, "grayscale": 1}
"""Keras' names of what an image becomes, whatever it is in its file."""


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
    stream: bool | None = None
    """Whether the resized images stay on disk and are read while the network trains; None if memory does not do."""

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
        folders = self._folders
        classes = classes_of(folders[0])
        for other in folders[1:]:
            if wrong := sorted({*classes} ^ {*classes_of(other)}):
                raise Refused(f"{folders[0]} and {other} do not have the same classes: only one has {wrong[0]!r}")
        for folder in folders:
            with named(folder):
                require_whole(folder, classes)

    def load(self, seed: int) -> Data:
        folders = self._folders
        classes = classes_of(folders[0])
        listings = [ImageFiles.of(folder, classes) for folder in folders]
        files = [file for listing in listings for file in listing.files]
        y = np.concatenate([listing.labels for listing in listings])
        parts = self._parts(y, len(listings[0].files), seed)
        x = self._kept([files[row] for part in parts for row in part])
        ends = np.cumsum([len(part) for part in parts])
        train, validation, test = (
            Split(x[end - len(part) : end], y[part]) for part, end in zip(parts, ends, strict=True)
        )
        return Data(
            self.name, "classification", train, validation, test, tuple(classes), is_image=True,
            source=", and ".join(listing.source for listing in listings),
            remarks=tuple(remarks(listings)),
            preprocessing=Resized((self.image_size[0], self.image_size[1]), CHANNELS[self.color_mode]),
        )  # fmt: skip

    @property
    def _folders(self) -> list[Path]:
        return [located(path) for path in (self.path, self.test_path) if path.strip()]

    def _parts(self, y: Array, in_first: int, seed: int) -> tuple[Rows, Rows, Rows]:
        """Return which images are to train, to validate and to test; the first folder has ``in_first`` of them."""
        if len(y) > in_first:
            learnt, tested = np.arange(in_first), np.arange(in_first, len(y))
        else:
            learnt, tested = split_off(np.arange(len(y)), y, self.test_share, len(y), seed)
        return *self._training_rows(y[:in_first], learnt, seed), tested

    def _kept(self, files: list[Path]) -> Array:
        """Return the resized images [n, height, width, channels] as bytes, in memory or on disk."""
        channels = CHANNELS[self.color_mode]
        shape = (len(files), *self.image_size, channels)
        streams = not fits_into_memory(math.prod(shape)) if self.stream is None else self.stream
        x, done = Kept(streams, "the resized images", "lower experiment.dataset.image_size").room(shape, np.uint8), 0
        for block in decoded(files, self.image_size, channels):
            x[done : done + len(block)] = block
            done += len(block)
        return x
