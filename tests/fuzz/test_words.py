"""Wrong overrides of any kind: one clear line, status 2, no traceback, no run, nothing written."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from hydra._internal.hydra import Hydra
from hydra._internal.utils import create_config_search_path
from hydra.core.global_hydra import GlobalHydra
from hydra.types import RunMode

from runner.cli.complaint import LONGEST, in_one_line
from runner.config.error_messages import CONFIG_ERRORS, sentence
from runner.config.files import require_choice_files
from runner.config.plugins import taken_out
from runner.config.schema import register
from runner.config.validation import parts
from runner.config.words import readable
from runner.errors import UserError
from runner.sweep.composition import Composition
from runner.tracking.store import locate
from tests.conftest import ROOT
from tests.fuzz.bad_values import cases
from tests.fuzz.bad_words import BAD

JARGON = re.compile(
    r"full_key|object_type|Traceback|NoneType|OmegaConf|ListConfig|DictConfig|Error (raised|merging|resolving|parsing)"
    r"|could not be converted|Could not|mismatched input|no viable|0x[0-9a-f]{6}"
)
"""What a library says to its programmers."""


def require_clear(line: str) -> None:
    assert len(line) <= LONGEST + 100
    assert line.isprintable()
    assert not JARGON.search(line)
    assert len(line.split()) > 2


@pytest.fixture
def complaint(tmp_path, monkeypatch):
    """What is said of overrides, as ``python -m runner`` says it, without composing anew for each; None for nothing."""
    monkeypatch.chdir(tmp_path)
    register()
    GlobalHydra.instance().clear()
    hydra = Hydra.create_main_hydra2("runner", create_config_search_path(str(Path(ROOT, "conf"))))
    composition = Composition(hydra.config_loader, hydra.compose_config("config", [], run_mode=RunMode.MULTIRUN))

    def said(*words: str) -> str | None:
        try:
            found = parts(composition.compose([readable(word) for word in taken_out(words)]))
            require_choice_files(found.experiment)
            locate(found.tracking).check()
        except UserError as error:
            return in_one_line(str(error))
        except CONFIG_ERRORS as error:
            return in_one_line(sentence(error, words))
        return None

    yield said
    GlobalHydra.instance().clear()


def _unclear(complaint, tried) -> list[str]:
    found = []
    for words in tried:
        line = complaint(*words)
        try:
            assert line is not None
            require_clear(line)
        except AssertionError:
            found.append(f"{ascii(words)[:200]}: {line}")
    return found


def test_each_key_with_values_of_wrong_types(complaint, tmp_path):
    tried = [(*choosing, word) for choosing, word in cases()]
    assert len(set(tried)) > 300
    assert _unclear(complaint, tried) == []
    assert list(tmp_path.iterdir()) == []


def test_words_that_are_wrong_as_they_are_written(complaint, tmp_path):
    assert len(set(BAD)) > 150
    assert _unclear(complaint, BAD) == []
    assert [path for path in tmp_path.rglob("*") if path.name != "mlruns"] == []  # made, and empty, before it is asked


@pytest.mark.parametrize(
    "word",
    [
        "seed=${oc.env:HOME}",
        "seed='\x1b[31m1'",
        "hydra.mode=MULTIRUN",
        "seed=range(3)",
        "experiment=glob(*)",
        "x" * 100_000 + "=1",
        "",
    ],
    ids=lambda word: ascii(word)[:30],
)
def test_what_the_whole_program_says(main, tmp_path, word):
    done = main(word)
    assert (done.status, done.out) == (2, "")
    (line,) = done.err.splitlines()
    assert line.startswith("runner: ")
    require_clear(line)
    assert list(tmp_path.iterdir()) == []


def test_a_process_of_its_own(runner, tmp_path):
    done = runner("experiment.shape='\u202e\x07'")
    assert (done.status, done.out) == (2, "")
    (line,) = done.err.splitlines()
    require_clear(line)
    assert list(tmp_path.iterdir()) == []
