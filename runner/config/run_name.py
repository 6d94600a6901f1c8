"""Names of runs, made of the overrides that distinguish them and of what their experiment asks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from experiments.experiment import Choice, Experiment
from runner.config.question import is_asked, key_of

LENGTH, DIGITS = 60, 8

NAME = "experiment"
"""The key of an experiment's own name in a :func:`subject`."""


def run_name(device: str, overrides: Sequence[str], subject: Mapping[str, str]) -> str:
    """Name a run after its overrides, then what else it asks, then its device.

    The overrides are first, since the UI cuts names after about 12 characters. ``device`` is the device that computed,
    such as ``CPU:0``; empty if none did. ``subject`` has the words of the question, by the key or group that sets each.

    >>> asked = {"experiment.shape": "square", "experiment.dtype": "float32"}
    >>> run_name("CPU:0", ["experiment=matmul", "device.onednn=false", "experiment.shape=square"], asked)
    'onednn=false square float32 CPU'
    """
    telling = [override for override in overrides if not override.lstrip("+").startswith(("experiment=", "device="))]
    words, said = words_of(telling), {*map(key_of, telling)}
    if words:
        said.add(NAME)  # the MLflow experiment has it, too
    words += [word for key, word in subject.items() if key not in said]
    end = [device.removesuffix(":0")]
    while len(words) > 1 and len(" ".join([*words, *end])) > LENGTH:
        words.pop()
    return " ".join([*words, *end])[:LENGTH].strip()


def subject(experiment: Experiment) -> dict[str, str]:
    """Return what an experiment asks, in its own words, by the key or group that sets each."""
    words = {}
    for field in experiment.named_after:
        value = getattr(experiment, field)
        if isinstance(value, Choice):
            words[field] = value.title
        else:
            words[NAME if field == "name" else f"experiment.{field}"] = str(value)
    return words


def words_of(overrides: Sequence[str]) -> list[str]:
    """Shorten overrides: a word stands alone, any other value follows the last part of its key."""
    return [word for override in overrides if (word := _word(override))]


def _word(override: str) -> str | None:
    key, value = key_of(override), _file_name(override.partition("=")[2].strip("'\""))
    if not is_asked(key) or not value:
        return None
    speaks_for_itself = value[:1].isalpha() and value.lower() not in ("true", "false", "null")
    return value if speaks_for_itself else f"{key.rpartition('.')[2]}={_shortened(value)}"


def _file_name(value: str) -> str:
    """Return the last part of a path, and anything else as it is."""
    is_path = value.startswith(("/", "./", "../", "~/"))
    return value.rstrip("/").rpartition("/")[2] if is_path else value


def _shortened(value: str) -> str:
    """Round a long number: those drawn by a search have more digits than anybody reads."""
    try:
        return f"{float(value):.5g}" if len(value) > DIGITS else value
    except ValueError:
        return value
