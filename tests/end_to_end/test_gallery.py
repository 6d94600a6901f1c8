"""The gallery's commands as they stand in the documents, from data to a prediction with the class's name over HTTP."""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
import sys
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image
from sklearn.datasets import load_digits

from experiments.runtime import subprocesses
from tests.conftest import ROOT, free_port, run_command
from tests.waiting import PATIENCE, wait_until

GALLERY = ROOT / "docs" / "gallery"
TEXT = (ROOT / "docs" / "gallery.md").read_text()


def command(beginning: str, among: str) -> list[str]:
    """Return the words of the gallery's command that begins so and has ``among`` in it."""
    (line,) = re.findall(rf"^({beginning}.*{re.escape(among)}.*)$", TEXT, re.MULTILINE)
    return shlex.split(line)


def made_by(program: str, folder: Path) -> None:
    done = run_command(str(GALLERY / program), cwd=folder)
    assert done.status == 0, done.err


def trained(name: str, folder: Path) -> None:
    _, _, _, *words = command("python -m runner", f"registered_name={name}")
    done = run_command("-m", "runner", *words, "device=cpu", cwd=folder)
    assert done.status == 0, done.err + done.out


@contextmanager
def served(name: str, folder: Path) -> Iterator[str]:
    """Serve a model by the gallery's command, on a free port and in an empty folder; yield the address."""
    variable, _, *words = command("MLFLOW_TRACKING_URI=", f"models:/{name}/1")
    port, elsewhere = free_port(), folder / "elsewhere"
    elsewhere.mkdir()
    store = variable.replace("sqlite:///", f"sqlite:///{folder}/").partition("=")
    own = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
    server = subprocess.Popen(
        [sys.executable, "-P", "-m", "mlflow", *words[:-1], str(port)],
        env=own | {store[0]: store[2], "PATH": f"{Path(sys.executable).parent}:{own['PATH']}"},
        cwd=elsewhere,
        start_new_session=True,
    )
    address = f"http://127.0.0.1:{port}"

    def answers() -> bool:
        assert server.poll() is None
        try:
            return bool(urllib.request.urlopen(f"{address}/ping", timeout=2).status == 200)
        except OSError:
            return False

    try:
        wait_until(answers, "the server answers")
        yield address
    finally:
        subprocesses.end(server)


def classes_said(name: str, folder: Path, body: Any) -> list[str]:
    with served(name, folder) as address:
        request = urllib.request.Request(
            f"{address}/invocations", json.dumps(body).encode(), {"Content-Type": "application/json"}
        )
        said: Mapping[str, Any] = json.load(urllib.request.urlopen(request, timeout=PATIENCE))
    return list(said["predictions"]["class"])


def test_a_table(tmp_path):
    made_by("table.py", tmp_path)
    trained("people", tmp_path)
    *_, body = command("curl", '"home town"')
    assert classes_said("people", tmp_path, json.loads(body)) == ["yes", "no"]


def test_a_folder_of_pictures(tmp_path):
    made_by("pictures.py", tmp_path)
    trained("pictures", tmp_path)
    pixels = np.asarray(Image.open(tmp_path / "pictures" / "fünf" / "15.png").convert("L"))[None, ..., None]
    assert classes_said("pictures", tmp_path, {"inputs": pixels.tolist()}) == ["fünf"]


def test_a_model_with_a_layer_of_one_s_own(tmp_path):
    made_by("mine.py", tmp_path)
    (tmp_path / "mine.py").write_text((GALLERY / "mine.py").read_text())
    words = command("python -m runner", "registered_name=mine")[3:]
    without = run_command("-m", "runner", *words[1:], "device=cpu", cwd=tmp_path)
    assert without.status != 0
    assert "'Wave'" in without.err
    assert "plugins=[./mine.py]" in without.err
    trained("mine", tmp_path)
    (tmp_path / "mine.py").unlink()
    digit = load_digits()
    assert classes_said("mine", tmp_path, {"inputs": digit.images[:1, ..., None].tolist()}) == ["0"]
