"""Jobs of an experiment that exists only for the tests of the runner."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar

from omegaconf import OmegaConf

from experiments.experiment import Experiment
from experiments.measure import Timing
from experiments.recorder import Recorder
from runner.config.schema import Config
from runner.execution.job import Job

SURROUNDINGS: dict[str, Any] = {
    "machine": {"cpu": "a processor", "cores": 2, "usable_cores": 2, "memory_bytes": 2**30},
    "gpus": [],
    "code": {"commit": "0123abc"},
}
"""What the environment is taken for, so that a test does not depend on the machine."""


@dataclass
class Toy(Experiment):
    name: ClassVar[str] = "toy"

    x: float = 1.0

    def run(self, recorder: Recorder) -> None:
        recorder.metric("loss", (self.x - 3) ** 2)
        recorder.progress("thinking", 1.0, "done")
        recorder.note(f"x = {self.x:g}")


@dataclass
class ResumableToy(Toy):
    """Leaves a checkpoint and a choice for later runs of the same question."""

    name: ClassVar[str] = "resumable"
    settles: ClassVar[tuple[str, ...]] = ("execution",)
    goes_on_from: ClassVar[str] = "checkpoint"


@dataclass
class StepwiseToy(Toy):
    """Tells its loss step by step."""

    name: ClassVar[str] = "stepwise"
    foretold: ClassVar[Mapping[str, str]] = {"loss": "loss/now"}

    def most_steps(self) -> int:
        return 9


@dataclass
class LeavingToy(Toy):
    """Leaves a trained model."""

    name: ClassVar[str] = "leaving"
    leaves_models: ClassVar[bool] = True


@dataclass
class TimedToy(Toy):
    """Measures times."""

    name: ClassVar[str] = "timed"

    timing: Timing = field(default_factory=Timing)


@dataclass
class NeedyToy(Toy):
    """Needs a trained model."""

    name: ClassVar[str] = "needy"
    sources: ClassVar[tuple[str, ...]] = ("source",)

    source: str = "latest"


def job(
    x: float = 1.0, number: int = 0, kind: type[Toy] = Toy, overrides: Sequence[str] | None = None, **config: Any
) -> Job:
    """The job ``experiment=toy experiment.x=X``; ``config`` are further values, such as ``sweep={"resume": True}``."""
    experiment = OmegaConf.structured(kind(x=x))
    whole = OmegaConf.merge(OmegaConf.structured(Config), config)
    whole.experiment = experiment
    words = [f"experiment.x={x:g}"] if overrides is None else list(overrides)
    return Job(whole, words, number, words)  # type: ignore[arg-type]  # a merge of dicts is a DictConfig
