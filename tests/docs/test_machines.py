"""CI, containers and the citation say what the checkout says."""

from __future__ import annotations

import json
import re

import yaml

from runner import __version__
from tests.conftest import ROOT


def test_ci_runs_the_two_commands() -> None:
    makes = re.findall(r"^make (\w+)", (ROOT / ".ci" / "run").read_text(), re.MULTILINE)
    assert makes == ["run", "test"]
    workflow = yaml.safe_load((ROOT / ".github" / "workflows" / "test.yml").read_text())
    assert [step["run"] for step in workflow["jobs"]["test"]["steps"] if "run" in step][-1] == ".ci/run"


def test_the_container_calls_make() -> None:
    text = (ROOT / "Dockerfile").read_text()
    assert re.findall(r"^(?:ENTRYPOINT|CMD) (.*)$", text, re.MULTILINE) == ['["make"]', '["run"]']
    described = re.findall(r"lab-bench (\w+)", text)
    assert described == ["run", "test"]
    container = json.loads((ROOT / ".devcontainer" / "devcontainer.json").read_text())
    assert (ROOT / ".devcontainer" / container["build"]["dockerfile"]).resolve() == ROOT / "Dockerfile"


def test_the_citation_is_of_this_version() -> None:
    cited = yaml.safe_load((ROOT / "CITATION.cff").read_text())
    assert cited["version"] == __version__
    assert cited["license"] == "MIT"
