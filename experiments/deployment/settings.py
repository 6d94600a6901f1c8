"""The fields of the experiment ``deployment`` and their checks."""

from __future__ import annotations

from dataclasses import dataclass, field

from experiments.deployment.arrivals import longest_seconds
from experiments.deployment.backends import BACKENDS
from experiments.validators import (
    InvalidField,
    require_at_least,
    require_choice,
    require_positive,
    require_seed,
    suggestion,
)

ARRIVALS = ("closed", "poisson")


@dataclass
class DeploymentSettings:
    """Which model is served, by which backends, and how much is asked of each."""

    source: str = "latest"
    ways: list[str] = field(default_factory=lambda: [name for name, one in BACKENDS.items() if one.is_default])
    batch_sizes: list[int] = field(default_factory=lambda: [1, 32, 256])
    clients: list[int] = field(default_factory=lambda: [1, 4])
    processes: int = 3
    """In how many fresh processes each backend is measured. An interval, and a verdict, need two."""
    seconds: float = 0.4
    """How long a measurement of latency or throughput goes on, in all processes together."""
    arrivals: str = "closed"
    """``poisson`` also measures latency under an open-loop load; ``closed`` asks only when the last answer is there."""
    rate: list[int] = field(default_factory=lambda: [100, 1000, 10000])
    """Requests a second that arrive, one measurement for each."""
    p99_ms: float = 10.0
    """A rate is sustained if the 99th percentile stays below."""
    load_seconds: float = 3.0
    """How long requests arrive at each rate, in all processes together."""
    examples: int | None = 1000
    timeout: float = 180.0
    seed: int = 0

    def __post_init__(self) -> None:
        if not self.source.strip():
            raise InvalidField(self, "source", "is empty; name a model, a run or a file, or write latest")
        require_choice(self, "arrivals", ARRIVALS)
        for name in ("ways", "batch_sizes", "clients", "rate"):
            values = getattr(self, name)
            if not values:
                raise InvalidField(self, name, "is empty; give at least one")
            if len(set(values)) < len(values):
                raise InvalidField(self, name, f"{values} has something twice")
        for way in self.ways:
            if way not in BACKENDS:
                known = f"{', '.join(BACKENDS)}{suggestion(way, BACKENDS)}"
                raise InvalidField(self, "ways", f"{way!r} is not one of {known}")
        for size in self.batch_sizes:
            if not 1 <= size <= 65536:
                raise InvalidField(self, "batch_sizes", f"{size} is not a whole number from 1 to 65536")
        for count in self.clients:
            if not 1 <= count <= 256:
                raise InvalidField(self, "clients", f"{count} is not a whole number from 1 to 256")
        for rate in self.rate:
            if not 1 <= rate <= 10**6:
                raise InvalidField(self, "rate", f"{rate} is not a whole number from 1 to 1000000")
        require_at_least(self, "processes", 1)
        require_at_least(self, "load_seconds", 0.01)
        require_positive(self, "p99_ms")
        require_at_least(self, "seconds", 0.01)
        require_at_least(self, "timeout", 1)
        for rate in self.rates:
            if (longest := longest_seconds(rate, self.load_seconds / self.processes)) >= self.timeout:
                raise InvalidField(self, "timeout", f"rate={rate} may take {longest:.0f} s; give more")
        require_at_least(self, "examples", 1)
        require_seed(self)

    @property
    def seconds_of_one_process(self) -> float:
        return self.seconds / self.processes

    @property
    def rates(self) -> list[int]:
        """The rates at which latency is measured under load; none for a closed loop."""
        return sorted(self.rate) if self.arrivals == "poisson" else []

    def points(self) -> list[tuple[int, int]]:
        """The pairs of batch size and number of clients at which throughput is measured."""
        return [(batch, clients) for clients in sorted(self.clients) for batch in sorted(self.batch_sizes)]
