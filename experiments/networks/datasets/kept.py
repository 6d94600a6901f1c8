"""Where the examples of a large set are kept: in memory, or in a file on disk that is read while a network trains."""

from __future__ import annotations

import math
import shutil
import tempfile
from collections.abc import Iterable
from typing import IO, Any

import numpy as np
import numpy.typing as npt

from experiments.experiment import Refused
from experiments.runtime.memory import left_bytes

Array = npt.NDArray[Any]

COPIES = 4
"""How often the examples may be in memory at a time: in NumPy's hands and TensorFlow's, in order, and being read."""


def fits_into_memory(shape: tuple[int, ...]) -> bool:
    """Tell whether a process may keep such an array of bytes, and train on it."""
    return COPIES * math.prod(shape) <= left_bytes()


def in_memory(blocks: Iterable[Array], shape: tuple[int, ...]) -> Array:
    """Return the rows of all ``blocks`` as one array of bytes."""
    kept, done = np.empty(shape, np.uint8), 0
    for block in blocks:
        kept[done : done + len(block)] = block
        done += len(block)
    return kept


def on_disk(blocks: Iterable[Array], shape: tuple[int, ...]) -> Array:
    """Return the rows of all ``blocks`` as one array of bytes that stays on disk, read-only.

    Its file is in the folder for temporary files, and has no name: it is gone with this process, however that ends.
    Raises Refused where the folder has too little space.
    """
    needed, folder = math.prod(shape), tempfile.gettempdir()
    if shutil.disk_usage(folder).free < needed:
        raise _no_space(needed, folder)
    file: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115  # the array keeps it open
    try:
        for block in blocks:
            file.write(block.tobytes())
        file.flush()
    except OSError as error:
        raise _no_space(needed, folder) from error
    return np.memmap(file, np.uint8, "r", shape=shape)


def _no_space(needed: int, folder: str) -> Refused:
    return Refused(
        f"{folder} has no {needed / 1e9:.1f} GB of space for the resized images; name another folder by the variable "
        "TMPDIR, or lower experiment.dataset.image_size"
    )
