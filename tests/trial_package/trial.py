"""An experiment for tests of sweeps: it takes the time it is told to, and ends as it is told to."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import ClassVar

import psutil

from experiments.experiment import Experiment, Refused
from experiments.recorder import Recorder


@dataclass
class Trial(Experiment):
    name: ClassVar[str] = "trial"
    leaves_models: ClassVar[bool] = True
    foretold: ClassVar[Mapping[str, str]] = {"loss": "loss/now"}

    x: float = 1.0
    seconds: float = 0.0
    steps: int = 0
    """How often it tells its loss before that."""
    ends: str = "well"
    seed: int = 0

    def most_steps(self) -> int:
        return self.steps

    def run(self, recorder: Recorder) -> None:
        self._recorder = recorder
        recorder.metric("loss", (self.x - 3) ** 2 + self.seed / 1000)
        for step in range(1, self.steps + 1):
            recorder.metric("loss/now", (self.x - 3) ** 2 + 1 / step, step)
            recorder.progress("learning", step / self.steps, f"step {step}")
        begun = time.monotonic()
        while (spent := time.monotonic() - begun) < self.seconds:
            time.sleep(0.05)
            recorder.progress("waiting", spent / self.seconds, f"{spent:.1f} s")
        recorder.progress("waiting", 1.0, "done")
        recorder.table("results", [{"x": self.x, "pid": os.getpid()}])
        getattr(self, f"_{self.ends}")()
        recorder.note(f"x = {self.x:g}")

    def _well(self) -> None:
        pass

    def _modelling(self) -> None:
        """Doubles what it is given."""
        import keras
        import numpy as np

        model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(2, kernel_initializer="identity")])
        model.layers[0].set_weights([2 * np.eye(2), np.zeros(2)])
        inputs = np.arange(6, dtype=np.float32).reshape(3, 2)
        with TemporaryDirectory() as folder:
            model.save(f"{folder}/model.keras")
            content = Path(folder, "model.keras").read_bytes()
        recorder, outputs = self._recorder, model.predict(inputs, verbose=0)
        recorder.model("network", content, inputs, outputs, registered_name="doubling", metadata={"x": self.x})

    def _modelling_badly(self) -> None:
        self._modelling()
        self._recorder.progress("modelling", 1.0, "handed over")
        self._badly()

    def _badly(self) -> None:
        raise ZeroDivisionError("told to")

    def _refusing(self) -> None:
        raise Refused("told to refuse")

    def _killed(self) -> None:
        os.kill(os.getpid(), signal.SIGKILL)

    def _crashing(self) -> None:
        os.kill(os.getpid(), signal.SIGSEGV)

    def _murderous(self) -> None:
        """Kills the scheduler: this worker's parent is the fork server, whose parent it is."""
        os.kill(psutil.Process(os.getppid()).ppid(), signal.SIGKILL)
        time.sleep(600)

    def _hanging(self) -> None:
        signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGINT])  # deaf, as inside a long call of TensorFlow
        time.sleep(600)

    def _swallowing(self) -> None:
        for _ in range(2):
            with suppress(BaseException):  # as a library's bare except does
                time.sleep(60)
            self._recorder.progress("waiting", 1.0, "nothing heard")

    def _greedy(self) -> None:
        blocks = []
        while True:
            blocks.append(b"x" * 50_000_000)
