"""The revisions of the schema of MLflow's database, read from MLflow's files: its import takes two seconds."""

from __future__ import annotations

import re
from functools import cache
from importlib.util import find_spec
from pathlib import Path

FOLDER = Path("store", "db_migrations", "versions")
"""MLflow's migrations: a file each, with the revision that it makes and the one that it starts from."""

REVISION = re.compile(r"^revision = ['\"](\w+)['\"]", re.MULTILINE)
EARLIER = re.compile(r"^down_revision = ['\"](\w+)['\"]", re.MULTILINE)


@cache
def known() -> frozenset[str]:
    """Return all revisions that the installed MLflow knows."""
    return frozenset(REVISION.findall(_migrations()))


def is_newest(revision: str) -> bool:
    """Return whether a revision is the one that the installed MLflow works with."""
    return revision in known() - _overtaken()


@cache
def _overtaken() -> frozenset[str]:
    return frozenset(EARLIER.findall(_migrations()))


@cache
def _migrations() -> str:
    """Return the text of all migrations."""
    mlflow = find_spec("mlflow")
    assert mlflow is not None
    assert mlflow.origin is not None
    return "\n".join(file.read_text() for file in (Path(mlflow.origin).parent / FOLDER).glob("*.py"))
