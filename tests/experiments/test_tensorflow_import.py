"""Keras is left out of the import, and is there when it is wanted, as this project has it."""

import json
import os
import subprocess
import sys

from experiments.runtime.keras_variables import USERS_HOME
from tests.conftest import ROOT
from tests.waiting import PATIENCE


def python(code: str, **variables: str) -> str:
    """The output of ``code`` in a fresh process, which knows nothing of the variables set in this one."""
    users = {name: value for name, value in os.environ.items() if name != USERS_HOME}
    command = [sys.executable, "-c", code]
    done = subprocess.run(
        command, cwd=ROOT, env=users | variables, capture_output=True, text=True, check=True, timeout=PATIENCE
    )
    return done.stdout.strip()


IMPORT = "import sys; from experiments.runtime.tensorflow_import import import_tensorflow; tf = import_tensorflow(); "


def test_keras_is_not_imported():
    assert python(IMPORT + "print([name for name in ('keras', 'sklearn', 'pandas') if name in sys.modules])") == "[]"


def test_keras_works_afterwards_whatever_the_user_has_set(tmp_path):
    """A ``keras.json`` and variables of the user's would make another network. His datasets stay where they are."""
    theirs = {"backend": "jax", "floatx": "float16", "epsilon": 0.1, "image_data_format": "channels_first"}
    (tmp_path / "keras.json").write_text(json.dumps(theirs))
    code = """
import keras, numpy
from experiments.runtime.keras_variables import users_keras_home
from tensorflow.keras import layers
model = keras.Sequential([keras.Input((2,)), layers.Dense(1)])
model.compile("adam", "mse")
history = model.fit(numpy.ones((4, 2)), numpy.ones((4, 1)), epochs=2, verbose=0)
print(tf.keras.Sequential is keras.Sequential, keras.backend.backend(), len(history.epoch), users_keras_home())
print(keras.config.floatx(), keras.config.epsilon(), keras.config.image_data_format(), model.dtype_policy.name)
"""
    variables = {"KERAS_BACKEND": "jax", "KERAS_MAX_EPOCHS": "1", "TF_USE_LEGACY_KERAS": "1"}
    *_, works, settings = python(IMPORT + code, KERAS_HOME=str(tmp_path), **variables).splitlines()
    assert works == f"True tensorflow 2 {tmp_path}"
    assert settings == "float32 1e-07 channels_last float32"
