"""Each preset is headed by its question, its command, and the time that it took on which machine."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.conftest import ROOT
from tests.docs.documents import commands_in

NOT_TIMED = {"gradient_cost", "operators"}
"""They take minutes, and have not been timed since their measurements have five processes."""

TOOK = re.compile(r"^# Took \d+ s on .+, on \d{4}-\d\d-\d\d\.$", re.MULTILINE)


@pytest.mark.parametrize("path", sorted((ROOT / "conf" / "preset").glob("*.yaml")), ids=lambda path: path.stem)
def test_a_preset_is_headed(path: Path) -> None:
    assert "?" in path.read_text().splitlines()[1]
    assert f"+preset={path.stem}" in next(commands_in(path))
    assert len(TOOK.findall(path.read_text())) == (path.stem not in NOT_TIMED)
