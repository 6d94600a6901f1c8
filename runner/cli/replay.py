"""``replay=RUN``: stored runs are run again from their configs, and what they give is compared."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import ChoiceSweep, QuotedString

from experiments.reporting.commands import command
from runner import environment
from runner.addresses import without_credentials
from runner.cli.arguments import Arguments
from runner.cli.comparison import comparison_of
from runner.cli.comparison_text import as_text, differences_text, title
from runner.cli.store_words import require_runs, store_of
from runner.config.code import code_of
from runner.config.question import GRID, SWEEPER, key_of
from runner.errors import UserError
from runner.sweep.replays import REPLAY, Replays, replays_of
from runner.tracking import tags
from runner.tracking.differences import CODE, MACHINE, PACKAGES, Described, described, described_by, on_changes
from runner.tracking.orphans import end_orphans
from runner.tracking.replayable import Replayable, find_replayable
from runner.tracking.run import store_errors
from runner.tracking.store import Store

if TYPE_CHECKING:
    from mlflow import MlflowClient

AREAS = (CODE, PACKAGES, MACHINE)

OF_TENSORFLOW = "tensorflow."
"""The begin of what TensorFlow tells of the machine, which is known only when it has started."""


@dataclass(frozen=True)
class Replay:
    """Stored runs that a command runs again."""

    stored: Sequence[Replayable]
    replays: Replays
    arguments: Arguments
    """The command line without the word ``replay``."""
    command: Sequence[str]
    """The overrides that repeat it."""
    store: Store
    client: MlflowClient

    def announce(self) -> None:
        """Say what is run again, and what differs between then and now."""
        surroundings = environment.describe()
        for one in self.stored:
            now = described_by({}, surroundings, code_of(one.run.data.tags.get(tags.EXPERIMENT, "")))
            then = _without_tensorflow(described(one.run, self.client.tracking_uri))
            parts = [
                f"replay of {title(one.run)}",
                *differences_text(then, now, ("then", "now"), AREAS),
                *on_changes(then=then, now=now),
            ]
            print("\n\n".join(parts), end="\n\n")
        multirun = ["-m"] if self.arguments.multirun else []
        repeated = command(*multirun, *self.arguments.composing, *self.command)
        print(f"This is {without_credentials(repeated)}\n", flush=True)

    def compare(self, run_id: str) -> None:
        """Print the new run beside the stored one. Whatever happens here, the new run is there."""
        both = [self.replays.run_ids[0], run_id]
        try:
            comparison = comparison_of(self.client, self.store, both)
        except UserError as error:
            print(f"\nreplay: {error}")
        except KeyboardInterrupt:
            later = command(*both, *self.store.words, module="runner.compare")
            print(f"\nreplay: interrupted; {later} compares them")
        else:
            print(f"\nThe stored run (A) and its replay (B)\n\n{as_text(comparison)}")


def replay_of(arguments: Arguments) -> Replay | None:
    """Return what a command line replays; None without the word ``replay``.

    Raises UserError for what cannot be replayed, and StoreError.
    """
    words = [word for word in arguments.overrides if key_of(word) == REPLAY]
    if not words:
        return None
    if len(words) > 1:
        raise UserError(f"{REPLAY}: name all runs in one word, {REPLAY}=RUN,RUN")
    others = [word for word in arguments.overrides if word not in words]
    named = _named(words[0])
    if len(named) > 1:
        _require_grid(arguments, others)
    store = store_of([word for word in others if key_of(word).startswith("tracking")], arguments.config_dir)
    require_runs(store)
    client = store.open(lambda text: print(f"runner: {text}", file=sys.stderr))
    with store_errors():
        end_orphans(client)  # a run whose process is gone can be replayed
    stored = [find_replayable(client, word) for word in named]
    replays = replays_of(stored, others, arguments.config_dir)
    composing = replace(arguments, overrides=[*replays.shared, *others])
    return Replay(stored, replays, composing, replays.command(others), store, client)


def _named(word: str) -> list[str]:
    """Return the runs that a word names."""
    value: Any = OverridesParser.create().parse_override(word).value()
    found = value.list if isinstance(value, ChoiceSweep) and isinstance(value.list, list) else [value]
    named = [one.text if isinstance(one, QuotedString) else str(one) for one in found]
    if value is None or not all(named):
        raise UserError(f"{REPLAY}: give a run's id, the beginning of it, its name, or latest")
    return named


def _require_grid(arguments: Arguments, others: Sequence[str]) -> None:
    """Raise UserError unless several runs can be the jobs of this command."""
    if not arguments.multirun:
        raise UserError(f"{REPLAY}: several runs are the jobs of a sweep, which needs -m")
    for word in others:
        if key_of(word) == SWEEPER and word.partition("=")[2] != GRID:
            raise UserError(f"{REPLAY}: a search goes on from one config; name one run, or leave out {word}")


def _without_tensorflow(then: Described) -> Described:
    machine = {key: value for key, value in then.areas[MACHINE].items() if not key.startswith(OF_TENSORFLOW)}
    return Described({**then.areas, MACHINE: machine})
