"""What a training tells its user works as it stands: each printed program, in a process of its own, and the request."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import environment, free_port, run_command
from tests.end_to_end.test_training_run import QUICK
from tests.reading import client, only_run
from tests.waiting import PATIENCE, wait_until

MYTAB = """\
# @package experiment.dataset
defaults:
  - /schema/dataset/csv@_here_
  - _self_
path: people.csv
target: survived
"""

FLEXIBLE = """
import sys
import mlflow, numpy as np, pandas as pd
mlflow.set_tracking_uri(sys.argv[1])
people, digits = (mlflow.pyfunc.load_model(f"models:/{name}/1") for name in ("mytab-mlp", "digits-mlp"))
rows = pd.DataFrame({"home town": ["Bern", None], "age": [30, 40], "sex": ["female", "male"]})
expected = people.predict({"age": [30.0, 40.0], "sex": ["female", "male"], "home town": ["Bern", ""]})["logits"]
print(np.array_equal(people.predict(rows)["logits"], expected))
x = np.array(digits.input_example)
expected = digits.predict(x)["logits"]
for other in (x.astype(np.float64), x.astype(np.uint8), x[..., 0], x[..., 0].tolist()):
    print(np.array_equal(digits.predict(other)["logits"], expected))
network = mlflow.tensorflow.load_model("models:/digits-mlp/1")
others = x.astype(np.float64), x.astype(np.uint8)[..., 0]
print(all(np.array_equal(network(other)["logits"], expected) for other in others))
for wrong in ({"age": [1]}, rows.assign(age=["x", "y"]), rows.iloc[0].to_dict()):
    try:
        people.predict(wrong)
    except ValueError as error:
        print(error)
"""


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """The notes of two trainings by their dataset: a table of one's own YAML file, and images."""
    folder = tmp_path_factory.mktemp("usage")
    (folder / "own" / "dataset").mkdir(parents=True)
    (folder / "own" / "dataset" / "mytab.yaml").write_text(MYTAB)
    rows = [
        (20 + n % 50, ("male", "female")[n % 2], ("Köln", "", "Bern")[n % 3], ("no", "yes")[n % 2]) for n in range(200)
    ]
    table = [("age", "sex", "home town", "survived"), *rows]
    (folder / "people.csv").write_text("\n".join(",".join(map(str, row)) for row in table))
    notes = {}
    for words in (["dataset=mytab", "--config-dir", "own", "experiment.promote=champion"], ["dataset=digits"]):
        store = f"tracking.dir=store tracking.experiment={words[0][8:]}".split()
        done = run_command("-m", "runner", *QUICK, "experiment.epochs=2", *store, *words, cwd=folder)
        assert (done.status, done.err) == (0, "")
        notes[words[0][8:]] = done.out
    return folder, notes


def _programs(note: str) -> list[str]:
    return re.findall(r"```python\n(.+?)\n```", note, re.DOTALL)


@pytest.mark.parametrize("dataset", ["mytab", "digits"])
def test_the_printed_programs_predict(trained, dataset, tmp_path):
    _, notes = trained
    programs = _programs(notes[dataset])
    assert [len(program.splitlines()) for program in programs] == [5, 5, 5]
    for program in programs:
        done = subprocess.run(
            [sys.executable, "-c", program],
            cwd=tmp_path,
            env=os.environ,
            capture_output=True,
            text=True,
            timeout=PATIENCE,
        )
        assert done.returncode == 0, done.stderr
        assert "probabilities" in done.stdout
        assert re.search(r"'?(yes|no|\d)'?", done.stdout)


def test_the_registry_says_the_same(trained):
    folder, notes = trained
    for name, note in (("mytab-mlp", notes["mytab"]), ("digits-mlp", notes["digits"])):
        description = client(folder / "store").get_model_version(name, "1").description
        assert _programs(description) == _programs(note)
        assert re.match(r"test/\w+ \d\S*, test/\w+ \d\S*\n\n", description)
    run = only_run(folder / "store", "mytab")
    assert "Version 1 is now `@champion`" in run.data.tags["mlflow.note.content"]
    assert "in this order: no and yes" in notes["mytab"]


def test_inputs_that_differ_by_their_dtype_or_a_missing_axis_work_and_others_are_named(trained, tmp_path):
    folder, _ = trained
    done = run_command("-c", FLEXIBLE, f"sqlite:///{folder}/store/mlflow.db", cwd=tmp_path)
    assert done.out.splitlines() == [
        *["True"] * 6,
        "the input has no 'sex'; the model takes 'age', 'sex', 'home town'",
        "'age' cannot be made float32: could not convert string to float: 'x'",
        "'age' has the shape [], but the model takes [n]",
    ], done.err


def _environment() -> dict[str, str]:
    return environment() | {"PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}


@pytest.mark.parametrize("dataset", ["mytab", "digits"])
def test_the_printed_request_is_answered(trained, dataset, tmp_path):
    _, notes = trained
    (block,) = re.findall(r"```bash\n(.+?)\n```", notes[dataset], re.DOTALL)
    serve, *ask = block.replace("5001", str(port := free_port())).splitlines()
    with (tmp_path / "log").open("wb") as log:
        words: dict[str, Any] = {"cwd": tmp_path, "env": _environment()}
        server = subprocess.Popen(["bash", "-c", serve], stdout=log, stderr=log, start_new_session=True, **words)
        try:
            ping = ["curl", "-sf", f"http://127.0.0.1:{port}/ping"]
            wait_until(lambda: subprocess.run(ping, capture_output=True).returncode == 0, "the server")
            done = subprocess.run(["bash", "-c", " && ".join(ask)], capture_output=True, text=True, **words)
        finally:
            os.killpg(server.pid, signal.SIGKILL)
            server.wait()
    answer = json.loads(done.stdout.splitlines()[-1])["predictions"]
    assert answer["class"][0] in ("yes", "no", *"0123456789"), done.stderr
