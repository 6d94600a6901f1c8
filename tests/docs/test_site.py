"""The site is built without a warning, so every link and anchor leads somewhere, and loads nothing from elsewhere."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import ROOT
from tests.waiting import PATIENCE

LOADS = re.compile(r'<(?:script|img|link rel="stylesheet")[^>]*(?:src|href)="(https?:[^"]*)"')


@pytest.fixture(scope="module")
def site(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("site")
    build = [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(folder)]
    environment = os.environ | {"NO_MKDOCS_2_WARNING": "1"}
    done = subprocess.run(build, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=PATIENCE)
    assert done.returncode == 0, done.stderr
    return folder


@pytest.mark.slow
def test_its_search_finds_every_page(site) -> None:
    index = json.loads((site / "search" / "search_index.json").read_text())
    found = {entry["location"].partition("#")[0] for entry in index["docs"]}
    assert found == {page.relative_to(site).as_posix() for page in site.rglob("*.html")} - {"404.html"}


@pytest.mark.slow
def test_it_loads_nothing_from_elsewhere(site) -> None:
    assert [
        (page.name, LOADS.findall(page.read_text())) for page in site.rglob("*.html") if LOADS.search(page.read_text())
    ] == []
