"""A model's inputs, one array or one for each name, and the way they take to another process."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.generic]
Arrays = Array | Mapping[str, Array]

SINGLE, NAMED = "single", "named/"


def write(path: Path, arrays: Arrays) -> None:
    """As a NumPy archive, without pickles."""
    named = {NAMED + name: array for name, array in arrays.items()} if isinstance(arrays, Mapping) else {SINGLE: arrays}
    np.savez(path, allow_pickle=False, **named)


def read(path: Path) -> Arrays:
    """What :func:`write` has written."""
    with np.load(path, allow_pickle=False) as archive:
        if SINGLE in archive.files:
            single: Array = archive[SINGLE]
            return single
        return {name.removeprefix(NAMED): archive[name] for name in archive.files}


def write_list(path: Path, arrays: Sequence[Array]) -> None:
    """A model's outputs."""
    np.savez(path, allow_pickle=False, **{f"output_{index}": array for index, array in enumerate(arrays)})


def read_list(path: Path) -> list[Array]:
    """What :func:`write_list` has written."""
    with np.load(path, allow_pickle=False) as archive:
        return [archive[f"output_{index}"] for index in range(len(archive.files))]
