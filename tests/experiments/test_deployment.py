"""Serving a tiny model with each backend: the same answers, honest failures, and nothing left behind."""

from __future__ import annotations

import os
import re
import signal
import threading
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import psutil
import pytest

from experiments.deployment import Deployment, series
from experiments.deployment.backend_process import BackendProcess
from experiments.deployment.backend_worker import BackendWorker
from experiments.deployment.backends import BACKENDS, ORIGINAL, BackendFailed, BackendInputs
from experiments.deployment.backends.litert import SINGLE_EXAMPLES
from experiments.deployment.backends.mlflow_serve import MlflowServe
from experiments.deployment.series import DeploymentSeries
from experiments.deployment.workshop import Workshop
from experiments.experiment import Refused
from experiments.recorder import Source
from experiments.runtime.device import Device
from experiments.runtime.subprocesses import device_variables
from experiments.testing import MemoryRecorder
from tests.waiting import SOON, wait_until

pytestmark = pytest.mark.slow

LARGEST_DIFFERENCE = {
    "keras": 0.0,
    "saved_model": 1e-6,
    "litert_float32": 1e-6,
    "onnx": 1e-6,
    "openvino": 1e-6,
    "litert_dynamic": 0.03,
    "litert_int8": 0.06,
}
"""Backend -> the largest allowed difference of a probability. Int8 weights are off by up to 0.4 % of the largest one,
int8 activations by as much again."""


@pytest.fixture(scope="module")
def source(_tensorflow, tmp_path_factory):
    """A model of 83 parameters with a test set, all of whose labels it knows."""
    import keras

    folder = tmp_path_factory.mktemp("tiny")
    keras.utils.set_random_seed(1)
    layers = [keras.Input((4,)), keras.layers.Dense(8, activation="relu"), keras.layers.Dense(3, activation="softmax")]
    model = keras.Sequential(layers)
    model.save(folder / "model.keras")
    inputs = np.random.default_rng(0).normal(size=(120, 4)).astype(np.float32)
    labels = model.predict(inputs, verbose=0).argmax(axis=1)
    np.savez(folder / "test_set.npz", x=inputs, y=labels, task=np.array("classification"))
    return Source("tiny", folder / "model.keras", folder / "test_set.npz")


@pytest.fixture(scope="module")
def served(source):
    """One run of all backends but the server, which the end-to-end tests start."""
    recorder = MemoryRecorder(sources={"latest": source})
    Deployment(ways=[*LARGEST_DIFFERENCE], batch_sizes=[1, 8], clients=[1, 2], processes=2, seconds=0.04).run(recorder)
    return recorder


@pytest.fixture(scope="module")
def mlflow_model(source, tmp_path_factory):
    """An MLflow model made of the plain ``.keras`` file, as the server's backend makes it."""
    import keras

    folder = tmp_path_factory.mktemp("served") / "model"
    MlflowServe.make(keras.saving.load_model(source.model), BackendInputs(source.model, Path()), folder)
    return folder


@pytest.fixture(scope="module", autouse=True)
def workers() -> Callable[[], list[psutil.Process]]:
    """Lists what these tests have started and not ended; a cluster that other tests keep running is not theirs."""
    neighbours = psutil.Process().children()

    def started() -> list[psutil.Process]:
        ours = [child for child in psutil.Process().children() if child not in neighbours]
        family = [process for child in ours for process in (child, *child.children(recursive=True))]
        return [process for process in family if process.status() != psutil.STATUS_ZOMBIE]

    return started


def test_every_backend_is_measured(served):
    assert [(row["way"], row["status"]) for row in served.tables["results"]] == [
        (way, "measured") for way in BACKENDS if way != "mlflow_serve"
    ]


def test_the_ways_take_turns_in_rounds(served):
    found = [(int(words[8]), way) for way, _, words in served.progresses if words.startswith("process ")]
    assert found == sorted(found, key=lambda turn: turn[0])
    first, second = (list(dict.fromkeys(way for number, way in found if number == wanted)) for wanted in (1, 2))
    assert set(first) == set(second) == set(LARGEST_DIFFERENCE)
    assert first != second  # in an order of its own
    assert {row["processes"] for row in served.tables["results"]} == {2}


@pytest.mark.parametrize("way", LARGEST_DIFFERENCE)
def test_outputs_are_those_of_the_original(served, way):
    assert served.metrics[f"difference/max/{way}", 0] <= LARGEST_DIFFERENCE[way]
    assert served.metrics[f"test/accuracy/{way}", 0] >= (1.0 if LARGEST_DIFFERENCE[way] < 0.01 else 0.9)


def test_int8_is_really_quantised(served):
    assert served.metrics["difference/max/litert_int8", 0] > 0
    assert served.files["model_int8.tflite"] != served.files["model_dynamic_range.tflite"]


@pytest.mark.parametrize("way", LARGEST_DIFFERENCE)
def test_figures_are_plausible(served, way):
    low, middle, high = (served.metrics[f"latency/{name}_ms/{way}", 0] for name in ("p50", "p95", "p99"))
    assert 0 < low <= middle <= high
    assert served.steps(f"throughput/examples_per_s/{way}") == [1, 8]
    assert served.steps(f"throughput/examples_per_s_2_clients/{way}") == [1, 8]
    assert served.metrics[f"startup/seconds/{way}", 0] > 0
    assert served.metrics[f"size/bytes/{way}", 0] > 83


def test_runtimes_start_sooner_than_tensorflow(served):
    assert served.metrics["startup/seconds/litert_float32", 0] < served.metrics["startup/seconds/saved_model", 0]


def test_what_is_deployed_is_kept(served):
    assert {"saved_model/1/saved_model.pb", "saved_model/1/variables/variables.index"} <= set(served.files)
    assert {"model_float32.tflite", "model_dynamic_range.tflite", "model_int8.tflite", "model.onnx"} <= set(
        served.files
    )
    assert len(served.files["model_float32.tflite"]) == served.metrics["size/bytes/litert_float32", 0]


def test_the_note_says_which_to_use_and_how(served):
    (note,) = served.notes
    for words in ("Which to use when", "one answer at a time", "tensorflow/serving", "100 inputs of the test set"):
        assert words in note
    assert set(served.figures) == {"latency"}


def test_nothing_is_left(served, workers):
    assert workers() == []


@pytest.mark.parametrize(
    ("way", "path"),
    [("litert_float32", "model_float32.tflite"), ("litert_int8", "model_int8.tflite"), ("onnx", "model.onnx")],
)
def test_runtimes_do_without_tensorflow(served, tmp_path, way, path):
    (tmp_path / path).write_bytes(served.files[path])
    with closing(BackendProcess(30)) as worker:
        worker.call(BackendWorker.start, way, tmp_path / path, Device(intra_op_threads=1), np.zeros((1, 4), np.float32))
        assert not {"tensorflow", "keras"} & worker.call(BackendWorker.modules)


def test_a_missing_package_leaves_one_backend_out(monkeypatch, source, on_device):
    monkeypatch.setattr(BACKENDS["onnx"], "requires", ("no_such_package",))
    recorder = MemoryRecorder(sources={"latest": source})
    why = "no_such_package not installed; pip install 'tensorflow-lab-bench[deployment]'"
    with pytest.raises(Refused, match=f"^no way could be measured: {re.escape(why)}$"):
        Deployment(ways=["onnx"]).run(recorder)
    assert recorder.tables["results"] == [{"way": "onnx", "status": f"not measured: {why}"}]


QUICK = {"ways": ["litert_float32", "onnx"], "batch_sizes": [2], "clients": [1], "seconds": 0.03}


def test_a_process_that_fails_in_a_later_round_costs_nothing_else(source, on_device):
    settings = Deployment(**QUICK, processes=2)
    with closing(Workshop(source, settings.timeout)) as workshop:
        series = DeploymentSeries(settings, workshop.examine(settings.examples, settings.seed), workshop)
        turns = series.measure(lambda *said: None)
        found = [next(turns), next(turns)]
        (workshop.folder / "model_float32.tflite").unlink()
        found += turns
    assert sorted(one.backend.name for one in found if one) == ["litert_float32", "litert_float32", "onnx", "onnx"]
    first, second = series.results
    assert (list(first.processes), list(second.processes)) == ([0], [0, 1])
    assert "model_float32.tflite" in first.failures[1]
    assert series.not_measured == {}


def test_requests_arrive_at_each_rate(source, on_device):
    recorder = MemoryRecorder(sources={"latest": source})
    Deployment(**QUICK, processes=2, arrivals="poisson", rate=[2000, 1000], load_seconds=0.2).run(recorder)
    assert [(row["way"], row["requests_per_s"], row["requests"]) for row in recorder.tables["load"]] == [
        ("litert_float32", 1000, 200),
        ("litert_float32", 2000, 400),
        ("onnx", 1000, 200),
        ("onnx", 2000, 400),
    ]
    assert recorder.steps("load/p99_ms/onnx") == [1000, 2000]
    assert "p99 at 1,000/s" in recorder.notes[-1]
    assert set(recorder.figures) == {"latency", "load"}


def test_what_a_process_has_found_is_recorded_before_the_next_begins(source, on_device):
    """So that kill -9 loses no more than the present process."""

    class Watching(MemoryRecorder):
        kept: ClassVar[list[int]] = []

        def progress(self, task: str, fraction: float, text: str) -> None:
            super().progress(task, fraction, text)
            self.kept.append(len({(row["way"], row["process"]) for row in self.tables.get("samples", ())}))

    recorder = Watching(sources={"latest": source})
    Deployment(**QUICK, processes=2).run(recorder)
    assert sorted(set(recorder.kept)) == [0, 1, 2, 3, 4]


def test_ctrl_c_keeps_the_processes_that_have_ended(source, on_device):
    recorder = MemoryRecorder(interrupt_at=11, sources={"latest": source})  # 2 for each, 3 for each process
    with pytest.raises(KeyboardInterrupt):
        Deployment(**QUICK, processes=3).run(recorder)
    assert [(row["way"], row["processes"]) for row in recorder.tables["results"]] == [
        ("litert_float32", 1),
        ("onnx", 1),
    ]
    assert {row["process"] for row in recorder.tables["samples"]} == {0}
    assert recorder.metrics["latency/p50_ms/onnx", 0] > 0
    assert "a single process each cannot tell" in recorder.notes[-1]


def test_a_process_that_dies_is_a_reason(tmp_path, workers):
    with closing(BackendProcess(30)) as worker:
        worker.call(BackendWorker.modules)
        workers()[0].kill()
        with pytest.raises(BackendFailed, match=r"its process was killed by SIGKILL"):
            worker.call(BackendWorker.modules)


def test_a_silent_process_is_given_up(source, workers):
    with (
        closing(BackendProcess(0.5)) as worker,
        pytest.raises(BackendFailed, match=r"no answer within experiment\.timeout=0\.5"),
    ):
        worker.call(BackendWorker.load, source.model, Device(kind="cpu"))
    assert workers() == []


def test_a_library_s_error_is_a_sentence(tmp_path):
    (tmp_path / "not.onnx").write_bytes(b"nonsense")
    with closing(BackendProcess(30)) as worker, pytest.raises(BackendFailed, match=r"^\w+: .*not\.onnx"):
        worker.call(BackendWorker.start, "onnx", tmp_path / "not.onnx", Device(), np.zeros((1, 4), np.float32))


def test_a_server_that_does_not_start(tmp_path, workers):
    (tmp_path / "model").mkdir()
    with (
        closing(BackendProcess(60)) as worker,
        pytest.raises(BackendFailed, match=r"the server ended with status \d+: .*MLmodel"),
    ):
        worker.call(
            BackendWorker.start, "mlflow_serve", tmp_path / "model", Device(kind="cpu"), np.zeros((1, 4), np.float32)
        )
    assert workers() == []


def test_an_interrupt_ends_a_server_that_starts(mlflow_model, workers):
    def interrupt(number: int, frame: Any) -> None:
        raise KeyboardInterrupt

    def start() -> None:
        with closing(BackendProcess(60)) as worker:
            worker.call(
                BackendWorker.start, "mlflow_serve", mlflow_model, Device(kind="cpu"), np.zeros((1, 4), np.float32)
            )

    def when_it_starts() -> None:
        wait_until(lambda: len(workers()) >= 2, "the worker has started the server's first process")
        os.kill(os.getpid(), signal.SIGALRM)

    before = signal.signal(signal.SIGALRM, interrupt)
    watching = threading.Thread(target=when_it_starts)
    try:
        watching.start()
        with pytest.raises(KeyboardInterrupt):
            start()
    finally:
        watching.join()
        signal.signal(signal.SIGALRM, before)
    assert workers() == []


def test_a_server_has_the_device_settings_and_ends_with_its_worker_even_if_that_is_killed(mlflow_model, workers):
    """The process that asks the worker may be gone as well, so that nobody is there to end the server."""
    device = Device(kind="cpu", intra_op_threads=2, inter_op_threads=3, onednn=False, tf32=False)
    with closing(BackendProcess(60)) as worker:
        worker._connection.send(("start", ("mlflow_serve", mlflow_model, device, np.zeros((1, 4), np.float32))))
        wait_until(lambda: any(map(_listens, workers())), "the server listens")
        family = workers()
        assert all(device_variables(device).items() <= process.environ().items() for process in family[1:])
        os.kill(family[0].pid, signal.SIGKILL)
        wait_until(
            lambda: not any(process.is_running() and process.status() != "zombie" for process in family),
            "gone",
            seconds=SOON,
        )


def _listens(process: psutil.Process) -> bool:
    try:
        return any(found.status == psutil.CONN_LISTEN for found in process.net_connections("tcp"))
    except psutil.Error:
        return False


@pytest.fixture(scope="module")
def recurrent(_tensorflow, tmp_path_factory):
    """A model with a loop, which LiteRT can convert for single examples only, and not to int8."""
    import keras

    folder = tmp_path_factory.mktemp("recurrent")
    keras.utils.set_random_seed(1)
    layers = [keras.Input((5, 2)), keras.layers.LSTM(4, name="memory"), keras.layers.Dense(3)]
    keras.Sequential(layers).save(folder / "model.keras")
    return Source("recurrent", folder / "model.keras")


def _outcomes(source: Source, ways: list[str], monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """Way -> its difference from the original and its remark, or why it has none; measured in the order of ``ways``."""
    monkeypatch.setattr(series, "BACKENDS", {way: BACKENDS[way] for way in ways})
    settings = Deployment(ways=ways, batch_sizes=[3], clients=[1], processes=1, seconds=0.01)
    with closing(Workshop(source, settings.timeout)) as workshop:
        measured = DeploymentSeries(settings, workshop.examine(settings.examples, settings.seed), workshop)
        list(measured.measure(lambda *said: None))
    return measured.not_measured | {
        result.backend.name: (result.difference, result.remark) for result in measured.results
    }


def test_neither_order_nor_company_of_the_ways_matters(recurrent, monkeypatch, on_device):
    first = _outcomes(recurrent, ["litert_int8", "onnx", "litert_float32"], monkeypatch)
    last = _outcomes(recurrent, ["litert_float32", "onnx", "litert_int8"], monkeypatch)
    assert first == last
    assert first["onnx"] == (pytest.approx(0, abs=1e-6), "")
    assert first["litert_float32"] == (pytest.approx(0, abs=1e-6), SINGLE_EXAMPLES)
    assert first["litert_int8"] == (
        "it cannot be made from the original: LiteRT cannot convert tf.TensorListReserve, which its layer 'memory' "
        "(LSTM) needs in float32; build it with unroll=True, or serve it in another way"
    )


def _model(shape: tuple[int | None, ...], layer: Any, dtype: str = "float32") -> Any:
    import keras

    taken = keras.Input(shape, dtype=dtype)
    return keras.Model(taken, layer(taken))


def _foreign(kind: str) -> Any:
    """A model that somebody else may bring."""
    import keras
    from keras import layers

    if kind == "text":
        return _model((1,), layers.TextVectorization(vocabulary=["good"], output_sequence_length=2), "string")
    if kind == "two inputs":
        a, b = keras.Input((4,)), keras.Input((4,))
        return keras.Model([a, b], layers.Add()([a, b]))
    return keras.Sequential([layers.Dense(2)])


@pytest.mark.parametrize(
    ("kind", "problem"),
    [
        ("text", "it takes or gives strings; .* save the part between the text layers as a model of its own"),
        ("two inputs", "it has 2 inputs and 1 outputs; this experiment serves models with one of each"),
        ("not built", r"it has never been built: begin it with keras\.Input\(shape=\.\.\.\), and save it again"),
    ],
)
@pytest.mark.filterwarnings("ignore:You are saving a model that has not yet been built")
def test_a_model_that_cannot_be_served_says_what_to_do(tmp_path, on_device, kind, problem):
    _foreign(kind).save(tmp_path / "model.keras")
    original = ORIGINAL()
    original.load(tmp_path / "model.keras")
    with pytest.raises(BackendFailed, match=f"^{problem}$"):
        original.takes()


def test_outputs_that_are_no_numbers_are_compared_with_nothing(tmp_path, on_device):
    from keras import layers

    _model((4,), layers.Rescaling(float("nan"))).save(tmp_path / "model.keras")
    recorder = MemoryRecorder(sources={"latest": Source("theirs", tmp_path / "model.keras")})
    with pytest.raises(Refused, match=r"^theirs cannot be compared: for made-up inputs for theirs 256 of 256 outputs"):
        Deployment().run(recorder)
    assert recorder.tables == {}


def test_a_model_of_any_size_takes_that_of_its_test_set(tmp_path, on_device):
    from keras import layers

    _model((None, None, 3), layers.GlobalAveragePooling2D()).save(tmp_path / "model.keras")
    np.savez(tmp_path / "test_set.npz", x=np.ones((6, 8, 5, 3)), y=np.arange(6) % 3)
    source = Source("theirs", tmp_path / "model.keras", tmp_path / "test_set.npz")
    recorder = MemoryRecorder(sources={"latest": source})
    Deployment(ways=["keras", "litert_float32"], batch_sizes=[2], clients=[1], processes=1, seconds=0.01).run(recorder)
    assert recorder.metrics["difference/max/litert_float32", 0] <= 1e-6
    assert recorder.metrics["test/accuracy/keras", 0] == pytest.approx(1 / 3)


def test_a_broken_model_is_refused(source, tmp_path, on_device, workers):
    (tmp_path / "model.keras").write_bytes(b"nonsense")
    recorder = MemoryRecorder(sources={"latest": Source("broken", tmp_path / "model.keras")})
    with pytest.raises(Refused, match=r"^broken is not a \.keras file$"):
        Deployment().run(recorder)
    assert workers() == []
