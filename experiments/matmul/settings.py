"""The fields of the experiment ``matmul`` and their checks."""

from __future__ import annotations

from dataclasses import dataclass, field

from experiments.matmul.product import SHAPES
from experiments.measure import Timing
from experiments.runtime.modes import BYTES, MODES
from experiments.runtime.transfer import NONE, TRANSFERS, setting
from experiments.validators import InvalidField, require_choice, require_seed


@dataclass
class MatmulSettings:
    """Which product is measured, at which sizes, and how carefully."""

    sizes: list[int] = field(default_factory=list)
    shape: str = "inner"
    dtype: str = "float32"
    mode: str = "eager"
    transfer: str = NONE
    """What each call copies between the memories of host and device, see :mod:`experiments.runtime.transfer`."""
    seed: int = 0
    timing: Timing = field(default_factory=Timing)

    def __post_init__(self) -> None:
        require_choice(self, "shape", tuple(SHAPES))
        require_choice(self, "dtype", tuple(BYTES))
        require_choice(self, "mode", MODES)
        require_choice(self, "transfer", TRANSFERS)
        if not self.sizes:
            raise InvalidField(self, "sizes", "is empty; give at least one size, such as [1,10,100]")
        require_seed(self)
        for size in self.sizes:
            if not 1 <= size < 2**31:
                raise InvalidField(self, "sizes", f"{size} is not a size; sizes are whole numbers from 1 to 2^31 - 1")

    @property
    def title(self) -> str:
        """How the product is written: ``[n,n] x [n,n]``."""
        return SHAPES[self.shape][0]

    @property
    def setting(self) -> str:
        """The circumstances that all sizes share, for a note or a figure: ``float32, eager``."""
        return setting(self.dtype, self.mode, transfer=self.transfer)
