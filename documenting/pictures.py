"""``python -m documenting.pictures`` asks the questions of the README, and puts answers and pictures into it.

It takes some minutes. What is measured is worth more where nothing else runs. Words choose the questions whose command
holds one of them: ``python -m documenting.pictures autodiff training``.
"""

from __future__ import annotations

import argparse
import re
import shlex
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from itertools import accumulate
from pathlib import Path

from mlflow import MlflowClient
from mlflow.entities import Run
from PIL import Image

ROOT = Path(__file__).parent.parent
PICTURES = ROOT / "docs" / "pictures"
READMES = (ROOT / "README.md", ROOT / "README.zh-CN.md")

WIDTH, COLOURS = 720, 256
"""Of a picture: its pixels from left to right, and its colours."""

LINES, COLUMNS = 23, 200
"""What a screen holds."""

ANSWER = re.compile(
    r"(?P<head>```sh\n(?P<command>python -m runner [^\n]*)\n```\n\n"
    r"<!-- answer: (?P<plot>[\w.]+) -->\n)(?P<answer>.*?)(?P<tail><!-- end of answer -->)",
    re.DOTALL,
)
"""A question of a README: its command, the plot that shows its answer, and the answer."""


def main() -> None:
    """Ask the chosen questions once each, then fill in the answers."""
    parser = argparse.ArgumentParser(prog="python -m documenting.pictures", description=__doc__)
    parser.add_argument("words", nargs="*", help="ask only the questions whose command has one of them in it")
    words: Sequence[str] = parser.parse_args().words
    questions = {match["command"]: match["plot"] for path in READMES for match in ANSWER.finditer(path.read_text())}
    chosen = [command for command in questions if not words or any(word in command for word in words)]
    with tempfile.TemporaryDirectory() as folder:
        answers = {command: _answered(command, questions[command], Path(folder)) for command in chosen}

    def filled(match: re.Match[str]) -> str:
        return match["head"] + answers.get(match["command"], match["answer"]) + match["tail"]

    for path in READMES:
        path.write_text(ANSWER.sub(filled, path.read_text()))


def _answered(command: str, plot: str, folder: Path) -> str:
    """Run a command, keep its plot, and return its answer with the plot in Markdown."""
    print(command, flush=True)
    subprocess.run([sys.executable, *shlex.split(command)[1:]], cwd=folder, check=True)
    run = _newest(folder / "mlruns")
    picture = PICTURES / f"{run.data.tags.get('experiment', 'sweep')}.png"
    _shrink(Path(run.info.artifact_uri.removeprefix("file://")) / "plots" / f"{plot}.png", picture)
    return f"{_in_short(run.data.tags['mlflow.note.content'])}\n\n![{plot}]({picture.relative_to(ROOT)})\n"


def _newest(store: Path) -> Run:
    """The run of the newest command: that of a sweep, not of its jobs."""
    client = MlflowClient(f"sqlite:///{store}/mlflow.db")
    found = client.search_runs([one.experiment_id for one in client.search_experiments()])
    return max((run for run in found if "mlflow.parentRunId" not in run.data.tags), key=lambda run: run.info.start_time)


def _in_short(note: str) -> str:
    """The paragraphs of an answer that fit on a screen, without its own picture, which only the UI can show."""
    parts = [part for part in note.split("\n\n") if not part.startswith("![")]
    heights = accumulate(sum(1 + len(line) // COLUMNS for line in part.splitlines()) for part in parts)
    kept = [part for part, height in zip(parts, heights, strict=True) if height <= LINES]
    return "\n\n".join(kept[:-1] if kept[-1].endswith(":") else kept)  # what it announces is cut off


def _shrink(source: Path, target: Path) -> None:
    PICTURES.mkdir(exist_ok=True)
    with Image.open(source) as plot:
        small = plot.convert("RGB").resize((WIDTH, round(plot.height * WIDTH / plot.width)), Image.Resampling.LANCZOS)
        small.quantize(COLOURS, dither=Image.Dither.NONE).save(target, optimize=True)


if __name__ == "__main__":
    main()
