"""Limits how often MLflow retries a request to a server."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any


@contextmanager
def without_retries() -> Iterator[None]:
    """Send each request once: the server has failed already."""
    name = "MLFLOW_HTTP_REQUEST_MAX_RETRIES"
    before = os.environ.get(name)
    os.environ[name] = "0"
    try:
        yield
    finally:
        if before is None:
            del os.environ[name]
        else:
            os.environ[name] = before


def if_possible(undo: Callable[..., Any], *arguments: Any) -> None:
    """Undo something in a store that has just failed, ignoring further failures."""
    with suppress(Exception), without_retries():
        undo(*arguments)
