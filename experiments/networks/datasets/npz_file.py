"""Reading NumPy's ``.npz`` files of users, which may be anything."""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from numpy.lib.format import read_array_header_1_0, read_array_header_2_0, read_magic
from numpy.lib.npyio import NpzFile

from experiments.experiment import Refused
from experiments.runtime.memory import left_bytes

Array = npt.NDArray[Any]


@contextmanager
def opened(path: Path) -> Iterator[NpzFile]:
    """Open a file of several arrays. Raises Refused where it is none, or where memory does not hold them.

    The message does not name the file, see :func:`experiments.networks.datasets.files.named`.
    """
    try:
        file = np.load(path, allow_pickle=False)
    except OSError as error:
        raise Refused(f"cannot be read ({error.strerror or error})") from error
    except Exception as error:  # NumPy and zipfile raise whatever they stumble over
        raise Refused("is not a whole .npz file; numpy.savez writes one") from error
    if not isinstance(file, NpzFile):
        raise Refused("is a single array; numpy.savez writes several into one .npz file")
    with file:
        _require_room(file)
        yield file


def array(file: NpzFile, key: str) -> Array:
    """Read one array. Raises Refused where it is damaged, or holds Python objects, which are never unpickled."""
    try:
        read: Array = file[key]
    except MemoryError as error:
        if _says_more_than_it_has(file, key):
            raise Refused(f"{key} is damaged ({error})") from error
        raise Refused(f"{key} needs more memory than there is for this job") from error
    except Exception as error:  # NumPy, zipfile and zlib raise whatever they stumble over
        if "allow_pickle" in str(error):
            raise Refused(
                f"{key} holds Python objects, which are not loaded: they could be any program; "
                f"save numpy.array({key}.tolist()), which makes numbers or text of them"
            ) from error
        raise Refused(f"{key} is damaged ({error})") from error
    return read


def _says_more_than_it_has(file: NpzFile, key: str) -> bool:
    """Whether an array's header tells of more numbers than follow."""
    assert file.zip is not None
    info = file.zip.getinfo(f"{key}.npy")
    with file.zip.open(info) as member:
        read = {(1, 0): read_array_header_1_0}.get(read_magic(member), read_array_header_2_0)
        shape, _, dtype = read(member)
    return math.prod(shape) * dtype.itemsize > info.file_size


def _require_room(file: NpzFile) -> None:
    """Raise Refused for arrays that the memory does not hold, small though their file may be."""
    assert file.zip is not None
    needed = sum(int(member.file_size) for member in file.zip.infolist())
    if needed > (free := left_bytes()):
        raise Refused(f"holds {needed / 2**30:.1f} GiB of arrays, but {free / 2**30:.1f} GiB of memory are free")
