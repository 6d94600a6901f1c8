"""What an experiment is, and where this package's own are found."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import ClassVar

from experiments.job_result import JobResult
from experiments.recorder import Recorder


class Choice:
    """One choice of a group within an experiment, such as one of its models.

    Subclasses are dataclasses like experiments: fields are the schema, ``__post_init__`` checks ranges.
    """

    name: ClassVar[str]
    """What stands behind ``GROUP=``."""


class Experiment(ABC):
    """One question to TensorFlow.

    Subclasses are dataclasses: their fields are the config schema, ``__post_init__`` checks
    ranges (raising :class:`experiments.validators.InvalidField`), and :meth:`run` does the work on
    the device that :func:`experiments.runtime.device.start` has set up. TensorFlow is imported inside
    :meth:`run`, never at the top of a module: a config error must not wait for it.
    """

    name: ClassVar[str]
    """What stands behind ``experiment=``; also the name of the MLflow experiment."""

    version: ClassVar[int] = 1
    """Raised whenever the same config would give other numbers than before."""

    headline: ClassVar[tuple[str, ...]] = ()
    """The metrics that a sweep looks at first; by default all of them."""

    imports: ClassVar[tuple[str, ...]] = ()
    """Modules beside TensorFlow that every run imports: the jobs of a sweep get them for the price of one."""

    choices: ClassVar[Mapping[str, Sequence[type[Choice]]]] = {}
    """The fields that are a choice among dataclasses: field -> the choices, subclasses of the field's type.

    Each field is a group of the command line of the same name: with ``{"workload": [Gmm]}``, ``workload=gmm``
    fills the field ``workload`` with a ``Gmm``. Its folder of the config is ``conf/workload/``, where ``gmm.yaml``
    begins with ``# @package experiment.workload`` and has ``- /schema/workload/gmm@_here_`` among its defaults; the
    experiment's own file is ``# @package _global_`` and has ``- /workload: gmm``. The field has no default value.
    """

    sources: ClassVar[tuple[str, ...]] = ()
    """The fields that name a trained model, each a str: it is looked up before a run begins, for ``recorder.fetch``.

    ``latest`` (the newest run of an experiment that :attr:`leaves_models`), ``NAME``, ``NAME/VERSION`` or ``NAME@ALIAS`` of the model registry
    (with or without ``models:/``), a run's id, or the path of a ``.keras`` file or of a folder with ``model.keras``.
    """

    settles: ClassVar[tuple[str, ...]] = ()
    """What its runs settle by measuring, see ``recorder.settled``."""

    leaves_models: ClassVar[bool] = False
    """Whether its runs leave trained models, so that ``source=latest`` of another experiment can mean them.

    Such a run hands its best model to ``recorder.model``.
    """

    goes_on_from: ClassVar[str] = ""
    """The folder of a run's artifacts from which an unfinished run can go on, see ``recorder.earlier``."""

    @abstractmethod
    def run(self, recorder: Recorder) -> None:
        """Does the work and hands what it finds to ``recorder``.

        On Ctrl-C a ``KeyboardInterrupt`` passes through: record what there is, let it go on.
        """

    @classmethod  # noqa: B027  # nothing to say is an answer, too
    def compare(cls, members: Sequence[JobResult], recorder: Recorder) -> None:
        """What the jobs of a sweep say together: figures, tables and one note for the sweep's own run.

        Called when all jobs are done, in a process without TensorFlow. The table of all jobs and the
        effect of each swept key are made for every experiment; this is for what only this one knows.
        """


class Refused(RuntimeError):
    """The experiment has no answer to give; the message is one sentence for its user."""


def modules() -> list[str]:
    """The names of this package's modules."""
    import experiments

    return [found.name for found in pkgutil.iter_modules(experiments.__path__, "experiments.")]


def defined_in(module: str) -> list[type[Experiment]]:
    """The concrete experiments among a module's names; an abstract base class is none. Importing may raise anything."""
    members = vars(importlib.import_module(module)).values()
    return [
        member
        for member in members
        if isinstance(member, type) and issubclass(member, Experiment) and not inspect.isabstract(member)
    ]
