"""Learning rates over a training, and the loss with smoothed labels and weighted classes."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from experiments.networks.optimizers import Adam, Sgd
from experiments.networks.schedules import cuts
from experiments.training.class_losses import adjusted_loss, balanced
from experiments.validators import InvalidField

STEPS = 100


def rates(**fields: Any) -> list[float]:
    """The learning rate of each step."""
    optimizer = Sgd(learning_rate=1.0, **fields).build(STEPS)
    found = []
    for step in range(STEPS):
        optimizer.iterations.assign(step)
        found.append(float(optimizer.learning_rate))
    return found


@pytest.mark.usefixtures("on_device")
def test_the_rate_steps_down_at_the_milestones():
    expected = [1.0] * 50 + [0.5] * 25 + [0.25] * 25
    assert rates(schedule="step", factor=0.5) == pytest.approx(expected)


@pytest.mark.usefixtures("on_device")
@pytest.mark.parametrize("schedule", ["constant", "cosine", "step"])
def test_the_rate_rises_first(schedule: str):
    found = rates(schedule=schedule, warmup=0.2)
    assert found[:20] == pytest.approx([(step + 1) / 20 for step in range(20)])
    rest = Sgd(learning_rate=1.0, schedule=schedule).build(80)
    rest.iterations.assign(40)
    assert found[60] == pytest.approx(float(rest.learning_rate))


@pytest.mark.parametrize(
    ("losses", "count"),
    [
        ([3, 2, 1, 1, 1], 1),
        ([3, 2, 1, 1, 1, 1, 1], 2),
        ([1, 2, 0.5, 2, 3], 1),
        ([3, 2, 1], 0),
        ([1, np.nan, np.nan], 1),
    ],
)
def test_a_plateau_is_so_many_epochs_without_a_lower_loss(losses: list[float], count: int):
    assert cuts(losses, 2) == count


@pytest.mark.parametrize(
    ("field", "own"),
    [
        ("milestones", {"milestones": [0.7, 0.5]}),
        ("milestones", {"milestones": [0.5, 1.0]}),
        ("milestones", {"milestones": []}),
        ("warmup", {"warmup": 0.1, "schedule": "plateau"}),
        ("warmup", {"warmup": 1.0}),
        ("factor", {"factor": 1.0}),
        ("schedule", {"schedule": "linear"}),
    ],
)
def test_what_is_no_schedule_is_refused(field: str, own: dict[str, Any]):
    with pytest.raises(InvalidField) as raised:
        Adam(**own)
    assert raised.value.field == field


@pytest.mark.usefixtures("on_device")
def test_the_adjusted_loss_is_keras_of_smoothed_one_hot_labels_and_weighted_examples():
    import keras

    rng = np.random.default_rng(0)
    logits, labels = rng.normal(size=(50, 3)).astype(np.float32), rng.choice(3, 50, p=[0.7, 0.2, 0.1])
    weights = balanced(labels, 3)
    assert weights[labels].mean() == pytest.approx(1.0)
    peer = keras.losses.CategoricalCrossentropy(from_logits=True, label_smoothing=0.1)
    expected = peer(np.eye(3, dtype=np.float32)[labels], logits, sample_weight=weights[labels])
    assert float(adjusted_loss(0.1, weights)(labels, logits)) == pytest.approx(float(expected), rel=1e-5)


def test_a_class_without_examples_has_no_weight():
    assert list(balanced(np.array([0, 0, 0, 2]), 3)) == pytest.approx([4 / 9, 0.0, 4 / 3])
