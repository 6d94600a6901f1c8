"""What the documents point to is there."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.conftest import ROOT
from tests.docs.documents import CHOICES, DOCUMENTS

LINK = re.compile(r"\]\((?!https?:)([^)#\s]+)")
SOURCE = re.compile(r"`((?:[\w-]+/)*\w+\.(?:py|yaml))`")
"""A file of ours, by its name alone or with the folders above it."""

EXAMPLES = {"mine.py", "my_model.py"}
"""Files of the reader's own."""


def named(document: Path, pattern: re.Pattern[str]) -> set[str]:
    return set(pattern.findall(document.read_text()))


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_links_lead_somewhere(document: Path) -> None:
    assert [link for link in named(document, LINK) if not (document.parent / link).exists()] == []


@pytest.mark.parametrize(
    "document", [ROOT / "docs" / "architecture.md", ROOT / "docs" / "measurement.md"], ids=lambda path: path.name
)
def test_files_that_the_house_names_exist(document: Path) -> None:
    folders = ("conf", "runner", "experiments", "hydra_plugins", "tests", "benchmarks")
    files = [path.relative_to(ROOT).as_posix() for folder in folders for path in (ROOT / folder).rglob("*.*")]
    missing = [
        name
        for name in named(document, SOURCE) - EXAMPLES
        if not any(f"/{file}".endswith(f"/{name}") for file in files)
    ]
    assert missing == []


@pytest.mark.parametrize("document", [*DOCUMENTS, *CHOICES], ids=lambda path: path.name)
def test_braces_are_in_quotes(document: Path) -> None:
    """A shell makes several words of others."""
    assert re.findall(r"(?<![\w.'\"])[\w.]+=\{.*", document.read_text()) == []
