"""The experiment ``autodiff``."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from experiments.autodiff.answer import AutodiffAnswer
from experiments.autodiff.report import record_asked, record_figures, record_results
from experiments.autodiff.series import AutodiffSeries
from experiments.autodiff.settings import AutodiffSettings
from experiments.autodiff.truth import SAFETY
from experiments.experiment import Experiment, Tolerance
from experiments.recorder import Recorder
from experiments.runtime.device import current
from experiments.runtime.modes import SIGNIFICAND_BITS


@dataclass
class Autodiff(AutodiffSettings, Experiment):
    """The derivative of an expression at a point: TensorFlow's, checked against the truth."""

    name: ClassVar[str] = "autodiff"
    version: ClassVar[int] = 3
    named_after: ClassVar[tuple[str, ...]] = ("expression",)
    imports: ClassVar[tuple[str, ...]] = ("sympy", "mpmath", "scipy.differentiate", "graphviz")

    def run(self, recorder: Recorder) -> None:
        series = AutodiffSeries(self)
        answer = AutodiffAnswer(
            expression=self.parsed,
            values=self.values,
            derivative=self.asked,
            blocks=self.blocks,
            asked=self.path,
            device=current().actual,
            numbers=self.numbers,
            left_out=series.left_out,
        )
        try:
            for result in series.measure(recorder.progress):
                answer.results.append(result)
                if result.path == self.path:
                    record_asked(answer, recorder)
            recorder.progress("ways", 1.0, answer.summary())
        finally:
            record_results(answer, recorder)
        recorder.measured()
        record_figures(answer, self.operations, recorder)

    @classmethod
    def tolerances(cls, config: Mapping[str, object]) -> Mapping[str, Tolerance]:
        """Allow :data:`SAFETY` units in the last place, as the check does.

        What the check allows beyond, for digits that a formula loses, repeats from run to run.
        """
        dtype = str(config.get("experiment.dtype"))
        rounding = SAFETY * 2.0 ** -SIGNIFICAND_BITS[dtype] if dtype in SIGNIFICAND_BITS else 0.0
        return {
            "value": Tolerance(relative=rounding),
            "derivative/*": Tolerance(relative=rounding),
            "error/*": Tolerance(absolute=rounding),  # the error is a share of the truth
            "exact/*": Tolerance(relative=SAFETY * 2.0 ** -SIGNIFICAND_BITS["float64"]),
            "check/findings": Tolerance(),
        }
