"""The experiment ``deployment``."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass
from typing import ClassVar

from experiments.deployment.backends import BACKENDS
from experiments.deployment.quality import LOSS, SAME
from experiments.deployment.report import DeploymentReport
from experiments.deployment.settings import DeploymentSettings
from experiments.deployment.workshop import Workshop
from experiments.experiment import Experiment, Tolerance
from experiments.recorder import Recorder
from experiments.runtime.device import current


@dataclass
class Deployment(DeploymentSettings, Experiment):
    """One trained model, served in several ways: how large, how quick, how far from the original?"""

    name: ClassVar[str] = "deployment"
    version: ClassVar[int] = 5
    headline: ClassVar[tuple[str, ...]] = tuple(f"latency/p50_ms/{name}" for name in BACKENDS)
    sources: ClassVar[tuple[str, ...]] = ("source",)

    @classmethod
    def tolerances(cls, config: Mapping[str, object]) -> Mapping[str, Tolerance]:
        """Allow what counts as the same when a backend is held against the original."""
        return {
            "test/accuracy/*": Tolerance(absolute=LOSS),
            "test/mean_absolute_error/*": Tolerance(relative=LOSS),
            "difference/max/*": Tolerance(absolute=SAME),
        }

    def run(self, recorder: Recorder) -> None:
        source = recorder.fetch(self.source)
        recorder.progress("original", 0.0, source.title)
        with closing(Workshop(source, self.timeout)) as workshop:
            original = workshop.examine(self.examples, self.seed)
            recorder.progress("original", 1.0, f"{source.title}: {original.parameters:,} parameters")
            DeploymentReport(self, original, workshop, current().title, recorder).run()
