"""Fresh processes: they find what their parent finds, compute as it does, and end with it."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from dataclasses import asdict, fields, replace
from pathlib import Path
from typing import Any

import psutil
import pytest

from experiments.runtime import device, subprocesses
from experiments.runtime.device import Device
from experiments.runtime.subprocesses import device_variables
from tests.conftest import environment
from tests.waiting import PATIENCE, SOON, wait_until

SETTINGS = tuple(field.name for field in fields(Device))

UNUSUAL = Device(
    kind="cpu",
    index=1,
    gpus=2,
    intra_op_threads=2,
    inter_op_threads=3,
    onednn=False,
    tf32=False,
    deterministic=True,
    memory_growth=False,
    logical_cpus=2,
)
"""No setting has its default value, or the tests below could not see it arrive."""

START_EACH_KIND = """
import json, sys
from contextlib import closing
from dataclasses import asdict
from pathlib import Path

import numpy as np

from experiments.deployment.backend_worker import BackendWorker
from experiments.deployment.backends import BACKENDS
from experiments.deployment.series import DeploymentSeries
from experiments.deployment.settings import DeploymentSettings
from experiments.deployment.workshop import Workshop
from experiments.networks.saving import reload, save
from experiments.recorder import Source
from experiments.runtime import device

device.start(device.Device(**json.loads(sys.argv[1])))

import keras

with device.scope():
    model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(3)])
    (reloaded, *_) = reload(model, save(model, Path("saved")), np.ones((1, 4), np.float32), modules=["told"])
    assert reloaded.identical
found = {"reloading": json.loads(Path("told.json").read_text())}

def told(process):
    settings, tensorflow = process.call(BackendWorker.device)
    return asdict(settings) | {"tensorflow": tensorflow}

settings, source = DeploymentSettings(), Source("a model", Path("saved", "model.keras"))
with closing(Workshop(source, settings.timeout)) as workshop:
    series = DeploymentSeries(settings, workshop.examine(settings.examples, settings.seed), workshop)
    found["original"] = told(workshop.process())
    backend = BACKENDS["saved_model"]
    with series._started(backend, workshop.make(backend)) as (process, _):
        found["backend"] = told(process)
Path("found.json").write_text(json.dumps(found))
"""

TOLD = """
import json
from dataclasses import asdict
from pathlib import Path

from experiments.runtime import device

Path("told.json").write_text(json.dumps(asdict(device.settings()) | {"tensorflow": device.describe()}))
"""


@pytest.fixture(scope="module")
def inherited(tmp_path_factory):
    """The settings found in each kind of fresh process, all started by one that was started with UNUSUAL."""
    folder = tmp_path_factory.mktemp("kinds")
    (folder / "told.py").write_text(TOLD)
    done = subprocess.run(
        [sys.executable, "-c", START_EACH_KIND, json.dumps(asdict(UNUSUAL))],
        cwd=folder,
        env=environment(),
        capture_output=True,
        text=True,
        timeout=PATIENCE,
    )
    assert done.returncode == 0, done.stderr
    return json.loads((folder / "found.json").read_text())


@pytest.mark.slow
@pytest.mark.parametrize("setting", SETTINGS)
@pytest.mark.parametrize("kind", ["reloading", "original", "backend"])
def test_each_setting_arrives_in_each_kind_of_process(inherited, kind, setting):
    asked = getattr(UNUSUAL, setting)
    assert asked != getattr(Device(), setting)
    # Two processes share the GPU, so the second takes only what it needs.
    assert inherited[kind][setting] == (True if setting == "memory_growth" else asked)


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["reloading", "original", "backend"])
def test_tensorflow_has_the_settings_there(inherited, kind):
    found = inherited[kind]["tensorflow"]
    expected = {"device": "CPU:1", "intra_op_threads": 2, "inter_op_threads": 3, "onednn": "0", "tf32": False}
    expected |= {"deterministic": True}
    assert {name: found[name] for name in expected} == expected


@pytest.mark.parametrize("setting", SETTINGS)
def test_each_setting_has_a_variable_for_programs_that_start_tensorflow_themselves(monkeypatch, setting):
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    usual = Device(kind="gpu")
    changed = replace(usual, **{setting: getattr(UNUSUAL, setting)})
    has_variable = setting != "logical_cpus"  # TensorFlow reads none for it
    assert (device_variables(changed) != device_variables(usual)) == has_variable


@pytest.mark.parametrize(
    ("asked", "visible", "expected"),
    [
        (Device(kind="cpu"), "0,1", "-1"),
        (Device(kind="gpu"), None, "0"),
        (Device(kind="gpu", index=1, gpus=2), None, "1,2"),
        (Device(kind="gpu", index=1), "2,3", "3"),
        (Device(kind="auto"), "2,3", None),
    ],
    ids=["cpu", "first", "several", "of-those-visible-here", "auto"],
)
def test_the_gpus_counted_here_are_those_visible_there(monkeypatch, asked, visible, expected):
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    if visible is not None:
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", visible)
    assert device_variables(asked).get("CUDA_VISIBLE_DEVICES") == expected


def test_the_device_in_use_is_the_one_found(on_device):
    found = subprocesses.device_in_use()
    assert found == replace(device.settings(), kind="cpu", index=1, memory_growth=True)


def test_it_finds_our_modules_from_any_folder(monkeypatch, tmp_path):
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "module_of_mine.py").write_text("")
    monkeypatch.syspath_prepend(str(tmp_path / "mine"))
    process = subprocesses.start("import module_of_mine, experiments.validators", folder=tmp_path)
    try:
        assert process.wait(60) == 0
    finally:
        subprocesses.end(process)


PARENT = """
import sys, time
from experiments.runtime import subprocesses
child = subprocesses.start(sys.argv[1])
time.sleep(600)
"""

CHILD = """
import os, subprocess, sys, time
grandchild = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
print("up", os.getpid(), grandchild.pid, flush=True)
time.sleep(600)
"""


def _started(program: str, *arguments: str) -> tuple[subprocess.Popen[Any], list[psutil.Process]]:
    """Start a program, and wait until the CHILD in it names itself and what it has started."""
    process = subprocess.Popen([sys.executable, "-c", program, *arguments], env=environment(), stdout=subprocess.PIPE)
    assert process.stdout is not None
    _, *numbers = process.stdout.readline().split()
    return process, [psutil.Process(int(number)) for number in numbers]


def _gone(processes: list[psutil.Process]) -> bool:
    return not any(process.is_running() and process.status() != psutil.STATUS_ZOMBIE for process in processes)


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_it_ends_with_its_parent_and_all_that_it_started(number):
    parent, family = _started(PARENT, CHILD)
    assert not _gone(family)
    parent.send_signal(number)
    parent.communicate(timeout=SOON)
    wait_until(lambda: _gone(family), "the end of the fresh process and its child", seconds=SOON)


def test_a_process_that_leads_no_group_ends_alone(tmp_path):
    """Its group is that of a shell, or of these tests."""
    program = f"{subprocesses.WATCH}print('up', flush=True); import time; time.sleep(600)"
    process = subprocess.Popen(
        [sys.executable, "-c", program], env=environment(), stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdout.readline()
    process.stdin.close()
    assert process.wait(20) == 1
    process.stdout.close()


def test_ended_means_gone_with_all_that_it_started(tmp_path):
    log = tmp_path / "log"
    with log.open("wb") as output:
        process = subprocesses.start(CHILD, output=output)
    wait_until(lambda: log.read_text().startswith("up"), "the child is up")
    family = [psutil.Process(int(number)) for number in log.read_text().split()[1:]]
    subprocesses.end(process)
    assert _gone(family)
    assert process.returncode == -signal.SIGKILL


def test_a_process_that_has_ended_can_be_ended(tmp_path):
    process = subprocesses.start("raise SystemExit(3)", folder=Path(tmp_path))
    assert process.wait(60) == 3
    subprocesses.end(process)
