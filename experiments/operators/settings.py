"""The fields of the experiment ``operators`` and their checks."""

from __future__ import annotations

from dataclasses import dataclass, field

from experiments.measure import Timing
from experiments.operators.catalogue import OPERATORS
from experiments.operators.size import Size
from experiments.runtime.modes import BYTES, MODES
from experiments.runtime.transfer import NONE, TRANSFERS, setting
from experiments.validators import InvalidField, require_at_least, require_choice, require_seed, suggestion


@dataclass
class OperatorsSettings:
    """Which operators are measured, at which size, and how carefully."""

    operators: list[str] = field(default_factory=list)
    """Names of the catalogue; an empty list means all of it."""
    size: Size = field(default_factory=Size)
    dtype: str = "float32"
    mode: str = "graph"
    transfer: str = NONE
    """What each call copies between the memories of host and device, see :mod:`experiments.runtime.transfer`."""
    longest_call: float = 3.0
    """Seconds. An operator whose call takes longer is left out."""
    seed: int = 0
    timing: Timing = field(default_factory=lambda: Timing(max_seconds=0.5))

    def __post_init__(self) -> None:
        for name in self.operators:
            if name not in OPERATORS:
                known = f"{name!r} is not one of {', '.join(OPERATORS)}"
                raise InvalidField(self, "operators", f"{known}{suggestion(name, OPERATORS)}")
        require_choice(self, "dtype", tuple(BYTES))
        require_choice(self, "mode", MODES)
        require_choice(self, "transfer", TRANSFERS)
        require_at_least(self, "longest_call", 0)
        require_seed(self)

    @property
    def chosen(self) -> list[str]:
        """The names of the operators to measure, each once."""
        return list(dict.fromkeys(self.operators or OPERATORS))

    @property
    def setting(self) -> str:
        """The circumstances that all operators share, for a note or a figure: ``float32, graph``."""
        return setting(self.dtype, self.mode, transfer=self.transfer)
