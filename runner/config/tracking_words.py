"""MLflow's own environment variables, as words of the command line, where that names no store itself."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Sequence

from experiments.reporting.commands import override
from runner.addresses import credentials_in, shown, without_user
from runner.config.question import key_of
from runner.environment import set_own

URI, EXPERIMENT = "MLFLOW_TRACKING_URI", "MLFLOW_EXPERIMENT_NAME"

OF_A_STORE = re.compile(r"tracking(\.(kind|dir|uri))?")
"""The keys that say where runs are kept."""


def with_environment(words: Sequence[str]) -> list[str]:
    """Return the overrides, with those for which MLflow's variables stand where ``tracking`` says nothing.

    A line on standard error tells of it. Of a tracking URI that is no server's it tells that it is not taken: the store
    of a folder is ``tracking.dir``, with a layout of its own.
    """
    keys = {key_of(word) for word in words}
    found = []
    if (uri := os.environ.get(URI)) and not any(map(OF_A_STORE.fullmatch, keys)):
        found += _of_server(uri)
    if (name := os.environ.get(EXPERIMENT)) and "tracking.experiment" not in keys:
        _say(f"{EXPERIMENT}: runs belong to the MLflow experiment {name!r}; tracking.experiment= says otherwise")
        found.append(override("tracking.experiment", name))
    return [*words, *found]


def _of_server(uri: str) -> list[str]:
    scheme, _, rest = uri.strip().partition("://")  # MLflow takes HTTP://, too
    if scheme.lower() not in ("http", "https"):
        _say(f"{URI} is not taken, since it is no server's address (http://...); tracking.dir=FOLDER names a folder")
        return []
    uri = f"{scheme.lower()}://{rest}"
    _say(f"{URI}: runs are kept by {shown(uri)}; tracking.dir= or tracking.uri= says otherwise")
    for name, value in credentials_in(uri).items():  # out of the words, which are kept, to where MLflow also looks
        set_own(name, value)
    return ["tracking=server", override("tracking.uri", without_user(uri))]


def _say(text: str) -> None:
    print(f"runner: {text}", file=sys.stderr)
