"""``python -m documenting.reference`` writes docs/reference.md from the code.

Keys, their defaults and meanings are those of conf/, types those of the dataclasses, exit statuses those of the
programs. The words about what runs leave stand in ``findings.yaml``, which a test compares with real runs.
"""

from __future__ import annotations

import argparse
import re
from collections.abc import Iterable, Iterator, Mapping
from itertools import groupby
from pathlib import Path

import yaml

from documenting.keys import Key, keys_of, purpose_of
from runner import compare, store
from runner.config.composing import CONF
from runner.config.schema import register
from runner.errors import ExitStatus

PAGE = CONF.parent / "docs" / "reference.md"
FINDINGS = Path(__file__).parent / "findings.yaml"

HEAD = """\
# Reference

Every key, metric, column, artifact, tag, exit status and environment variable. This page is made from the code by
`python -m documenting.reference`; a test fails where it is not up to date.
"""

UNITS = """\
Times are in microseconds where a name ends in `_us`, in milliseconds where it ends in `_ms`. A star stands for a name.
"""

KINDS = {"metrics": "metric", "columns": "column", "artifacts": "artifact"}

STATUSES = {
    f"{ExitStatus.OK:d}": "done; of a sweep: every job is FINISHED, or was pruned by a search",
    f"{ExitStatus.FAILED:d}": "a run, or a job of a sweep, has FAILED; or the output could not be written",
    f"{ExitStatus.WRONG_INPUT:d}": "wrong input, or a store that cannot be used; one line says what, where, what to do",
    "128 + n": "ended by signal n: 130 after Ctrl-C",
}


def page() -> str:
    """Return the page."""
    register()
    found = yaml.safe_load(FINDINGS.read_text())
    variables, tags = found.pop("variables"), found.pop("tags")
    parts = [HEAD, "## Keys", *_keys(), "## What runs leave", UNITS, *_findings(found)]
    parts += ["## Tags", _names("tag", tags), "## Exit statuses", *_statuses()]
    parts += ["## Environment variables", _names("variable", variables)]
    return "\n\n".join(part.strip() for part in parts) + "\n"


def _keys() -> Iterator[str]:
    """Yield the keys of all, and then those of each choice; choices of a group that have the same are told together."""
    yield "### Common to all"
    yield _key_table(keys_of(CONF / "config.yaml"))
    files = [*CONF.glob("*/*.yaml"), *(CONF / "hydra").glob("*/*.yaml")]
    for group, members in groupby(sorted(files), key=lambda path: path.parent):
        name = group.relative_to(CONF).as_posix()
        yield f"### `{'+' if name == 'preset' else ''}{name}=`"
        alike: dict[tuple[str, ...], list[Path]] = {}
        for path in members:
            alike.setdefault(() if name == "preset" else tuple(key.meaning for key in keys_of(path)), []).append(path)
        for paths in alike.values():
            yield "\n".join(f"- `{path.stem}`: {purpose_of(path)}" for path in paths)
            yield _key_table(keys_of(paths[0])) if name != "preset" and keys_of(paths[0]) else ""


def _key_table(keys: Iterable[Key]) -> str:
    cells = ([f"`{key.name}`", key.kind, f"`{key.default}`", key.meaning] for key in keys)
    return _table(["key", "type", "default", "meaning"], cells)


def _findings(found: Mapping[str, Mapping[str, Mapping[str, str]]]) -> Iterator[str]:
    for owner, tables in found.items():
        yield f"### {owner.capitalize()}"
        for kind, words in tables.items():
            yield _names(KINDS.get(kind, f"column of {kind.removesuffix(' ?')}"), words)


def _names(title: str, words: Mapping[str, str]) -> str:
    """Return a table of names and what they mean; those that only some runs have say so."""
    cells = (
        [f"`{name.removesuffix(' ?')}`", f"{meaning} (some runs)" if name.endswith(" ?") else meaning]
        for name, meaning in words.items()
    )
    return _table([title, "meaning"], cells)


def _statuses() -> Iterator[str]:
    yield _table(["python -m runner", "meaning"], ([status, words] for status, words in STATUSES.items()))
    for program in (compare, store):
        words = re.search(r"Exit status: (.*?)\.(?: |$)", program.EXAMPLES, re.DOTALL)
        assert words is not None
        yield f"`python -m {program.__name__}`: {' '.join(words[1].split())}."


def _table(head: list[str], rows: Iterable[list[str]]) -> str:
    """Return a table whose cells are Markdown."""
    escaped = (
        [cell.replace("|", r"\|").replace("*", r"\*") if "`" not in cell else cell for cell in row] for row in rows
    )
    return "\n".join(f"| {' | '.join(row)} |" for row in [head, ["---"] * len(head), *escaped])


if __name__ == "__main__":
    argparse.ArgumentParser(prog="python -m documenting.reference", description=__doc__).parse_args()
    PAGE.write_text(page(), encoding="utf-8")
