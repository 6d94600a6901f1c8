"""The store that words such as ``tracking.dir=/data/runs`` name, for the programs beside ``python -m runner``."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from runner.config.composing import composed, groups
from runner.config.error_messages import no_choice
from runner.config.schema import register
from runner.config.tracking_words import with_environment
from runner.config.validation import parts
from runner.config.words import readable
from runner.errors import StoreError, UserError
from runner.tracking.store import LocalStore, Store, locate

OF_THE_STORE = re.compile(r"tracking[.=].*", re.DOTALL)
"""The words that name a store."""


def store_of(words: Sequence[str], config_dir: Path | None = None) -> Store:
    """Return the store that the config with these words names. Raises UserError and what Hydra raises."""
    if problem := no_choice(words, groups()):
        raise UserError(problem)
    register()
    return locate(parts(composed(list(map(readable, with_environment(words))), config_dir)).tracking)


def require_database(store: Store) -> None:
    """Raise StoreError if a local store has not been made yet, or cannot be used."""
    if isinstance(store, LocalStore) and not store.is_made:
        raise StoreError(f"tracking.dir: there are no runs in {store.folder} yet; python -m runner makes one")
    store.check()


def require_runs(store: Store) -> None:
    """Raise StoreError if runs of the store, or their artifacts, cannot be read."""
    require_database(store)
    if isinstance(store, LocalStore):
        store.require_home()
