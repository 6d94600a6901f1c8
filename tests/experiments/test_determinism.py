"""``device.deterministic``. It holds for the life of a process, so each test has one of its own."""

from __future__ import annotations

import subprocess
import sys

import pytest

from experiments.runtime.device import Device
from experiments.runtime.subprocesses import device_variables
from tests.conftest import environment
from tests.waiting import PATIENCE

BEGIN = """
from experiments.experiment import Refused
from experiments.runtime import device

device.start(device.Device(kind="cpu", deterministic={deterministic}))
import tensorflow as tf
"""

TRAIN_TWICE = """
from pathlib import Path
from tempfile import TemporaryDirectory
from experiments.networks.datasets import Digits
from experiments.networks.models import Cnn
from experiments.networks.optimizers import Adam
from experiments.testing import MemoryRecorder
from experiments.training import Training

weights = []
for _ in range(2):
    task = Training(
        dataset=Digits(), model=Cnn(dropout=0.2), optimizer=Adam(), epochs=1, execution="fit", check_saved=False
    )
    recorder = MemoryRecorder()
    with device.scope():
        task.run(recorder)
    with TemporaryDirectory() as scratch:
        path = Path(scratch, "model.keras")
        path.write_bytes(recorder.files["model.keras"])
        import keras
        model = keras.saving.load_model(path, compile=False)
        weights.append(b"".join(variable.numpy().tobytes() for variable in model.trainable_variables))
print(weights[0] == weights[1], len(weights[0]) > 0, device.describe()["deterministic"])
"""

DRAW = """
tf.random.normal([1])  # needs a seed, which the start has set
try:
    with device.scope():
        tf.random.Generator.from_non_deterministic_state()
    print("drawn")
except Refused as refused:
    print(refused)
"""

FAIL = """
with device.scope():
    raise RuntimeError("something else")
"""


def run(program: str, deterministic: bool = True) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", BEGIN.format(deterministic=deterministic) + program],
        env=environment(),
        capture_output=True,
        text=True,
        timeout=PATIENCE,
    )


@pytest.mark.slow
def test_two_trainings_with_the_same_seed_end_with_the_same_bits() -> None:
    done = run(TRAIN_TWICE)
    assert done.stdout.split()[-3:] == ["True"] * 3, done.stderr


@pytest.mark.parametrize(
    ("deterministic", "said"), [(True, "device.deterministic=true, and TensorFlow cannot do this"), (False, "drawn")]
)
def test_what_cannot_be_deterministic_is_refused_in_one_line(deterministic: bool, said: str) -> None:
    done = run(DRAW, deterministic)
    (line,) = done.stdout.splitlines()
    assert line.startswith(said), done.stderr


def test_any_other_error_stays_what_it_is() -> None:
    assert "RuntimeError: something else" in run(FAIL).stderr


def test_programs_that_start_tensorflow_themselves_are_told() -> None:
    assert device_variables(Device(deterministic=True))["TF_DETERMINISTIC_OPS"] == "1"
    assert "TF_DETERMINISTIC_OPS" not in device_variables(Device())
