"""Every dependency has a bound on both sides, and the versions that this is tested with lie between them."""

from __future__ import annotations

import re
import tomllib

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.conftest import ROOT

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())

REQUIREMENTS = sorted(
    {
        *PROJECT["build-system"]["requires"],
        *PROJECT["project"]["dependencies"],
        *(one for extra in PROJECT["project"]["optional-dependencies"].values() for one in extra),
    }
)

PINNED = {
    canonicalize_name(name): version
    for name, version in re.findall(r"^([\w.-]+)==(\S+)$", (ROOT / "constraints.txt").read_text(), re.MULTILINE)
}

NOT_PINNED = {"nvidia-ml-py", "torch", "jax"}
"""Packages of extras that the tests do not need: for NVIDIA GPUs, and the peers that are measured beside."""


@pytest.mark.parametrize("written", REQUIREMENTS)
def test_a_dependency_is_bounded_around_its_tested_version(written: str) -> None:
    wanted = Requirement(written)
    assert {one.operator for one in wanted.specifier} == {">=", "<"}, "one lower and one upper bound"
    name = canonicalize_name(wanted.name)
    assert (name in PINNED) != (name in NOT_PINNED)
    if name in PINNED:
        assert wanted.specifier.contains(PINNED[name]), f"constraints.txt has {name}=={PINNED[name]}"


def test_tests_of_a_file_are_dealt_out_together(request: pytest.FixtureRequest) -> None:
    """pytest-xdist tells groups by the ends of names; without them a file's fixture is made once in each process."""
    if not hasattr(request.config, "workerinput"):
        pytest.skip("the tests run one after another")
    assert request.node.nodeid.endswith("@tests/contracts/test_dependencies.py")
