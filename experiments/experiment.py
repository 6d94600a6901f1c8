"""The contract of an experiment, and the discovery of this package's own."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

from experiments.job_result import JobResult
from experiments.recorder import Recorder


class Choice:
    """One choice of a group within an experiment, such as one of its models.

    Subclasses are dataclasses, as experiments are: their fields are the config schema, ``__post_init__`` checks ranges.
    """

    name: ClassVar[str]
    """The choice's name on the command line, behind ``GROUP=``."""

    called: str = ""
    """The name of the user's own YAML file that chose it; empty for a choice by its :attr:`name`."""

    @property
    def title(self) -> str:
        """What its user calls it: by their own YAML file, or else the file that it reads (``path``), or its name."""
        return self.called or Path(str(getattr(self, "path", ""))).stem or self.name

    def check(self) -> None:  # most choices need nothing
        """Look at the files that the fields name, before TensorFlow starts.

        Raises Refused where the files alone tell that they cannot be used.
        """


@dataclass(frozen=True)
class Tolerance:
    """How far apart two values of a metric may be and still be the same answer: by rounding, and no more."""

    relative: float = 0.0
    """... as a share of the larger one."""
    absolute: float = 0.0

    def allowed(self, first: float, second: float) -> float:
        """Return the largest difference of these values that counts as none."""
        return self.absolute + self.relative * max(abs(first), abs(second))

    def or_more(self, other: Tolerance) -> Tolerance:
        """Return what both tolerate together."""
        return Tolerance(max(self.relative, other.relative), max(self.absolute, other.absolute))


class Experiment(ABC):
    """One question to TensorFlow.

    Subclasses are dataclasses: their fields are the config schema, ``__post_init__`` checks
    ranges (raising :class:`experiments.validators.InvalidField`), and :meth:`run` does the work on
    the device that :func:`experiments.runtime.device.start` has set up. TensorFlow is imported inside
    :meth:`run`, never at the top of a module: a config error must not wait for it.
    """

    name: ClassVar[str]
    """The experiment's name on the command line, behind ``experiment=``, and in MLflow."""

    version: ClassVar[int] = 1
    """To be raised whenever the same config would give other numbers than before."""

    named_after: ClassVar[tuple[str, ...]] = ("name",)
    """The fields that a run is called after where nothing else tells it from others, such as its model and dataset."""

    headline: ClassVar[tuple[str, ...]] = ()
    """The metrics that a sweep's answer shows first; empty for all of them."""

    imports: ClassVar[tuple[str, ...]] = ()
    """Modules besides TensorFlow that every run needs: the fork server imports them once for all jobs of a sweep."""

    choices: ClassVar[Mapping[str, Sequence[type[Choice]]]] = {}
    """The fields that are a choice among dataclasses: each field's name with its choices, subclasses of its type.

    Each such field is a config group of the same name: with ``{"workload": [Gmm]}``, ``workload=gmm`` on the command
    line fills the field ``workload`` with a ``Gmm``. The group's folder is ``conf/workload/``. Its ``gmm.yaml`` begins
    with ``# @package experiment.workload`` and has ``- /schema/workload/gmm@_here_`` among its defaults; the
    experiment's own file is ``# @package _global_`` and has ``- /workload: gmm``. The field has no default value.
    """

    sources: ClassVar[tuple[str, ...]] = ()
    """The str fields that name a trained model, which is looked up before a run begins, for ``recorder.fetch``.

    Its value is ``latest`` (the newest run of an experiment that :attr:`leaves_models`), ``NAME``, ``NAME/VERSION`` or
    ``NAME@ALIAS`` of the model registry (with or without ``models:/``), a run's id, or the path of a ``.keras`` file
    or of a folder with ``model.keras``.
    """

    settles: ClassVar[tuple[str, ...]] = ()
    """The names of what its runs settle by measuring, see ``recorder.settled``."""

    leaves_models: ClassVar[bool] = False
    """Whether its runs leave trained models, so that ``source=latest`` of another experiment can mean them.

    Such a run hands its best model to ``recorder.model``.
    """

    @property
    def registers_models(self) -> bool:
        """Whether this run may register one of them, for which the store needs a model registry."""
        return self.leaves_models

    foretold: ClassVar[Mapping[str, str]] = {}
    """Final metric -> the per-epoch metric that a pruner watches instead, such as ``{"best/val_loss": "val/loss"}``."""

    goes_on_from: ClassVar[str] = ""
    """The folder among a run's artifacts from which an unfinished run can go on, see ``recorder.earlier``."""

    @abstractmethod
    def run(self, recorder: Recorder) -> None:
        """Do the work and hand the findings to ``recorder``.

        Raises Refused where there is no answer to give. On Ctrl-C, KeyboardInterrupt is raised in here: record what
        there is, and let it pass.
        """

    def bytes_needed(self) -> int | None:
        """Return how many bytes of the device's memory the largest point takes, or None if nobody knows.

        It is asked before TensorFlow starts.
        """
        return None

    def bytes_on_host(self) -> int:
        """Return how many bytes of the host's memory the largest point takes beside them, wherever the device is."""
        return 0

    def most_steps(self) -> int | None:
        """Return how many steps, such as epochs, a run takes at most, for :attr:`foretold`; None if nobody knows."""
        return None

    @classmethod
    def tolerances(cls, config: Mapping[str, object]) -> Mapping[str, Tolerance]:
        """Return how far apart a metric of two runs may be, for metrics that a repetition is to give again.

        The keys are names of metrics, or patterns such as ``derivative/*``, of which the first that fits counts.
        ``config`` has the values of a run's config under their full keys, as text. Times are none of these metrics:
        they never repeat, and have verdicts.
        """
        return {}

    @classmethod  # noqa: B027  # an experiment may have nothing to say
    def compare(cls, members: Sequence[JobResult], recorder: Recorder) -> None:
        """Record figures, tables and one note on the jobs of a sweep, for the sweep's own run.

        Called when all jobs are done, in a process without TensorFlow. Every experiment's sweep gets a table of all
        jobs and the effect of each swept key without this; it is for what only this experiment knows.
        """

    @classmethod
    def further(cls, members: Sequence[JobResult]) -> Mapping[int, Mapping[str, Any]]:
        """Return what a sweep has still to measure before its jobs are compared, such as sizes close to a crossover.

        For each job, by its index in ``members``, the fields to change: ``{0: {"sizes": [80, 90]}}`` runs the first
        job again with these sizes. The rows of its tables then follow those of the job, and this is asked again until
        it returns nothing or ``sweep.refine_seconds`` are over.
        """
        return {}


class Refused(RuntimeError):
    """The experiment has no answer to give; the message tells its user why, in one sentence."""


def modules() -> list[str]:
    """The full names of the modules and packages directly below this package."""
    import experiments

    return [found.name for found in pkgutil.iter_modules(experiments.__path__, "experiments.")]


def defined_in(module: str) -> list[type[Experiment]]:
    """The concrete experiments among a module's names; an abstract base class is none. Importing may raise anything."""
    members = vars(importlib.import_module(module)).values()
    return [
        job for job in members if isinstance(job, type) and issubclass(job, Experiment) and not inspect.isabstract(job)
    ]
