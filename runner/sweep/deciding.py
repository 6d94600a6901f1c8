"""The command that decides what two runs leave open."""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping

from experiments.reporting.commands import command, override
from experiments.series.two_runs import Compared
from runner.config.question import is_asked, key_of
from runner.sweep.stored_pair import StoredPair, StoredRun
from runner.tracking.artifacts import read_text

NO_TEXT = re.compile(r"\[.*\]|[-+.\d][-+.\deE_]*|True|False|None")
"""Values of parameters that are written without quotes: lists, numbers, and names of Python's."""

PROGRAM = ["python", "-m", "runner"]


def deciding_command(pair: StoredPair, unsure: Compared, tracking_uri: str) -> str:
    """Return a sentence with the command that decides what is unsure of two runs that did not take turns."""
    if not pair.on_one_machine:
        return "They ran on two machines; measure both on one machine, as jobs of one sweep."
    first, second = (_words(one, tracking_uri) for one in (pair.first, pair.second))
    if pair.first.run.data.params == pair.second.run.data.params:
        if unsure.runs.busy:
            return "Measure again while nothing else runs on the machine."
        if unsure.key in unsure.runs.drifts:
            return "What is unsure differs by less than runs of one config differ by on this machine."
        again = shlex.join([*PROGRAM, *first]) if first else "the same command"
        return f"Three more runs of the same config tell how far the machine drifts: three times {again}"
    swept = _sweep(first, second, pair) if first and second else None
    if swept is None:
        return "Measured as jobs of one sweep (python -m runner -m ...) they take turns, which decides it."
    return f"As jobs of one sweep they take turns, which decides it: {swept}"


def _words(one: StoredRun, tracking_uri: str) -> list[str]:
    """Return the words of the command that repeats a run, from the first line of its config.yaml; none if unknown."""
    lines = (read_text(one.run, "config.yaml", tracking_uri) or "").splitlines()
    words = shlex.split(lines[0].removeprefix("# ")) if lines else []
    return words[len(PROGRAM) :] if words[: len(PROGRAM)] == PROGRAM else []


def _sweep(first: list[str], second: list[str], pair: StoredPair) -> str | None:
    """Return the command of a sweep with both among its jobs; None if their words do not show how they differ."""
    values = [_values(words) for words in (first, second)]
    differing = [key for key in dict.fromkeys([*values[0], *values[1]]) if values[0].get(key) != values[1].get(key)]
    swept = {}
    for key in filter(is_asked, differing):
        one = values[0].get(key) or _parameter(key, pair.first)
        other = values[1].get(key) or _parameter(key, pair.second)
        if one is None or other is None:
            return None
        swept[key] = f"{key}={one},{other}"
    if not swept:
        return None
    return command("-m", *(word for word in first if key_of(word) not in swept), *swept.values())


def _values(words: list[str]) -> Mapping[str, str]:
    return {key_of(word): word.partition("=")[2] for word in words if "=" in word}


def _parameter(key: str, one: StoredRun) -> str | None:
    """Return a value of the config as a word of the command line has it."""
    value: str | None = one.run.data.params.get(key)
    if value is None:
        return None
    if NO_TEXT.fullmatch(value):
        return value.replace(" ", "").replace("None", "null").replace("True", "true").replace("False", "false")
    return override(key, value).partition("=")[2]
