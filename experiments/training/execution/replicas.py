"""Training on several devices of one machine."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from experiments.experiment import Refused
from experiments.runtime.device import current
from experiments.runtime.tensorflow_import import import_tensorflow


def mirrored(devices: Sequence[str]) -> Any:
    """Return TensorFlow's ``MirroredStrategy`` on ``devices``, such as ``["CPU:0", "CPU:1"]``.

    Build model and optimizer within its ``scope()``. Each device takes a share of each batch and averages over it,
    then the gradients are averaged. So a batch that cannot be shared evenly weighs its examples slightly differently
    than on one device, and BatchNormalization sees only shares. Keras 3 supports this in ``fit`` alone, and does not
    support ``MultiWorkerMirroredStrategy``.
    """
    return import_tensorflow().distribute.MirroredStrategy(list(devices))


def replica_devices(count: int) -> list[str]:
    """Return the names of ``count`` devices of the current kind. Raises Refused if this process sees fewer."""
    kind = "GPU" if current().is_gpu else "CPU"
    seen = [f"{kind}:{number}" for number in range(len(import_tensorflow().config.list_logical_devices(kind)))]
    if len(seen) < count:
        more = f"device.gpus={count} shows it more" if kind == "GPU" else f"device.logical_cpus={count} splits the CPU"
        raise Refused(f"experiment.replicas={count}, but this process sees only {', '.join(seen)}; {more}")
    return seen[:count]


def is_replicated(model: Any) -> bool:
    """Return whether ``model`` was built for several devices."""
    return int(model.distribute_strategy.num_replicas_in_sync) > 1
