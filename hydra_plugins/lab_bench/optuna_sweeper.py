"""``hydra/sweeper=optuna``: connects Hydra with runner/sweep/search.py.

Hydra imports this file at every start, so slow modules are imported only when a search begins.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import datetime
from importlib.util import find_spec
from numbers import Real
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.utils import JobReturn, JobStatus
from hydra.plugins.launcher import Launcher
from hydra.plugins.sweeper import Sweeper
from hydra.types import HydraContext, TaskFunction
from omegaconf import DictConfig, OmegaConf

from runner.config.question import ZIP, study_name
from runner.errors import UserError

if TYPE_CHECKING:
    from optuna import Study

    from runner.sweep.plan import SearchSpace
    from runner.sweep.search import Search
    from runner.tracking.store import LocalStore


class OptunaSweeper(Sweeper):
    """Searches for the best value of one metric. The arguments are the keys of conf/hydra/sweeper/optuna.yaml."""

    hydra_context: HydraContext
    config: DictConfig
    launcher: Launcher

    def __init__(
        self,
        n_trials: int = 20,
        n_jobs: int = 1,
        sampler: str = "tpe",
        seed: int | None = None,
        study_name: str | None = None,
        storage: str | None = None,
    ) -> None:
        # Checked by Search: what is raised here would reach the user in Hydra's wrapping.
        self.options: dict[str, Any] = {"n_trials": n_trials, "n_jobs": n_jobs, "sampler": sampler, "seed": seed}
        self.study_name = study_name
        self.storage = storage

    def setup(self, *, hydra_context: HydraContext, task_function: TaskFunction, config: DictConfig) -> None:
        """Called by Hydra before ``sweep``."""
        from hydra.core.plugins import Plugins

        self.hydra_context = hydra_context
        self.config = config
        self.launcher = Plugins.instance().instantiate_launcher(
            hydra_context=hydra_context, task_function=task_function, config=config
        )

    def sweep(self, arguments: list[str]) -> list[Sequence[JobReturn]]:
        """Run the search, print what it found, and return the jobs of each batch. Raises UserError."""
        from runner.sweep.plan import Plan

        search = self._search(arguments)
        examples = search.space.examples()
        self.validate_batch_is_legal(examples)  # a misspelt key ends it here, not in every trial
        if isinstance(plan := getattr(self.launcher, "sweep", None), Plan):
            plan.search = planned(search)
            return [self.launcher.launch(examples, initial_job_idx=0)]
        if not self.storage:
            self._store().check()  # makes its folder, or says why not
        self.launcher.jobs_in_all = search.n_trials  # type: ignore[attr-defined]  # of this project's launchers
        batches: list[Sequence[JobReturn]] = []

        def launch(batch: list[list[str]], first_job: int) -> list[float | None]:
            batches.append(self.launcher.launch(batch, initial_job_idx=first_job))
            values = [objective(job) for job in batches[-1]]
            if not any(objective(job) is not None for jobs in batches for job in jobs):
                _require_metric(batches[-1])
            return values

        print(f"\n{findings(search, search.run(launch), ran=sum(map(len, batches)))}")
        return batches

    def _search(self, arguments: list[str]) -> Search:
        metric = OmegaConf.select(self.config, "sweep.metric")
        if not metric:
            raise UserError(
                "sweep.metric: name the metric the search is to improve, such as sweep.metric=time/median_us"
            )
        if OmegaConf.select(self.config, ZIP):
            raise UserError(f"{ZIP}: a search proposes each key by itself; leave it out, or leave out hydra/sweeper")
        _require_optuna()
        from runner.sweep.search import Search
        from runner.sweep.space import space_of

        parser = OverridesParser.create(config_loader=self.hydra_context.config_loader)
        storage = self._own_storage() if self.storage else self._storage_beside_runs()
        return Search(
            space=space_of(arguments, parser),
            metric=metric,
            direction=OmegaConf.select(self.config, "sweep.direction", default="minimize"),
            storage=storage,
            study_name=self.study_name or self._name_of_study(storage, study_name(arguments, metric)),
            **self.options,
        )

    def _name_of_study(self, storage: str, name: str) -> str:
        """Return the newest study of this search if the sweep is resumed, else a new name."""
        from runner.sweep.search import newest_study

        resumes = OmegaConf.select(self.config, "sweep.resume", default=False) and is_there(storage)
        begun = newest_study(storage, name) if resumes else None
        return begun or f"{name} {datetime.now().isoformat(timespec='milliseconds')}"

    def _own_storage(self) -> str:
        """Return the storage that the user names. Raises UserError if the runs are, or will be, kept in its file."""
        assert self.storage is not None
        driver, _, file = self.storage.partition(":///")
        if driver.startswith("sqlite") and Path(unquote(file)).resolve() == self._store().database.resolve():
            raise UserError(
                f"hydra.sweeper.storage: MLflow keeps the runs in {self._store().database}, and cannot share it with "
                "Optuna; name another file, or leave it out"
            )
        return self.storage

    def _storage_beside_runs(self) -> str:
        from runner.tracking.database import in_address

        return f"sqlite:///{in_address(self._store().folder / 'optuna.db')}"

    def _store(self) -> LocalStore:
        from runner.tracking.store import LocalStore

        folder = Path(OmegaConf.select(self.config, "tracking.dir", default="mlruns"))
        return LocalStore(folder.expanduser().absolute())


def planned(search: Search) -> SearchSpace:
    """Return what a search would try, without a change to its database."""
    from runner.sweep.plan import SearchSpace
    from runner.sweep.search import known_trials
    from runner.sweep.space import in_words

    known = known_trials(search.storage, search.study_name) if is_there(search.storage) else 0
    settings = f"sampler {search.sampler}, {search.n_jobs} at a time, {search.direction} {search.metric}"
    keys = [(key, in_words(kind)) for key, kind in search.space.everything.items()]
    return SearchSpace(search.n_trials, known, settings, keys)


def is_there(storage: str) -> bool:
    """Return whether a database may have studies: not if it is a file that is still to be made."""
    driver, _, file = storage.partition(":///")
    return not driver.startswith("sqlite") or Path(unquote(file)).is_file()


def objective(job: JobReturn) -> float | None:
    """Return the value of a job; None if it has failed or has no finite value."""
    if job.status is not JobStatus.COMPLETED:  # asked for its value it would raise
        return None
    value: Any = job.return_value
    return float(value) if isinstance(value, Real) and math.isfinite(value) else None


def _require_metric(jobs: Sequence[JobReturn]) -> None:
    """Raise UserError if a job has finished without the metric: a misspelt one would fail every trial."""
    from runner.sweep.job_return import NoSuchMetric

    for job in jobs:
        if isinstance(job._return_value, NoSuchMetric):
            raise job._return_value


def findings(search: Search, study: Study, ran: int) -> str:
    """Return the sentence at the end of a search: the best trial, and the study that has it."""
    from experiments.reporting.text import listed
    from runner.sweep.search import best_of, without_password

    best = best_of(study)
    trials = len(study.get_trials(deepcopy=False))
    study_of = f"study '{search.study_name}' in {without_password(search.storage)}"
    if not ran:
        study_of += "; it was complete: raise hydra.sweeper.n_trials, or begin a new study"
    if not best:
        return f"no trial of {trials} has a value of {search.metric} ({study_of})"
    chosen = dict.fromkeys(" ".join(f"{key}={value}" for key, value in trial.params.items()) for trial in best)
    each = "" if len(chosen) == 1 else " each"
    return (
        f"best of {trials} trials: {listed(list(chosen), 3)} with {search.metric} = {best[0].value:z.6g}{each} "
        f"({study_of})"
    )


def _require_optuna() -> None:
    if not find_spec("optuna"):
        raise UserError("hydra/sweeper=optuna: Optuna is not installed; pip install 'tensorflow-lab-bench[optuna]'")
