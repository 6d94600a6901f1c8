"""The environment variables that decide what Keras computes: ours, whatever the user's are.

Keras reads them when it is imported. Every process in which it runs inherits them: the fork server sets them, its
workers are forks, and the fresh processes of :mod:`experiments.runtime.subprocesses` and their servers inherit them.
"""

from __future__ import annotations

import os
from pathlib import Path

OURS = {
    "KERAS_BACKEND": "tensorflow",
    "KERAS_HOME": str(Path(__file__).parent / "keras_home"),  # keras.json: number format, epsilon, order of axes
    "TF_USE_LEGACY_KERAS": "0",
}

USERS_HOME = "LAB_KERAS_HOME"
"""The variable that keeps the user's KERAS_HOME, where downloaded datasets are."""


def set_keras_variables() -> None:
    """Set them for this process and those that it starts. To be called before Keras is imported."""
    home = os.environ.get("KERAS_HOME", "~/.keras")
    users = {name for name in os.environ if name.startswith("KERAS_")}  # KERAS_MAX_EPOCHS, KERAS_NNX_ENABLED, ...
    for name in users:
        del os.environ[name]
    os.environ.setdefault(USERS_HOME, home)
    os.environ.update(OURS)


def users_keras_home() -> Path:
    """Return the folder that Keras would use by itself: its cache stays there."""
    return Path(os.environ.get(USERS_HOME, "~/.keras")).expanduser()
