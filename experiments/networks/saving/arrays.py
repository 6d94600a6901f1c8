"""NumPy archives that carry a model's inputs and outputs to another process and back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.generic]
Arrays = Array | Mapping[str, Array]
"""A model's inputs: one array, or one for each name."""

SINGLE, NAMED = "single", "named/"


def write(path: Path, arrays: Arrays) -> None:
    """Write inputs to a NumPy archive, without pickles."""
    named = {NAMED + name: array for name, array in arrays.items()} if isinstance(arrays, Mapping) else {SINGLE: arrays}
    np.savez(path, allow_pickle=False, **named)


def read(path: Path) -> Arrays:
    """Read what :func:`write` has written."""
    with np.load(path, allow_pickle=False) as archive:
        if SINGLE in archive.files:
            single: Array = archive[SINGLE]
            return single
        return {name.removeprefix(NAMED): archive[name] for name in archive.files}


def write_list(path: Path, arrays: Sequence[Array]) -> None:
    """Write a model's outputs, in their order, to a NumPy archive."""
    np.savez(path, allow_pickle=False, **{f"output_{index}": array for index, array in enumerate(arrays)})


def read_list(path: Path) -> list[Array]:
    """Read what :func:`write_list` has written."""
    with np.load(path, allow_pickle=False) as archive:
        return [archive[f"output_{index}"] for index in range(len(archive.files))]
