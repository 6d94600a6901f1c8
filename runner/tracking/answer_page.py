"""``answer.html``: everything about a run in one file, to send to somebody. It loads nothing and runs no scripts."""

from __future__ import annotations

import csv
import io
import json
import re
import traceback
from base64 import b64encode
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from itertools import islice
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

from experiments.reporting.text import shortened
from runner.tracking import tags
from runner.tracking.description import PLOT

if TYPE_CHECKING:
    from jinja2 import Template
    from markdown_it import MarkdownIt
    from mlflow.entities import Run

Read = Callable[[str], bytes | None]

PAGE = "answer.html"

CONFIG, ENVIRONMENT, JOBS = "config.yaml", "environment.json", "jobs.json"

MOST_ROWS, MOST_COLUMNS, MOST_TABLES, MOST_VALUES = 40, 24, 12, 12
"""So much of the tables and of a swept key's values is shown; the artifacts have all, with all digits."""

LONGEST_CELL = 120

FRACTION = re.compile(r"-?\d+\.\d{4,}(e[-+]?\d+)?")
"""A number with so many digits that they hide what it says."""

DIGITS = 6
"""So many significant digits of a fraction are shown."""

LARGEST_SVG = 400_000
"""A plot with more bytes is shown as PNG."""


@dataclass(frozen=True)
class Table:
    """The beginning of a CSV file."""

    name: str
    rows: Sequence[Sequence[str]]
    """The first one is the header."""
    rest: str
    """What is left out, in words."""


class AnswerPage:
    """Makes the page of one run."""

    def __init__(self, run: Run) -> None:
        """``run`` is as it was when it began, or when it was reopened."""
        self._info, self._tags = run.info, run.data.tags

    def files(self, status: str, note: str, files: Mapping[str, bytes], read: Read) -> dict[str, bytes]:
        """Return the page as an artifact; if it cannot be made, the traceback instead: a page is never worth the run.

        ``files`` are the artifacts that this process has written, ``read`` finds those of an earlier one.
        """
        try:
            return {PAGE: self._page(status, note, files, read).encode(errors="replace")}
        except Exception:
            return {"answer.txt": traceback.format_exc().encode()}

    def _page(self, status: str, note: str, files: Mapping[str, bytes], read: Read) -> str:
        def text(path: str) -> str:
            return (files.get(path) or read(path) or b"").decode(errors="replace")

        command = self._tags.get(tags.COMMAND, "")
        config = _settings_of_jobs(text(JOBS)) if command else text(CONFIG)
        if config.startswith("# "):  # the first line is the command that led to it
            command, _, config = config.removeprefix("# ").partition("\n")
        plots = _plots(files)
        return _template().render(
            name=self._info.run_name,
            facts=self._facts(status),
            picture=plots[:1],
            words=_markdown().render(note),
            plots=plots[1:],
            tables=[_table(path, content) for path, content in files.items() if path.endswith(".csv")][:MOST_TABLES],
            command=command,
            config=config,
            machine=_machine(text(ENVIRONMENT)),
        )

    def _facts(self, status: str) -> dict[str, str]:
        began = datetime.fromtimestamp(self._info.start_time / 1000).astimezone()
        facts = {
            "status": status,
            "began": began.isoformat(" ", "seconds"),
            "device": " ".join(self._tags.get(name, "") for name in ("device.actual", "device.hardware")).strip(),
            "run": self._info.run_id,
        }
        return {name: fact for name, fact in facts.items() if fact}


@cache
def _template() -> Template:
    from jinja2 import Environment

    return Environment(autoescape=True, trim_blocks=True, lstrip_blocks=True).from_string(
        Path(__file__).with_name("answer.html.jinja").read_text(encoding="utf-8")
    )


@cache
def _markdown() -> MarkdownIt:
    """Return a renderer that shows HTML as it stands, and loads no pictures."""
    from markdown_it import MarkdownIt

    return MarkdownIt("commonmark", {"html": False}).enable("table").disable("image")


def _plots(files: Mapping[str, bytes]) -> list[tuple[str, str]]:
    """Return the name and the address of each plot; the address holds the plot itself."""
    found = []
    for path, content in files.items():
        if PLOT.fullmatch(path):
            png = files.get(f"{path.removesuffix('svg')}png")
            is_large = png is not None and len(content) > LARGEST_SVG
            kind, shown = ("png", png) if png is not None and is_large else ("svg+xml", content)
            found.append((PurePosixPath(path).stem, f"data:image/{kind};base64,{b64encode(shown).decode()}"))
    return found


def _table(path: str, content: bytes) -> Table:
    lines = csv.reader(io.TextIOWrapper(io.BytesIO(content), encoding="utf-8", errors="replace", newline=""))
    rows = [[_cell(text) for text in row[:MOST_COLUMNS]] for row in islice(lines, MOST_ROWS + 1)]
    has_more_columns = len(content) > 0 and _columns(content) > MOST_COLUMNS
    has_more_rows = next(lines, None) is not None
    left_out = [what for what, is_more in (("rows", has_more_rows), ("columns", has_more_columns)) if is_more]
    rest = f"more {' and '.join(left_out)} in {path}" if left_out else ""
    return Table(path.removesuffix(".csv"), rows, rest)


def _cell(text: str) -> str:
    """Return a cell as it is read best: a fraction with fewer digits, a long text cut off."""
    if FRACTION.fullmatch(text):
        return f"{float(text):.{DIGITS}g}"
    return shortened(text, LONGEST_CELL)


def _columns(content: bytes) -> int:
    return len(next(csv.reader([content.partition(b"\n")[0].decode(errors="replace")]), []))


def _settings_of_jobs(jobs: str) -> str:
    """Return the settings of a sweep: those that all jobs share, below those that differ, with their values."""
    configs = [job["config"] for job in json.loads(jobs or "[]")]
    values: dict[str, dict[str, None]] = {}
    for config in configs:
        for key, value in config.items():
            values.setdefault(key, {})[str(value)] = None
    swept = [f"{key}: {_alternatives(list(found))}" for key, found in values.items() if len(found) > 1]
    shared = [f"{key}: {next(iter(found))}" for key, found in values.items() if len(found) == 1]
    return "\n".join([*swept, *([""] if swept else []), *shared])


def _alternatives(values: Sequence[str]) -> str:
    more = len(values) - MOST_VALUES
    return " | ".join([*values[:MOST_VALUES], *([f"and {more} more"] if more > 0 else [])])


def _machine(environment: str) -> dict[str, Any]:
    """Return what is worth knowing of ``environment.json``, in words."""
    found = json.loads(environment or "{}")
    machine, code = found.get("machine", {}), found.get("code", {})
    packages = {"Python": found.get("python"), **found.get("packages", {})}
    words = {
        "processor": machine.get("cpu"),
        "cores": f"{machine.get('cores')}, {machine.get('usable_cores')} of {machine.get('logical_cores')} logical",
        "memory": f"{machine.get('memory_bytes', 0) / 2**30:.1f} GiB",
        "GPUs": ", ".join(str(gpu.get("name")) for gpu in found.get("gpus") or ()),
        "system": machine.get("system"),
        "packages": ", ".join(f"{name} {version}" for name, version in packages.items() if version),
        "code": f"{code.get('commit') or ''}{' with changes (code.diff)' if code.get('dirty') else ''}",
        "variables": ", ".join(f"{name}={value}" for name, value in found.get("variables", {}).items()),
    }
    return {name: value for name, value in words.items() if value} if machine else {}
