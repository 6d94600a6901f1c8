"""Where the examples of a large set are kept: in memory, or in a file on disk that is read while a network trains."""

from __future__ import annotations

import math
import os
import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from typing import IO, Any

import numpy as np
import numpy.typing as npt

from experiments.experiment import Refused
from experiments.runtime.memory import left_bytes

Array = npt.NDArray[Any]

COPIES = 4
"""How often the examples may be in memory at a time: in NumPy's hands and TensorFlow's, in order, and being read."""

BLOCK_BYTES = 2**23
"""About how many bytes of examples are converted at a time."""


def fits_into_memory(size: int) -> bool:
    """Tell whether a process may keep so many bytes of examples, and train on them."""
    return COPIES * size <= left_bytes()


@dataclass(frozen=True)
class Kept:
    """A place for arrays that are yet to be filled."""

    is_on_disk: bool
    what: str
    """What is kept, for the message where the disk is full."""
    remedy: str
    """What makes it less."""

    def room(self, shape: tuple[int, ...], dtype: npt.DTypeLike) -> Array:
        """Return an array of that shape to be filled.

        On disk its file is in the folder for temporary files, and has no name: it is gone with this process, however
        that ends. Raises Refused where the folder has too little space.
        """
        return self._on_disk(shape, np.dtype(dtype)) if self.is_on_disk else np.empty(shape, dtype)

    def converted(self, x: Array, dtype: npt.DTypeLike) -> Array:
        """Return an array that is kept here, in that dtype."""
        if x.dtype == dtype:
            return x
        result = self.room(x.shape, dtype)
        for some in blocks(len(x), math.prod(x.shape[1:])):
            result[some] = x[some]
        return result

    def _on_disk(self, shape: tuple[int, ...], dtype: np.dtype[Any]) -> Array:
        needed, folder = math.prod(shape) * dtype.itemsize, tempfile.gettempdir()
        if shutil.disk_usage(folder).free < needed:
            raise self._no_space(needed, folder)
        file: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115  # the array keeps it open
        try:
            if hasattr(os, "posix_fallocate"):  # on a full disk, writing to a mapped file would kill the process
                os.posix_fallocate(file.fileno(), 0, max(needed, 1))
            return np.memmap(file, dtype, "r+", shape=shape)
        except OSError as error:
            raise self._no_space(needed, folder) from error

    def _no_space(self, needed: int, folder: str) -> Refused:
        return Refused(
            f"{folder} has no {needed / 1e9:.1f} GB of space for {self.what}; name another folder by the variable "
            f"TMPDIR, or {self.remedy}"
        )


IN_MEMORY = Kept(False, "", "")


def blocks(count: int, width: int) -> Iterator[slice]:
    """Yield ``count`` rows in turn, as many at a time as are a few megabytes of ``width`` float64 each."""
    size = max(BLOCK_BYTES // (8 * max(width, 1)), 1)
    return (slice(begin, begin + size) for begin in range(0, count, size))
