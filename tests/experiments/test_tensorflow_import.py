"""Keras is left out of the import, and is there when it is wanted."""

import subprocess
import sys

from tests.conftest import ROOT


def python(code: str) -> str:
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True, timeout=120)
    return done.stdout.strip()


IMPORT = "import sys; from experiments.runtime.tensorflow_import import import_tensorflow; tf = import_tensorflow(); "


def test_keras_is_not_imported():
    assert python(IMPORT + "print([name for name in ('keras', 'sklearn', 'pandas') if name in sys.modules])") == "[]"


def test_keras_works_afterwards():
    code = """
import keras, numpy
from tensorflow.keras import layers
model = keras.Sequential([keras.Input((2,)), layers.Dense(1)])
model.compile("adam", "mse")
model.fit(numpy.ones((4, 2)), numpy.ones((4, 1)), verbose=0)
print(tf.keras.Sequential is keras.Sequential, keras.backend.backend())
"""
    assert python(IMPORT + code).splitlines()[-1] == "True tensorflow"
