"""The documents, and the commands that stand in them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.conftest import ROOT

DOCUMENTS = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), *(ROOT / "benchmarks").glob("*.md")])

CHOICES = sorted((ROOT / "conf").rglob("*.yaml"))
"""Their comments have commands, too."""

HISTORY = {ROOT / "CHANGELOG.md"}
"""What stands there was right once."""

BLOCK = re.compile(r"^ *```(\w*)\n(.*?)^ *```$", re.MULTILINE | re.DOTALL)
SHELL = {"", "sh", "bash", "console"}
"""The languages of blocks with commands."""

PROGRAM = r"(?:python -[mc]|make|pip|\.venv/bin/[\w-]+|docker|mlflow|ray|apt|sudo|curl|git|source)(?![\w(./-])"
LINE = re.compile(rf"^ *(?:\$ |!)?({PROGRAM}.*)$", re.MULTILINE)
INLINE = re.compile(rf"`({PROGRAM}[^`]*)`")
IN_COMMENT = re.compile(rf"^#  +({PROGRAM}.*)$", re.MULTILINE)

WITHOUT_REMARK = re.compile(r"""(?:[^\s'"]|\s(?!\s)|"[^"]*"|'[^']*')*""")
"""A command ends with its line, or before two blanks, behind which stands what it does."""

SYNTAX = re.compile(r" \[| \| ")
"""In lines that tell which options there are."""


@dataclass(frozen=True)
class Command:
    """A command in a document."""

    words: str
    document: Path

    @property
    def title(self) -> str:
        return f"{self.document.relative_to(ROOT)}: {self.words}"


def commands() -> list[Command]:
    """Return every command once, with the first document that has it."""
    found: dict[str, Command] = {}
    for document in [*DOCUMENTS, *CHOICES]:
        for words in () if document in HISTORY else commands_in(document):
            found.setdefault(words, Command(words, document))
    return list(found.values())


def commands_in(document: Path) -> Iterator[str]:
    """Yield the commands of a document: those of its shell's blocks, and those in the middle of a sentence."""
    text = re.sub(r"\\\n#? *", "", document.read_text())
    if document.suffix == ".yaml":
        lines = IN_COMMENT.findall(text)
    else:
        blocks = [block for language, block in BLOCK.findall(text) if language in SHELL]
        lines = [line for block in blocks for line in LINE.findall(block)]
        lines += [" ".join(words.split("\n")) for words in INLINE.findall(BLOCK.sub("", text))]
    for line in lines:
        whole = WITHOUT_REMARK.match(line)
        if whole and not SYNTAX.search(whole.group()):
            yield from (part.strip() for part in whole.group().split("&&"))
