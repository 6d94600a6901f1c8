"""The search that a command line and its config ask for."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from hydra.core.override_parser.overrides_parser import OverridesParser
from omegaconf import DictConfig, OmegaConf

from experiments.validators import InvalidField
from runner.config.question import ZIP
from runner.config.question import study_name as name_of_study
from runner.config.sweep_settings import Objective, SweepSettings
from runner.errors import UserError
from runner.sweep.search.search import Search
from runner.sweep.search.space import space_of
from runner.sweep.search.storage import StudyStorage, storage_of
from runner.tracking.store import LocalStore


def search_of(
    words: Sequence[str],
    config: DictConfig,
    parser: OverridesParser,
    *,
    study_name: str | None,
    storage: str | None,
    **settings: Any,
) -> Search:
    """Return the search for the best of the values in ``words``, by the metrics that the config names.

    ``study_name`` and ``storage`` are the user's own, if there are any; ``settings`` are further fields of the search.
    Raises UserError, StoreError, and what Hydra raises.
    """
    objectives = _objectives(config)
    if OmegaConf.select(config, ZIP):
        raise UserError(f"{ZIP}: a search proposes each key by itself; leave it out, or leave out hydra/sweeper")
    metrics = ", ".join(objective.metric for objective in objectives)
    studies = storage_of(storage, _store(config))
    return Search(
        space=space_of(words, parser),
        objectives=objectives,
        storage=studies,
        study_name=study_name or _name(studies, name_of_study(words, metrics), config),
        **settings,
    )


def _objectives(config: DictConfig) -> list[Objective]:
    """Return what the search is to improve. Raises UserError."""
    metric, direction = (_plain(config, f"sweep.{name}") for name in ("metric", "direction"))
    try:
        objectives = SweepSettings(metric=metric, direction=direction or "minimize").objectives
    except InvalidField as error:
        raise UserError(f"sweep.{error.field}: {error}") from None
    if not objectives:
        raise UserError("sweep.metric: name the metric the search is to improve, such as sweep.metric=time/median_us")
    return objectives


def _plain(config: DictConfig, key: str) -> Any:
    value = OmegaConf.select(config, key)
    return OmegaConf.to_object(value) if OmegaConf.is_config(value) else value


def _store(config: DictConfig) -> LocalStore:
    """Return the folder for what is kept on this machine, also where the runs are kept by a server."""
    folder = Path(OmegaConf.select(config, "tracking.dir", default="mlruns"))
    return LocalStore(folder.expanduser().absolute())


def _name(studies: StudyStorage, name: str, config: DictConfig) -> str:
    """Return the newest study of this search if the sweep is resumed, else a new name."""
    begun = studies.newest(name) if OmegaConf.select(config, "sweep.resume", default=False) else None
    return begun or f"{name} {datetime.now().isoformat(timespec='milliseconds')}"
