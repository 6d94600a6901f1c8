"""Models and other choices from a file that the command line names."""

from __future__ import annotations

import re
import sys
from importlib import metadata

import pytest

from experiments.plugins import VARIABLE
from runner import run
from runner.errors import UserError
from tests.conftest import ROOT
from tests.in_process import call_main

MODEL = '''
from dataclasses import dataclass
from typing import ClassVar

from experiments.networks.models.ends import begin, end
from experiments.networks.models.model import Model
from experiments.validators import require_at_least


@dataclass
class Wide(Model):
    """One wide layer."""

    name: ClassVar[str] = "wide_of_a_test"

    width: int = 100

    def __post_init__(self):
        require_at_least(self, "width", 1)

    def build(self, data, seed):
        from keras import layers

        raw, signal = begin(data)
        return end(data, raw, layers.Dense(self.width, "tanh")(layers.Flatten()(signal)), self.name)
'''


LOSS = '''
from dataclasses import dataclass
from typing import ClassVar

from experiments.training.losses import Loss


@dataclass
class Huber(Loss):
    """Far targets count less."""

    name: ClassVar[str] = "huber_of_a_test"
    delta: float = 1.0

    def build(self, task, dtype):
        import keras

        return keras.losses.Huber(self.delta, dtype=dtype)
'''

CALLBACK = '''
from dataclasses import dataclass
from typing import ClassVar

from experiments.training.callbacks import Callback


@dataclass
class Enough(Callback):
    """Ends a training that is good enough."""

    name: ClassVar[str] = "enough_of_a_test"
    accuracy: float = 0.5

    def build(self):
        import keras

        def end_if_good(epoch, logs):
            if logs["val_accuracy"] >= self.accuracy:
                callback.model.stop_training = True

        callback = keras.callbacks.LambdaCallback(on_epoch_end=end_if_good)
        return [callback]
'''

BACKEND = '''
from experiments.deployment.backends.keras_model import KerasModel


class KerasGraph(KerasModel):
    """``tf.function`` around the call."""

    name = "keras_graph_of_a_test"
    title = "Keras, graph"

    def client(self):
        import tensorflow as tf

        call = tf.function(lambda inputs: self.model(inputs, training=False))
        return lambda inputs: call(inputs).numpy()
'''

EXPERIMENT = """
from experiments.experiment import Experiment


class Mine(Experiment):
    name = "mine_of_a_test"

    def run(self, recorder):
        recorder.note("Mine.")
"""


@pytest.fixture
def plugin(tmp_path, monkeypatch):
    """Write a plug-in and forget afterwards all that has joined."""
    from experiments.deployment.backends import BACKENDS
    from runner.config import plugins, schema

    experiments, known = schema.experiments(), {**BACKENDS}
    monkeypatch.setenv(VARIABLE, "")
    before = [experiment.choices for experiment in experiments]
    monkeypatch.setattr(sys, "path", [*sys.path])
    modules = {*sys.modules}

    def write(content: str, name: str = "plugin_of_a_test.py") -> str:
        (tmp_path / name).write_text(content)
        return f"plugins=[{tmp_path / name}]"

    yield write
    for name in {*BACKENDS} - {*known}:
        del BACKENDS[name]
    schema.JOINED.clear()
    plugins.LOADED.clear()
    for experiment, choices in zip(experiments, before, strict=True):
        experiment.choices = choices
    for name in {*sys.modules} - modules:
        if name.endswith("_of_a_test"):
            del sys.modules[name]


CHOSEN = ("experiment=training", "model=wide_of_a_test")


def test_a_model_of_one_s_own_is_a_choice_like_ours(main, plugin):
    done = main(plugin(MODEL), *CHOSEN, "experiment.model.width=7", "--cfg", "job")
    assert done.status == 0
    assert "width: 7" in done.out


@pytest.mark.parametrize(
    ("content", "words", "says"),
    [
        (LOSS, ("experiment=training", "loss=huber_of_a_test", "experiment.loss.delta=3"), "delta: 3"),
        (CALLBACK, ("experiment=training", "callback=enough_of_a_test"), "accuracy: 0.5"),
        (BACKEND, ("experiment=deployment", "experiment.ways=[keras,keras_graph_of_a_test]"), "keras_graph_of_a_test"),
    ],
)
def test_losses_callbacks_and_serving_backends_of_one_s_own(main, plugin, content, words, says):
    done = main(plugin(content), *words, "--cfg", "job")
    assert done.status == 0
    assert says in done.out


def _page() -> list[tuple[str, str]]:
    """The classes of docs/training.md, each as a file: a remark behind a class says where its base is from."""
    text = (ROOT / "docs" / "training.md").read_text()
    blocks = [block for block in re.findall(r"```python\n(.*?)```", text, re.DOTALL) if "@dataclass" in block]
    bases = r"class \w+\((\w+)\):  # from (\S+)"
    head = "from dataclasses import dataclass\nfrom typing import ClassVar\n"
    imports = [
        "".join(f"from {module} import {base}\n" for base, module in re.findall(bases, block)) for block in blocks
    ]
    names = [re.search(r'name: ClassVar\[str\] = "(\w+)"', block) for block in blocks]
    return [(name[1], head + found + block) for name, found, block in zip(names, imports, blocks, strict=True) if name]


@pytest.mark.parametrize(("name", "content"), _page(), ids=[name for name, _ in _page()])
def test_the_classes_of_the_page_join_as_they_stand(main, plugin, name, content):
    (group,) = re.findall(rf"`[^`]*\b(\w+)={name}\b", (ROOT / "docs" / "training.md").read_text())[:1]
    done = main(plugin(content, f"{name}_of_a_test.py"), "experiment=training", f"{group}={name}", "--cfg", "job")
    assert (done.status, done.err) == (0, "")


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (
            BACKEND.replace("keras_graph_of_a_test", "onnx"),
            "there is a backend onnx already; give KerasGraph another name",
        ),
        (BACKEND.replace("KerasModel", "ServingBackend").replace("keras_model", "backend"), "has no dataclass in it"),
        (BACKEND.replace('"Keras, graph"', "7"), "KerasGraph needs a name, a title and an artifact, each a text"),
    ],
)
def test_a_serving_backend_that_cannot_join(main, plugin, content, says):
    done = main(plugin(content), "experiment=deployment")
    assert done.status == 2
    assert says in done.err
    assert done.err.count("\n") == 1


def test_an_installed_package_names_its_models_by_entry_points(main, plugin, tmp_path, monkeypatch):
    plugin(MODEL)
    sys.path.append(str(tmp_path))
    ours = metadata.EntryPoint("wide_of_a_test", "plugin_of_a_test:Wide", "tensorflow_lab_bench.models")
    broken = metadata.EntryPoint("gone", "nowhere_at_all:Gone", "tensorflow_lab_bench.models")
    installed = metadata.entry_points
    monkeypatch.setattr(
        "importlib.metadata.entry_points",
        lambda group: (ours, broken) if group == ours.group else installed(group=group),
    )
    done = main(*CHOSEN, "--cfg", "job")
    assert (done.status, "width: 100" in done.out) == (0, True)
    assert "model=gone is left out (ModuleNotFoundError" in done.err


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("experiment.model.wide=1",), "experiment.model.wide: no such key (did you mean experiment.model.width?)"),
        (("experiment.model.width=x",), "experiment.model.width: 'x' is not a whole number"),
        (("experiment.model.width=0",), "experiment.model.width: 0 is not a number of at least 1"),
    ],
)
def test_it_is_checked_like_ours(main, plugin, words, says):
    done = main(plugin(MODEL), *CHOSEN, *words)
    assert done.status == 2
    assert says in done.err
    assert done.err.count("\n") == 1


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ("import nowhere_at_all", "line 1: ModuleNotFoundError: No module named 'nowhere_at_all'"),
        ("x = 1", "has no dataclass in it"),
        (EXPERIMENT, "an experiment joins by an entry point, see docs/howto/own_experiment.md"),
        (MODEL.replace("@dataclass\n", ""), "Wide is no dataclass; write @dataclass above it"),
        (MODEL.replace("def build", "def make"), "Wide lacks the method build"),
        (MODEL.replace("wide_of_a_test", "mlp"), "there is a model=mlp already; give Wide another name"),
        (MODEL.replace("name: ClassVar", "title: ClassVar"), "Wide has no name; write name: ClassVar[str]"),
    ],
)
def test_a_plugin_that_cannot_join(main, plugin, content, says):
    done = main(plugin(content), *CHOSEN)
    assert done.status == 2
    assert says in done.err
    assert done.err.count("\n") == 1


def test_a_file_that_is_none_or_hides_another_module(main, plugin):
    done = main("plugins=[./no.py]", *CHOSEN)
    assert (done.status, done.err) == (2, "runner: plugins: no.py is no Python file; write plugins=[./mine.py]\n")
    done = main(plugin(MODEL, "random.py"), *CHOSEN)
    assert "random.py has the name of another module" in done.err
    assert done.status == 2


def test_a_file_that_failed_is_named_again_when_it_is_mended(plugin, tmp_path):
    said = []

    def program() -> int:
        for content in ("import nowhere_at_all", MODEL):
            with pytest.raises(UserError) as wrong:
                run(plugin(content), *CHOSEN, "experiment.model.width=0")
            said.append(str(wrong.value))
        return 0

    assert call_main(cwd=tmp_path, program=program).status == 0
    assert "No module named 'nowhere_at_all'" in said[0]
    assert said[1].startswith("experiment.model.width:")


def test_no_config_can_name_a_plugin(main, tmp_path):
    (tmp_path / "preset").mkdir()
    (tmp_path / "preset" / "evil.yaml").write_text("# @package _global_\nplugins: [./mine.py]\n")
    done = main("--config-dir", str(tmp_path), "+preset=evil")
    assert done.status == 2
    assert "plugins" in done.err
