"""Where experiments come from, and what one that is broken does to the others."""

import importlib
import sys

import pytest

import experiments as package
from experiments.experiment import defined_in
from runner.config import schema


@pytest.fixture
def found_anew():
    schema.experiments.cache_clear()
    yield
    schema.experiments.cache_clear()
    sys.modules.pop("experiments.broken", None)


def test_a_broken_module_is_left_out_and_told_of_once(found_anew, monkeypatch, tmp_path, capsys):
    (tmp_path / "broken.py").write_text("import math\n\nroot = math.squirt(2)\n")
    monkeypatch.setattr(package, "__path__", [*package.__path__, str(tmp_path)])
    names = {experiment.name for experiment in schema.experiments()}
    assert names >= {"matmul", "autodiff", "training"}
    schema.experiments()
    assert capsys.readouterr().err == (
        "runner: experiments.broken is left out (AttributeError: module 'math' has no attribute 'squirt'); "
        "see python -c 'import experiments.broken'\n"
    )


def test_an_abstract_base_class_does_not_hide_the_experiments_beside_it(found_anew, monkeypatch, tmp_path, capsys):
    """The base class has no name, and needs none: nobody can run it."""
    (tmp_path / "broken.py").write_text(
        """
from dataclasses import dataclass
from typing import ClassVar
from experiments.experiment import Experiment


class Base(Experiment):
    def compare(self, members, recorder): ...


@dataclass
class Derived(Base):
    name: ClassVar[str] = "derived"

    def run(self, recorder): ...
"""
    )
    monkeypatch.setattr(package, "__path__", [*package.__path__, str(tmp_path)])
    Derived = importlib.import_module("experiments.broken").Derived  # noqa: N806

    assert defined_in("experiments.broken") == [Derived]
    assert Derived in schema.experiments()
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize(
    ("value", "problem"),
    [
        ("nowhere:Experiment", "ModuleNotFoundError: No module named 'nowhere'"),
        ("no module at all", ""),
        ("pathlib:Path", "TypeError: pathlib:Path is not a subclass of experiments.experiment.Experiment"),
    ],
)
def test_a_broken_package_is_left_out(found_anew, monkeypatch, tmp_path, capsys, value, problem):
    information = tmp_path / "badly_made-1.0.dist-info"
    information.mkdir()
    (information / "METADATA").write_text("Metadata-Version: 2.1\nName: badly-made\nVersion: 1.0\n")
    (information / "entry_points.txt").write_text(f"[{schema.ENTRY_POINTS}]\nbad = {value}\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    assert "matmul" in {experiment.name for experiment in schema.experiments()}
    assert capsys.readouterr().err.startswith(
        f"runner: the experiment 'bad' of the package badly-made is left out ({problem}"
    )
