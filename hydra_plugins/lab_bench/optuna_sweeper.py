"""``hydra/sweeper=optuna``: connects Hydra with runner/sweep/search.py.

Hydra imports this file at every start, so slow modules are imported only when a search begins.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import datetime
from importlib.util import find_spec
from numbers import Real
from os.path import isfile
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.utils import JobReturn, JobStatus
from hydra.plugins.launcher import Launcher
from hydra.plugins.sweeper import Sweeper
from hydra.types import HydraContext, TaskFunction
from omegaconf import DictConfig, OmegaConf

from experiments.validators import InvalidField
from runner.config.question import ZIP, study_name
from runner.config.sweep_settings import Objective, SweepSettings
from runner.errors import UserError

if TYPE_CHECKING:
    from optuna import Study

    from runner.sweep.plan import SearchSpace
    from runner.sweep.search import Search, Told
    from runner.tracking.store import LocalStore


class OptunaSweeper(Sweeper):
    """Searches for the best values of metrics. The arguments are the keys of conf/hydra/sweeper/optuna.yaml."""

    hydra_context: HydraContext
    config: DictConfig
    launcher: Launcher

    def __init__(
        self,
        n_trials: int = 20,
        n_jobs: int = 1,
        sampler: str = "tpe",
        seed: int | None = None,
        pruner: str = "none",
        min_steps: int = 1,
        study_name: str | None = None,
        storage: str | None = None,
    ) -> None:
        # Checked by Search: what is raised here would reach the user in Hydra's wrapping.
        self.options: dict[str, Any] = {
            "n_trials": n_trials,
            "n_jobs": n_jobs,
            "sampler": sampler,
            "seed": seed,
            "pruner": pruner,
            "min_steps": min_steps,
        }
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
        self.launcher.pruner = search.trial_pruner  # type: ignore[attr-defined]  # of this project's launchers
        sweep = getattr(self.launcher, "sweep", None)  # of this project's launchers
        if isinstance(sweep, Plan):
            sweep.search = planned(search)
            return [self.launcher.launch(examples, initial_job_idx=0)]
        if sweep:
            sweep.is_search = True
        if not self.storage:
            self._store().check()  # makes its folder, or says why not
        self.launcher.jobs_in_all = search.n_trials  # type: ignore[attr-defined]  # of this project's launchers
        batches: list[Sequence[JobReturn]] = []

        def launch(batch: list[list[str]], first_job: int) -> list[Told]:
            batches.append(self.launcher.launch(batch, initial_job_idx=first_job))
            if not any(job.status is JobStatus.COMPLETED for jobs in batches for job in jobs):
                _require_metric(batches[-1])
            return [told(job) for job in batches[-1]]

        def ended() -> list[Told]:
            return [told(job) for job in sweep.returned] if sweep else []

        print(f"\n{findings(search, search.run(launch, ended), ran=sum(map(len, batches)))}")
        return batches

    def _search(self, arguments: list[str]) -> Search:
        objectives = self._objectives()
        if OmegaConf.select(self.config, ZIP):
            raise UserError(f"{ZIP}: a search proposes each key by itself; leave it out, or leave out hydra/sweeper")
        _require_optuna()
        from runner.sweep.search import Search
        from runner.sweep.space import space_of

        parser = OverridesParser.create(config_loader=self.hydra_context.config_loader)
        metrics = ", ".join(objective.metric for objective in objectives)
        storage = self._own_storage() if self.storage else self._storage_beside_runs()
        return Search(
            space=space_of(arguments, parser),
            objectives=objectives,
            storage=storage,
            study_name=self.study_name or self._name_of_study(storage, study_name(arguments, metrics)),
            **self.options,
        )

    def _objectives(self) -> list[Objective]:
        """Return what the search is to improve. Raises UserError."""
        metric, direction = (self._plain(f"sweep.{name}") for name in ("metric", "direction"))
        try:
            objectives = SweepSettings(metric=metric, direction=direction or "minimize").objectives
        except InvalidField as error:
            raise UserError(f"sweep.{error.field}: {error}") from None
        if not objectives:
            raise UserError(
                "sweep.metric: name the metric the search is to improve, such as sweep.metric=time/median_us"
            )
        return objectives

    def _plain(self, key: str) -> Any:
        value = OmegaConf.select(self.config, key)
        return OmegaConf.to_object(value) if OmegaConf.is_config(value) else value

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
    from experiments.reporting.text import listed
    from runner.sweep.plan import SearchSpace
    from runner.sweep.search import known_trials
    from runner.sweep.space import in_words

    known = known_trials(search.storage, search.study_name) if is_there(search.storage) else 0
    pruner = f", pruner {search.pruner}" if search.trial_pruner else ""
    aims = listed([str(objective) for objective in search.objectives])
    settings = f"sampler {search.sampler}{pruner}, {search.n_jobs} at a time, {aims}"
    keys = [(key, in_words(kind)) for key, kind in search.space.everything.items()]
    return SearchSpace(search.n_trials, known, settings, keys)


def is_there(storage: str) -> bool:
    """Return whether a database may have studies: not if it is a file that is still to be made."""
    driver, _, file = storage.partition(":///")
    return not driver.startswith("sqlite") or isfile(unquote(file))


def told(job: JobReturn) -> Told:
    """Return what a study is told of a job: its values, or that it was pruned, or failed to have finite values."""
    from optuna.trial import TrialState

    from runner.sweep.job_return import JobWasPruned

    if job.status is not JobStatus.COMPLETED:  # asked for its value it would raise
        return TrialState.PRUNED if isinstance(job._return_value, JobWasPruned) else TrialState.FAIL
    found: Any = job.return_value
    values = found if isinstance(found, list) else [found]
    are_finite = all(isinstance(value, Real) and math.isfinite(value) for value in values)
    return [float(value) for value in values] if are_finite else TrialState.FAIL


def _require_metric(jobs: Sequence[JobReturn]) -> None:
    """Raise UserError if a job has finished without the metric: a misspelt one would fail every trial."""
    from runner.sweep.job_return import NoSuchMetric

    for job in jobs:
        if isinstance(job._return_value, NoSuchMetric):
            raise job._return_value


def findings(search: Search, study: Study, ran: int) -> str:
    """Return the sentence at the end of a search: the best trial or trials, and the study that has them."""
    from experiments.reporting.text import listed
    from runner.sweep.search import best_of, pruned_of, without_password

    best = best_of(study)
    trials = f"{len(study.get_trials(deepcopy=False))} trials"
    if pruned := pruned_of(study):
        trials += f", of which {pruned} {'was' if pruned == 1 else 'were'} pruned"
    metrics = listed([objective.metric for objective in search.objectives])
    study_of = f"study '{search.study_name}' in {without_password(search.storage)}"
    if not ran:
        study_of += "; it was complete: raise hydra.sweeper.n_trials, or begin a new study"
    if not best:
        return f"none of {trials} has a value of {metrics} ({study_of})"
    if len(search.objectives) > 1:
        front = "trial is" if len(best) == 1 else "trials are"
        return f"of {trials}, {len(best)} {front} on the Pareto front of {metrics} ({study_of})"
    chosen = dict.fromkeys(" ".join(search.space.words(trial.params)) for trial in best)
    each = "" if len(chosen) == 1 else " each"
    return f"best of {trials}: {listed(list(chosen), 3)} with {metrics} = {best[0].value:z.6g}{each} ({study_of})"


def _require_optuna() -> None:
    if not find_spec("optuna"):
        raise UserError("hydra/sweeper=optuna: Optuna is not installed; pip install 'tensorflow-lab-bench[optuna]'")
