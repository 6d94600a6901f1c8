"""Several devices of one machine."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from experiments.tensorflow_import import import_tensorflow


def mirrored(devices: Sequence[str]) -> Any:
    """TensorFlow's ``MirroredStrategy`` on ``devices``, such as ``["CPU:0", "CPU:1"]``.

    Build model and optimizer within its ``scope()``. Each device gets its share of each batch, and the gradients are
    averaged. Devices average over their own shares: a last batch that they cannot share evenly weighs its examples a
    little differently than one device would, and BatchNormalization sees shares. Keras 3 trains so through ``fit``
    alone, and not with ``MultiWorkerMirroredStrategy``.
    """
    return import_tensorflow().distribute.MirroredStrategy(list(devices))


def is_replicated(model: Any) -> bool:
    """Whether ``model`` was built for several devices."""
    return int(model.distribute_strategy.num_replicas_in_sync) > 1
