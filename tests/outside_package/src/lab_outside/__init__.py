"""An experiment of another package, as small as one can be; tests make it fail in every way."""

import os
import signal
from dataclasses import dataclass
from typing import ClassVar

from experiments.experiment import Experiment, Refused
from experiments.recorder import Recorder


@dataclass
class Doubling(Experiment):
    """Doubles a number with TensorFlow."""

    name: ClassVar[str] = "doubling"

    number: float = 1.0
    fail: str = ""

    def run(self, recorder: Recorder) -> None:
        """Records the doubled number, then fails as it is told."""
        import tensorflow as tf

        print("a line for the log")
        recorder.metric("doubled", float(2 * tf.constant(self.number)))
        recorder.note(f"Twice {self.number:g}.")
        recorder.file("notes/doubled.txt", b"doubled")
        recorder.progress("doubling", 0.5, "half done")
        if self.fail == "crash":
            raise ZeroDivisionError("on purpose")
        if self.fail == "refuse":
            raise Refused("there is no answer, on purpose")
        if self.fail == "kill":
            os.kill(os.getpid(), signal.SIGKILL)
        if self.fail == "exit":
            os._exit(7)
        recorder.progress("doubling", 1.0, "done")
