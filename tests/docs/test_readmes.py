"""The README in two languages: the same commands, links, sections and answers."""

from __future__ import annotations

import re

import pytest

from documenting.pictures import ANSWER, READMES
from tests.conftest import ROOT
from tests.docs.documents import BLOCK, commands_in

TEXTS = [path.read_text(encoding="utf-8") for path in READMES]


@pytest.mark.parametrize(
    "parts_of",
    [
        lambda text: BLOCK.findall(text),
        lambda text: re.findall(r"\]\((.*?)\)", text)[1:],  # the first leads to the other language
        lambda text: re.findall(r"^#+ ", text, re.MULTILINE),
        lambda text: [line.count("|") for line in text.splitlines() if line.startswith("|")],
        lambda text: [match["answer"] for match in ANSWER.finditer(text)],
        lambda text: re.findall(r"`[^`\n]+`", BLOCK.sub("", text)),
    ],
    ids=["blocks", "links", "sections", "tables", "answers", "code"],
)
def test_both_have_the_same(parts_of) -> None:
    english, chinese = map(parts_of, TEXTS)
    assert sorted(chinese) == sorted(english)


def test_both_name_the_same_commands() -> None:
    english, chinese = (list(commands_in(path)) for path in READMES)
    assert chinese == english
    assert english[:2] == ["make run", "make test"]


def test_five_questions_are_answered() -> None:
    for text in TEXTS:
        answers = [match["answer"] for match in ANSWER.finditer(text)]
        assert len(answers) == 5
        for answer in answers:
            (picture,) = re.findall(r"!\[\w+\]\((.*?)\)", answer)
            assert (ROOT / picture).stat().st_size < 60_000
