"""One seed for each layer that is random."""

from __future__ import annotations

import random
from collections.abc import Iterator


def seeds(seed: int) -> Iterator[int]:
    """Without end; a layer more at the end changes none of those before."""
    generator = random.Random(seed)
    while True:
        yield generator.getrandbits(31)
