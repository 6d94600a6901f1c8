"""Stored configs as jobs of this command: the words that they have in common, and those by which they differ."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from hydra.core.override_parser.overrides_parser import OverridesParser

from experiments.reporting.commands import override
from runner.config.question import key_of
from runner.config.stored_config import words_of_config
from runner.errors import UserError
from runner.tracking.find_run import SHORT_ID
from runner.tracking.replayable import Replayable

REPLAY = "replay"
"""The word of the command line that names stored runs."""


@dataclass(frozen=True)
class Replays:
    """The stored configs that a command runs again; with none, it runs what its own words say."""

    run_ids: Sequence[str] = ()
    shared: Sequence[str] = ()
    """The overrides that all of them have."""
    alternatives: Sequence[Sequence[str]] = ((),)
    """The overrides by which each differs from the others, in the form that jobs have them."""

    def command(self, words: Sequence[str]) -> list[str]:
        """Return the overrides of a command line that repeats this with further ``words``.

        Those of a single config need no store. Several that differ have no other name than those of their runs.
        """
        if len(self.alternatives) == 1:
            return [*self.shared, *words]
        return [f"{REPLAY}={','.join(run_id[:SHORT_ID] for run_id in self.run_ids)}", *words]

    def run_id_of(self, overrides: Sequence[str]) -> str:
        """Return the id of the run whose config a job with these overrides has; empty where nothing is replayed."""
        found = zip(self.run_ids, self.alternatives, strict=False)
        return next((run_id for run_id, words in found if set(words) <= set(overrides)), "")


def replays_of(stored: Sequence[Replayable], on_top: Sequence[str], config_dir: Path | None) -> Replays:
    """Return the words that compose the stored configs, without those that are replaced by the words ``on_top``.

    Raises UserError for words that no stored config can take, for configs that are the same, and for keys that are no
    longer there.
    """
    for word in on_top:
        if (key := key_of(word)) in ("experiment", "preset"):
            raise UserError(f"{key}: the stored config has an experiment already; leave out {word}, or {REPLAY}")
    run_ids = [one.run.info.run_id for one in stored]
    words = [_words(one, on_top, config_dir) for one in stored]
    if len(stored) == 1:
        return Replays(run_ids, shared=words[0])
    shared = [word for word in words[0] if all(word in others for others in words)]
    keys = list(dict.fromkeys(key_of(word) for own in words for word in own if word not in shared))
    alternatives = [_at(keys, own, one) for own, one in zip(words, stored, strict=True)]
    for number, own in enumerate(alternatives):
        if (first := alternatives.index(own)) < number:
            same = " and ".join(run_ids[index][:SHORT_ID] for index in (first, number))
            raise UserError(f"{REPLAY}: {same} have the same config here, so nothing would be compared")
    return Replays(run_ids, shared, alternatives)


def _words(one: Replayable, on_top: Sequence[str], config_dir: Path | None) -> list[str]:
    """The words of a stored config that no other replaces; a choice replaces the keys of the one before, too."""
    replaced = {key_of(word) for word in on_top}
    below = tuple(f"experiment.{group}." for group in one.kind.choices if group in replaced)
    words = words_of_config(one.kind, one.values, config_dir)
    return [word for word in words if (key := key_of(word)) not in replaced and not key.startswith(below)]


def _at(keys: Sequence[str], words: Sequence[str], one: Replayable) -> list[str]:
    """The words of a config for ``keys``, in the form that jobs have them; also where they are the default's."""
    own = {key_of(word): word for word in words}
    parser = OverridesParser.create()
    found = parser.parse_overrides([word for key in keys if (word := own.get(key) or _default(key, one))])
    return [f"{one.get_key_element()}={one.get_value_element_as_str()}" for one in found]


def _default(key: str, one: Replayable) -> str | None:
    """The word that gives a key its stored value; None for a key that this config does not have."""
    of_groups = {"experiment": one.kind.name, "device": one.values.get("device.kind")}
    of_groups |= {group: one.values.get(f"experiment.{group}") for group in one.kind.choices}
    if key in of_groups:
        return f"{key}={of_groups[key]}"
    return override(key, one.values[key]) if key in one.values else None
