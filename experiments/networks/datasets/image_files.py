"""The files of a folder of images: which there are, whether they are whole, and what they hold."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from experiments.experiment import Refused
from experiments.networks.datasets.files import digest_of_folder, named
from experiments.reporting.text import listed

Array = npt.NDArray[Any]

SUFFIXES = (".bmp", ".gif", ".jpeg", ".jpg", ".png")
"""The files that Keras takes for images, by the end of their names."""

BLOCK_BYTES = 2**22
"""About how many bytes of images are handed over at a time."""

END_OF_JPEG = b"\xff\xd9"
TAIL_BYTES = 64
"""How far before a JPEG's last byte its end may be written."""


@dataclass(frozen=True)
class ImageFiles:
    """The images of a folder, in Keras' order."""

    folder: Path
    classes: Sequence[str]
    files: Sequence[Path]

    @classmethod
    def of(cls, folder: Path, classes: Sequence[str]) -> ImageFiles:
        """List a folder as Keras' ``image_dataset_from_directory`` does."""
        import keras

        found = keras.utils.image_dataset_from_directory(
            folder, class_names=list(classes), batch_size=None, verbose=False, shuffle=False
        )
        return cls(folder, classes, [Path(file) for file in found.file_paths])

    @property
    def labels(self) -> npt.NDArray[np.int64]:
        """The class numbers [n]."""
        numbers = {name: number for number, name in enumerate(self.classes)}
        return np.array([numbers[file.relative_to(self.folder).parts[0]] for file in self.files], dtype=np.int64)

    @property
    def source(self) -> str:
        """The folder, and the hash of all that is in it."""
        return f"{self.folder}, sha256 {digest_of_folder(self.folder, self.files)}"

    @property
    def others(self) -> int:
        """How many files are no images by their names."""
        there = sum(path.is_file() for name in self.classes for path in (self.folder / name).rglob("*"))
        return there - len(self.files)


def remarks(listings: Sequence[ImageFiles]) -> Iterator[str]:
    """Yield what is left out, and whether images are distorted."""
    from PIL import Image

    if others := sum(listing.others for listing in listings):
        yield f"Files that are no images by their names are left out: {others:,}."
    sizes = set()
    for file in (file for listing in listings for file in listing.files):
        with Image.open(file) as image:
            sizes.add(image.size)
    if len(sizes) > 1:
        yield f"Images of {len(sizes):,} different sizes are resized to one, whatever their proportions."


def classes_of(folder: Path) -> list[str]:
    """Return the names of the folders in it. Raises Refused unless there are several, each with an image at least."""
    with named(folder):
        try:
            classes = sorted(found.name for found in os.scandir(folder) if found.is_dir() and found.name[0] != ".")
        except (OSError, ValueError) as error:  # ValueError: a path with a zero byte in it
            raise Refused(f"cannot be read ({getattr(error, 'strerror', None) or error})") from error
        if len(classes) < 2:
            has = f"one folder in it, {classes[0]}" if classes else "no folders in it"
            raise Refused(f"has {has}; a folder for each class with its images is needed")
        if empty := [name for name in classes if not next(_images_in(folder / name), None)]:
            raise Refused(
                f"has no image in {listed(empty)}; images end with {', '.join(SUFFIXES)}: "
                "take such a folder away, or put images of the class into it"
            )
        if shared := _classes_within([folder / name for name in classes]):
            part = next((name for name in classes if "train" in name.lower()), classes[0])
            raise Refused(
                f"has no classes but parts, {listed(classes)}, each with a folder {shared[0]}: learn from one of them, "
                f"experiment.dataset.path={folder / part}"
            )
        return classes


def _classes_within(folders: Sequence[Path]) -> list[str]:
    """Return the names of folders that all of ``folders`` have, where none has an image of its own beside them."""
    if any(path.parent == folder for folder in folders for path in _images_in(folder)):
        return []
    return sorted(set.intersection(*({path.name for path in folder.iterdir() if path.is_dir()} for folder in folders)))


def require_whole(folder: Path, classes: Sequence[str]) -> None:
    """Raise Refused unless each image is whole as far as its first bytes, checksums and last bytes tell."""
    from PIL import Image

    for file in (file for name in classes for file in sorted(_images_in(folder / name))):
        try:
            with Image.open(file) as image:
                image.verify()
            if image.format == "JPEG" and not _ends_as_jpeg(file):  # it has no checksums: its pixels have to tell
                with Image.open(file) as image:
                    image.load()
        except Exception as error:  # Pillow raises whatever its decoders do
            raise _broken(file) from error


def decoded(files: Sequence[Path], size: Sequence[int], channels: int) -> Iterator[Array]:
    """Yield the images [some, height, width, channels] as bytes, resized as by ``image_dataset_from_directory``.

    Raises Refused for a file that cannot be decoded.
    """
    import tensorflow as tf

    some = max(BLOCK_BYTES // (size[0] * size[1] * channels), 1)
    done = 0
    try:
        for block in _images(files, size, channels).batch(some).prefetch(1):
            yield block.numpy()
            done += len(block)
    except tf.errors.OpError:  # it does not name the file
        _require_decodable(files[done:], size, channels)
        raise


def _images(files: Sequence[Path], size: Sequence[int], channels: int) -> Any:
    """Return a ``tf.data.Dataset`` of the resized images [height, width, channels], in the order of the files."""
    import tensorflow as tf

    def image_of(path: Any, is_for_pillow: Any) -> Any:
        image = tf.cond(
            is_for_pillow,
            lambda: tf.numpy_function(_pixels, [path, channels], tf.uint8),
            lambda: tf.io.decode_image(tf.io.read_file(path), channels=channels, expand_animations=False),
        )
        image.set_shape([None, None, channels])
        return tf.cast(tf.round(tf.image.resize(image, size, method="bilinear")), tf.uint8)

    known = [str(file) for file in files], [_is_for_pillow(file) for file in files]
    return tf.data.Dataset.from_tensor_slices(known).map(image_of, num_parallel_calls=os.cpu_count())


def _is_for_pillow(file: Path) -> bool:
    """Tell whether TensorFlow does not decode this kind: no GIF, BMP or CMYK in grey, and no BMP with a palette."""
    from PIL import Image

    try:
        with Image.open(file) as image:
            return image.format in ("BMP", "GIF") or image.mode == "CMYK"
    except Exception as error:  # Pillow raises whatever its decoders do
        raise _broken(file) from error


def _pixels(path: bytes, channels: int) -> Array:
    """Return an image [height, width, channels] as Pillow decodes it; of an animation the first one."""
    from PIL import Image

    with Image.open(path) as image:
        pixels = np.asarray(image.convert("RGB" if channels == 3 else "L"))
    return pixels.reshape(*pixels.shape[:2], channels)


def _require_decodable(files: Sequence[Path], size: Sequence[int], channels: int) -> None:
    """Raise Refused for the first file that cannot be decoded."""
    import tensorflow as tf

    whole = 0
    try:
        for _ in _images(files, size, channels):
            whole += 1
    except tf.errors.OpError as error:
        raise _broken(files[whole]) from error


def _images_in(folder: Path) -> Iterator[Path]:
    """Yield the images in a folder and in the folders within, as Keras finds them."""
    return (path for path in folder.rglob("*") if path.suffix.lower() in SUFFIXES and path.is_file())


def _ends_as_jpeg(file: Path) -> bool:
    with file.open("rb") as content:
        content.seek(max(file.stat().st_size - TAIL_BYTES, 0))
        return END_OF_JPEG in content.read()


def _broken(file: Path) -> Refused:
    return Refused(f"{file} is no whole image, and cannot be learnt from: repair it, or take it away")
