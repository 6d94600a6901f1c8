"""Several devices of one machine."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from experiments.experiment import Refused
from experiments.runtime.device import current
from experiments.runtime.tensorflow_import import import_tensorflow


def mirrored(devices: Sequence[str]) -> Any:
    """TensorFlow's ``MirroredStrategy`` on ``devices``, such as ``["CPU:0", "CPU:1"]``.

    Build model and optimizer within its ``scope()``. Each device gets its share of each batch, and the gradients are
    averaged. Devices average over their own shares: a last batch that they cannot share evenly weighs its examples a
    little differently than one device would, and BatchNormalization sees shares. Keras 3 trains so through ``fit``
    alone, and not with ``MultiWorkerMirroredStrategy``.
    """
    return import_tensorflow().distribute.MirroredStrategy(list(devices))


def replica_devices(count: int) -> list[str]:
    """So many devices of the current kind. Raises Refused where this process sees fewer."""
    kind = "GPU" if current().is_gpu else "CPU"
    seen = [f"{kind}:{number}" for number in range(len(import_tensorflow().config.list_logical_devices(kind)))]
    if len(seen) < count:
        more = f"device.gpus={count} shows it more" if kind == "GPU" else f"device.logical_cpus={count} splits the CPU"
        raise Refused(f"experiment.replicas={count}, but this process sees only {', '.join(seen)}; {more}")
    return seen[:count]


def is_replicated(model: Any) -> bool:
    """Whether ``model`` was built for several devices."""
    return int(model.distribute_strategy.num_replicas_in_sync) > 1
