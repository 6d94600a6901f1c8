"""Trainings of small networks in the test process."""

from __future__ import annotations

import io
import math
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from sklearn.linear_model import LinearRegression
from sklearn.metrics import r2_score

from experiments.experiment import Refused
from experiments.networks.datasets import DATASETS, Iris
from experiments.networks.models import MODELS
from experiments.networks.optimizers import OPTIMIZERS
from experiments.networks.saving.lab_bench_model import _load_pyfunc
from experiments.networks.schedules import cuts
from experiments.testing import MemoryRecorder
from experiments.training import Training, artifacts
from experiments.training.augmentation import Augmentation
from experiments.training.checkpoint import Checkpoint, newest
from tests.experiments.shortcuts import only_learning

pytestmark = pytest.mark.usefixtures("on_device")


def training(model: str = "mlp", dataset: str = "digits", optimizer: str = "adam", **fields: Any) -> Training:
    """Return a quick training: nothing is registered, and saved models are not loaded in another process."""

    def choice(choices: Any, name: str, **own: Any) -> Any:
        return next(kind for kind in choices if kind.name == name)(**own)

    own = {name: fields.pop(name, {}) for name in ("model_fields", "dataset_fields", "optimizer_fields")}
    return Training(
        choice(MODELS, model, **own["model_fields"]),
        choice(DATASETS, dataset, **own["dataset_fields"]),
        choice(OPTIMIZERS, optimizer, **own["optimizer_fields"]),
        **{"epochs": 3, "execution": "epoch", "check_saved": False, "registered_name": None} | fields,
    )


def run(task: Training, recorder: MemoryRecorder | None = None) -> MemoryRecorder:
    with only_learning():
        return run_whole(task, recorder)


def run_whole(task: Training, recorder: MemoryRecorder | None = None) -> MemoryRecorder:
    recorder = recorder or MemoryRecorder()
    task.run(recorder)
    return recorder


def final_weights(recorder: MemoryRecorder) -> list[Any]:
    """Return the variables of the model that the run hands over."""
    import keras

    with TemporaryDirectory() as scratch:
        path = Path(scratch, "model.keras")
        path.write_bytes(recorder.files["model.keras"])
        return [np.array(variable) for variable in keras.saving.load_model(path, compile=False).variables]


@pytest.fixture(autouse=True)
def _precision() -> Iterator[None]:
    """Restore Keras' dtype policy, which a training sets for its process."""
    import keras

    before = keras.config.dtype_policy()
    yield
    keras.config.set_dtype_policy(before)


def test_a_training_leaves_its_answer():
    recorder = run_whole(training())
    assert recorder.steps("train/loss") == recorder.steps("val/accuracy") == [1, 2, 3]
    assert recorder.metrics["test/accuracy", 0] > 0.85
    kept = recorder.tables["results"][int(np.argmin([row["val_loss"] for row in recorder.tables["results"]]))]
    assert recorder.metrics["best/val_loss", 0] == kept["val_loss"]
    assert recorder.metrics["best/val_accuracy", 0] == kept["val_accuracy"]
    assert recorder.metrics["model/parameters", 0] == 64 * 256 + 256 + 256 * 128 + 128 + 128 * 10 + 10
    assert {"learning", "confusion", "mistakes"} <= recorder.figures.keys()
    assert {"model.keras", "saved_model/1/saved_model.pb", "test_set.npz", "calibration.npz"} <= recorder.files.keys()
    assert [row["epoch"] for row in recorder.tables["results"]] == [1, 2, 3]
    assert "of the test set right" in recorder.notes[-1]
    with np.load(io.BytesIO(recorder.files["test_set.npz"])) as arrays:
        assert len(arrays["x"]) == len(arrays["y"]) == 359


def test_the_same_seed_gives_the_same_bits():
    first, second, other = run(training(seed=3)), run(training(seed=3)), run(training(seed=4))
    assert all(np.array_equal(a, b) for a, b in zip(final_weights(first), final_weights(second), strict=True))
    assert first.metrics["val/loss", 3] == second.metrics["val/loss", 3]
    assert first.metrics["val/loss", 3] != other.metrics["val/loss", 3]


@pytest.mark.parametrize("execution", ["fit", "epoch"])
def test_going_on_ends_with_the_same_weights(tmp_path: Path, execution: str):
    """Ctrl-C comes after the second epoch; the next run resumes from the checkpoint."""
    task = training(epochs=4, execution=execution, model_fields={"dropout": 0.2})
    undisturbed = run(task)
    names = [name for name, *_ in undisturbed.progresses]
    broken_off = MemoryRecorder(interrupt_at=names.index("epoch 2") + 1)
    with pytest.raises(KeyboardInterrupt):
        run(task, broken_off)
    for path, content in broken_off.files.items():
        if path.startswith("checkpoint/"):
            (tmp_path / Path(path).name).write_bytes(content)
    resumed = run(task, MemoryRecorder(earlier_files=tmp_path))
    assert resumed.steps("train/loss") == [1, 2, 3, 4]
    assert "Went on after epoch 2" in resumed.notes[-1]
    ours, theirs = final_weights(resumed), final_weights(undisturbed)
    assert all(np.array_equal(a, b) for a, b in zip(ours, theirs, strict=True))


def test_a_checkpoint_that_is_cut_off_does_not_count(tmp_path: Path):
    recorder = run(training(epochs=2))
    older, newer = recorder.files["checkpoint/1.npz"], recorder.files["checkpoint/0.npz"]
    assert Checkpoint.from_bytes(newer).epoch == 2
    (tmp_path / "1.npz").write_bytes(older)
    (tmp_path / "0.npz").write_bytes(newer[: len(newer) // 2])
    found = newest(tmp_path)
    assert found is not None
    assert found.epoch == 1


@pytest.mark.parametrize("settled", ["fit", "epoch"])
def test_what_is_settled_is_not_asked_of_the_clock_again(settled: str):
    recorder = run(training(execution="auto", epochs=1), MemoryRecorder(choices={"execution": settled}))
    assert f"execution={settled} (settled by an earlier run of this question)" in recorder.notes[-1]


def test_a_checkpoint_of_another_model_is_refused(tmp_path: Path):
    content = run(training(epochs=1, model_fields={"units": [16]})).files["checkpoint/1.npz"]
    (tmp_path / "1.npz").write_bytes(content)
    with pytest.raises(Refused, match="another model"):
        run(training(epochs=2), MemoryRecorder(earlier_files=tmp_path))


def test_checkpoints_take_turns_however_seldom_they_are():
    """If a process dies while it writes one, the other is still there."""
    recorder = run(training(epochs=4, checkpoint_every=2))
    kept = {path: Checkpoint.from_bytes(recorder.files[path]).epoch for path in recorder.files if "checkpoint/" in path}
    assert sorted(kept.values()) == [2, 4]


def test_a_checkpoint_of_other_data_is_refused(tmp_path: Path):
    """The question is the same, but the file that it names has changed."""
    data, earlier = tmp_path / "data.npz", tmp_path / "earlier"
    earlier.mkdir()
    task = training(dataset="npz", dataset_fields={"path": str(data)}, epochs=1)
    for seed in (0, 1):
        x = np.random.default_rng(seed).normal(size=(80, 3)).astype(np.float32)
        np.savez(data, x_train=x, y_train=np.arange(80) % 2, x_test=x[:20], y_test=np.arange(20) % 2)
        if seed == 0:
            (earlier / "1.npz").write_bytes(run(task).files["checkpoint/1.npz"])
    with pytest.raises(Refused, match="the checkpoint learnt other data"):
        run(task, MemoryRecorder(earlier_files=earlier))


def test_a_checkpoint_of_other_arrays_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """A dataset that is no file has the same source, whatever its examples are."""
    task = training(dataset="iris", epochs=1)
    (tmp_path / "1.npz").write_bytes(run(task).files["checkpoint/1.npz"])
    x, *labels = Iris().arrays()
    monkeypatch.setattr(Iris, "arrays", lambda _: (x + 1, *labels))
    with pytest.raises(Refused, match=r"learnt other data, as the examples of .* have changed"):
        run(task, MemoryRecorder(earlier_files=tmp_path))


def test_a_model_that_does_not_come_back_the_same_is_not_registered(monkeypatch: pytest.MonkeyPatch):
    """The run has to fail, because every run that finishes registers its model."""
    saved = [{"format": "keras", "bytes": 1, "identical": 0, "largest_difference": 0.5, "problem": ""}]
    monkeypatch.setattr(artifacts, "reload", lambda *_: [SimpleNamespace(row=row) for row in saved])
    recorder = MemoryRecorder()
    with pytest.raises(Refused, match=r"saved as keras did not come back the same \(its outputs differ by up to 0.5\)"):
        run(training(check_saved=True, epochs=1, registered_name="auto"), recorder)
    assert "model.keras" in recorder.files
    assert "This model is not registered" in recorder.notes[-1]
    assert "models:/" not in recorder.notes[-1]


def test_a_check_that_cannot_be_made_loses_no_model(monkeypatch: pytest.MonkeyPatch):
    def fails(*_: object) -> None:
        raise Refused("reloading the model in a fresh process took longer than 180 seconds")

    monkeypatch.setattr(artifacts, "reload", fails)
    recorder = MemoryRecorder()
    with pytest.raises(Refused, match="longer than 180 seconds"):
        run(training(check_saved=True, epochs=1, registered_name="auto"), recorder)
    assert {"model.keras", "saved_model/1/saved_model.pb", "test_set.npz", "judged.npz"} <= recorder.files.keys()
    assert not recorder.models


def test_a_model_is_not_offered_before_it_is_handed_over():
    """Ctrl-C comes while it is loaded in a fresh process: a KILLED run registers no model."""
    task = training(epochs=1, check_saved=True, registered_name="auto")
    recorder = MemoryRecorder(interrupt_at=len(run(training(epochs=1)).progresses) + 1)
    with pytest.raises(KeyboardInterrupt):
        run(task, recorder)
    assert recorder.progresses[-1][0] == "saved model"
    assert "of the test set right" in recorder.notes[-1]
    assert "experiment=deployment" not in recorder.notes[-1]


def test_patience_ends_a_training_with_its_best_weights():
    recorder = run(
        training("softmax_regression", "iris", epochs=200, patience=2, optimizer_fields={"learning_rate": 0.5})
    )
    losses = [row["val_loss"] for row in recorder.tables["results"]]
    assert len(losses) < 200
    assert f"epoch {int(np.argmin(losses)) + 1}, which had the lowest validation loss" in recorder.notes[-1]


def _r2_of_linear_regression() -> float:
    data = next(kind for kind in DATASETS if kind.name == "diabetes")().load(0)
    fitted = LinearRegression().fit(data.train.x, data.train.y)
    return float(fitted.score(data.test.x, data.test.y))


def test_a_regression():
    """As good as a linear regression, which explains a third of what is to be explained there."""
    fields = {"epochs": 60, "patience": None, "optimizer_fields": {"learning_rate": 0.02}}
    recorder = run_whole(training("softmax_regression", "diabetes", **fields))
    assert recorder.metrics["test/r2", 0] == pytest.approx(_r2_of_linear_regression(), abs=0.03)
    assert "residuals" in recorder.figures
    assert "val/accuracy" not in {name for name, _ in recorder.metrics}


def _score(recorder: MemoryRecorder) -> tuple[float, float]:
    """Return R² and root mean square error of the saved model against the targets of the saved test set."""
    import keras

    with TemporaryDirectory() as scratch, np.load(io.BytesIO(recorder.files["test_set.npz"])) as test:
        path = Path(scratch, "model.keras")
        path.write_bytes(recorder.files["model.keras"])
        said = np.asarray(keras.saving.load_model(path, compile=False)(test["x"]))[:, 0].astype(np.float64)
        unit = np.abs(test["y"] - test["y"][0]).max()
        truth, said = (test["y"] - test["y"][0]) / unit, (said - test["y"][0]) / unit
        return r2_score(truth, said), float(np.sqrt(np.mean((truth - said) ** 2)) * unit)


@pytest.mark.parametrize(
    ("unit", "offset", "noise"),
    [(1.0, 1.7e9, 0.0), (1.0, 1.7e9, 5.0), (1e-25, 0.0, 5.0), (1e-40, 0.0, 5.0), (1e30, 0.0, 5.0), (1e200, 0.0, 5.0)],
)
def test_a_regression_in_any_unit(tmp_path: Path, unit: float, offset: float, noise: float):
    """The scores are those of the saved file against the targets as they are given, and the same in each unit."""
    random = np.random.default_rng(0)
    x = random.normal(size=(500, 2))
    plain = 3 * x[:, 0] - 2 * x[:, 1] + 0.5 + noise * random.normal(size=500)
    y = plain * unit + offset
    np.savez(tmp_path / "line.npz", x_train=x[:400], y_train=y[:400], x_test=x[400:], y_test=y[400:])
    task = training("softmax_regression", "npz", epochs=25, batch_size=32, patience=None,
                    dataset_fields={"path": str(tmp_path / "line.npz"), "task": "regression"},
                    model_fields={"c": None}, optimizer_fields={"learning_rate": 0.1})  # fmt: skip
    recorder = run(task)
    with np.load(io.BytesIO(recorder.files["test_set.npz"])) as test:
        np.testing.assert_array_equal(test["y"], y[400:])
    r2, rmse = _score(recorder)
    assert recorder.metrics["test/r2", 0] == pytest.approx(r2, abs=1e-6)
    assert recorder.metrics["test/rmse", 0] == pytest.approx(rmse, rel=1e-3, abs=1e-5 * unit)
    best = LinearRegression().fit(x[:400], plain[:400]).score(x[400:], plain[400:])
    assert r2 == pytest.approx(best, abs=0.02 if noise else 1e-4)


def test_a_single_test_example_has_no_r2(tmp_path: Path):
    x = np.random.default_rng(0).normal(size=(61, 2))
    np.savez(tmp_path / "one.npz", x_train=x[:60], y_train=x[:60, 0], x_test=x[60:], y_test=x[60:, 0])
    fields = {"path": str(tmp_path / "one.npz"), "task": "regression"}
    recorder = run(training("softmax_regression", "npz", epochs=2, batch_size=16, dataset_fields=fields))
    assert all(math.isfinite(value) for value in recorder.metrics.values())
    assert ("test/rmse", 0) in recorder.metrics
    assert ("test/r2", 0) not in recorder.metrics
    assert "R² has no meaning, as the test set has a single example.**" in recorder.notes[-1]


def _constant(y: np.ndarray) -> np.ndarray:
    return np.full_like(y, 7.5e200)


def _one_far_away(y: np.ndarray) -> np.ndarray:
    return np.where(np.arange(len(y)) == 404, 1e30, y)


@pytest.mark.parametrize("change", [_constant, _one_far_away])
def test_targets_that_do_not_vary_or_lie_far_away(tmp_path: Path, change: Any):
    """A far target is in validation or in the test set; neither is a sign of divergence."""
    x = np.random.default_rng(0).normal(size=(500, 2))
    y = change(x[:, 0])
    np.savez(tmp_path / "odd.npz", x_train=x[:400], y_train=y[:400], x_test=x[400:], y_test=y[400:])
    fields = {"path": str(tmp_path / "odd.npz"), "task": "regression"}
    recorder = run(training("softmax_regression", "npz", epochs=2, dataset_fields=fields))
    assert all(math.isfinite(value) for value in recorder.metrics.values())


@pytest.mark.parametrize("execution", ["fit", "epoch", "epoch_xla"])
def test_a_class_told_by_seconds_of_unix_time(tmp_path: Path, execution: str):
    """In float32 all times within a minute are the same number."""
    seconds = np.random.default_rng(0).uniform(0, 60, size=(1300, 1))
    x, y = 1.7e9 + seconds, (seconds[:, 0] > 30).astype(int)
    np.savez(tmp_path / "times.npz", x_train=x[:1000], y_train=y[:1000], x_test=x[1000:], y_test=y[1000:])
    task = training("softmax_regression", "npz", epochs=15, batch_size=32, execution=execution,
                    dataset_fields={"path": str(tmp_path / "times.npz")},
                    model_fields={"c": None}, optimizer_fields={"learning_rate": 0.2})  # fmt: skip
    recorder = run(task)
    assert recorder.metrics["test/accuracy", 0] > 0.97
    model = recorder.models["model"]
    assert isinstance(model.inputs, np.ndarray)
    assert isinstance(model.outputs, dict)
    assert (model.inputs.dtype.name, model.outputs["logits"].dtype.name) == ("float64", "float32")
    (tmp_path / "model.keras").write_bytes(model.keras_file)
    for inputs in (model.inputs, model.inputs.tolist()):  # MLflow's pyfunc keeps what Keras' predict would round
        np.testing.assert_allclose(
            _load_pyfunc(str(tmp_path)).predict(inputs)["logits"], model.outputs["logits"], rtol=1e-4
        )


@pytest.mark.parametrize("dataset", ["wine", "diabetes"])
def test_inputs_are_scaled_by_the_training_examples_alone(dataset: str):
    """All examples together have another mean: by a hundredth of a deviation or more."""
    import keras

    task = training(dataset=dataset)
    data = task.dataset.load(0)
    model = task.model.build(data, 0)
    scaled = keras.Model(model.inputs[0], model.get_layer("normalised").output)
    means = [np.asarray(scaled(part.x)).mean(axis=tuple(range(part.x.ndim - 1))) for part in (data.train, data.test)]
    assert np.abs(means[0]).max() < 1e-4
    assert np.abs(means[1]).max() > 1e-2


def test_the_test_set_changes_nothing_that_is_learnt(tmp_path: Path):
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(200, 3)), rng.integers(0, 2, 200)
    learnt = []
    for name, shift in (("near.npz", 0.0), ("far.npz", 1e6)):
        np.savez(tmp_path / name, x_train=x[:150], y_train=y[:150], x_test=x[150:] + shift, y_test=y[150:])
        recorder = run(training("mlp", "npz", epochs=2, dataset_fields={"path": str(tmp_path / name)}))
        learnt.append((recorder.metrics["best/val_loss", 0], final_weights(recorder)))
    assert learnt[0][0] == learnt[1][0]
    assert all(np.array_equal(*pair) for pair in zip(learnt[0][1], learnt[1][1], strict=True))


AUGMENTED = {"flip": "both", "shift": 0.1, "rotation": 10.0, "zoom": 0.1}


def test_augmentation_changes_training_and_is_not_in_the_saved_model(tmp_path: Path):
    """A training that goes on draws the numbers of an undisturbed one."""
    import keras

    task = training("softmax_regression", epochs=3, augmentation=Augmentation(**AUGMENTED))
    augmented, plain = run(task), run(training("softmax_regression", epochs=3))
    assert augmented.metrics["train/loss", 3] > 1.1 * plain.metrics["train/loss", 3]
    path = tmp_path / "model.keras"
    path.write_bytes(augmented.files["model.keras"])
    model = keras.saving.load_model(path, compile=False)
    inner = [layer for outer in model.layers for layer in (outer, *getattr(outer, "layers", ()))]
    assert not [layer for layer in inner if layer.name.startswith("random")]

    earlier = tmp_path / "earlier"
    earlier.mkdir()
    (earlier / "0.npz").write_bytes(augmented.files["checkpoint/0.npz"])
    resumed = run(task, MemoryRecorder(earlier_files=earlier))
    assert "Went on after epoch 2" in resumed.notes[-1]
    assert resumed.metrics["train/loss", 3] == augmented.metrics["train/loss", 3]


@pytest.mark.parametrize("execution", ["fit", "auto"])
def test_augmentation_in_every_loop_that_can(execution: str):
    own = {"epochs": 1, "augmentation": Augmentation(**AUGMENTED)}
    expected = run(training("softmax_regression", **own)).metrics
    assert run(training("softmax_regression", execution=execution, **own)).metrics["train/loss", 1] == pytest.approx(
        expected["train/loss", 1], rel=1e-4
    )


def test_augmentation_is_refused_where_it_cannot_be():
    own = {"epochs": 1, "augmentation": Augmentation(**AUGMENTED)}
    with pytest.raises(Refused, match=r"experiment.augmentation changes images, but iris has none"):
        run(training("mlp", "iris", **own))
    with pytest.raises(Refused, match="XLA cannot compile ImageProjectiveTransformV3; choose execution=auto"):
        run(training("softmax_regression", execution="epoch_xla", **own))


def test_a_plateau_lowers_the_learning_rate_also_in_a_training_that_goes_on(tmp_path: Path):
    own = {"schedule": "plateau", "plateau_patience": 1, "factor": 0.5, "learning_rate": 0.5}
    task = training("softmax_regression", "iris", "sgd", epochs=8, optimizer_fields=own)
    undisturbed = run(task)
    losses = [row["val_loss"] for row in undisturbed.tables["results"]]
    assert cuts(losses[:6], 1) > 0
    (tmp_path / "0.npz").write_bytes(
        run(training("softmax_regression", "iris", "sgd", epochs=6, optimizer_fields=own)).files["checkpoint/0.npz"]
    )
    resumed = run(task, MemoryRecorder(earlier_files=tmp_path))
    assert [row["val_loss"] for row in resumed.tables["results"]] == losses


@pytest.mark.parametrize("field", [{"label_smoothing": 0.1}, {"class_weights": "balanced"}, {"metrics": ["f1"]}])
def test_what_is_for_classes_is_refused_for_a_regression(field: dict[str, Any]):
    with pytest.raises(Refused, match=f"experiment.{next(iter(field))} is for classes, but diabetes is a regression"):
        run(training("mlp", "diabetes", **field))


def test_a_diverging_loss_is_refused():
    with pytest.raises(Refused, match=r"diverged; lower experiment.optimizer.learning_rate \(1e\+20\)"):
        run(training("mlp", "diabetes", "sgd", epochs=20, optimizer_fields={"learning_rate": 1e20}))


def test_a_batch_larger_than_the_set_is_refused():
    with pytest.raises(Refused, match=r"batch_size=5000 is more than the 1258 examples"):
        run(training(batch_size=5000))


def test_mixed_precision():
    """bfloat16 computes on any CPU, if slowly; the weights stay float32."""
    recorder = run(training(precision="mixed_bfloat16", epochs=2))
    assert math.isfinite(recorder.metrics["val/loss", 2])
    assert {array.dtype.name for array in final_weights(recorder)} <= {"float32", "uint32", "int64"}


def test_mixed_precision_tells_years_apart(tmp_path: Path):
    """In bfloat16, 2000 and 2005 would be 0 and 2 deviations off: the ends of a model have 32 bits."""
    years = np.tile(np.array([[1995], [2000], [2005], [2010]], np.float32), (40, 1))
    np.savez(tmp_path / "years.npz", x_train=years, y_train=years[:, 0], x_test=years, y_test=years[:, 0])
    fields = {"path": str(tmp_path / "years.npz"), "task": "regression"}
    task = training("softmax_regression", "npz", precision="mixed_bfloat16", dataset_fields=fields, epochs=60,
                    optimizer_fields={"learning_rate": 0.05}, patience=None)  # fmt: skip
    assert run(task).metrics["test/rmse", 0] < 1


def test_two_replicas_train_together():
    recorder = run(training(replicas=2, execution="auto", epochs=2))
    assert recorder.steps("val/loss") == [1, 2]
    assert "execution=fit" in recorder.notes[-1]


def test_more_replicas_than_devices_are_refused():
    with pytest.raises(Refused, match=r"replicas=3, but this process sees only CPU:0, CPU:1; device.logical_cpus=3"):
        run(training(replicas=3))
