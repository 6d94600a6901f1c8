"""Seeds for the random layers of a model."""

from __future__ import annotations

import random
from collections.abc import Iterator


def seeds(seed: int) -> Iterator[int]:
    """Yield seeds without end, one for each random layer; another layer changes none of the seeds before it."""
    generator = random.Random(seed)
    while True:
        yield generator.getrandbits(31)
