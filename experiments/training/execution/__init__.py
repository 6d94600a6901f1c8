"""Training loops ("executions"): Keras' own, or one compiled function per epoch.

>>> new_execution("auto", model, optimizer, loss, x, y, 128).run_epoch(order)    # doctest: +SKIP
Epoch(loss=0.31, accuracy=0.91, seconds=0.14)

The package works on any Keras model and optimizer; it knows neither datasets nor models by name.
"""

from __future__ import annotations

from typing import Any

import numpy.typing as npt

from experiments.experiment import Refused
from experiments.training.execution.candidate import Candidate, ExecutionChoice
from experiments.training.execution.execution import Epoch, Execution, Task
from experiments.training.execution.fastest import fastest
from experiments.training.execution.fit import Fit
from experiments.training.execution.inference import Evaluation, evaluate, predict
from experiments.training.execution.reading import is_on_disk
from experiments.training.execution.replicas import is_replicated, mirrored, replica_devices
from experiments.training.execution.state import State, assign, values_of
from experiments.training.execution.streaming import StreamingCost, cost_of_streaming
from experiments.training.execution.whole_epoch import WholeEpoch, WholeEpochXla

__all__ = [
    "AUTO",
    "EXECUTIONS",
    "Candidate",
    "Epoch",
    "Evaluation",
    "Execution",
    "ExecutionChoice",
    "Fit",
    "State",
    "StreamingCost",
    "assign",
    "choose",
    "cost_of_streaming",
    "evaluate",
    "is_on_disk",
    "mirrored",
    "new_execution",
    "predict",
    "replica_devices",
    "values_of",
]

AUTO = "auto"

KINDS: dict[str, type[Execution]] = {kind.name: kind for kind in (Fit, WholeEpoch, WholeEpochXla)}

EXECUTIONS = (*KINDS, AUTO)
"""The values of ``experiment.execution``."""

Array = npt.NDArray[Any]


def new_execution(name: str, model: Any, optimizer: Any, loss: Any, x: Array, y: Array, batch_size: int) -> Execution:
    """Return the execution called ``name``; for ``auto`` the fastest one, see :func:`choose`.

    ``model`` is a built ``keras.Model`` that returns logits, or the values of a regression; it is not compiled.
    ``loss`` is a Keras loss that averages over the batch. ``x`` and ``y`` have one row per example. No variable
    changes. Raises Refused if the execution cannot train this model.

    Every execution follows the dtype policy of the model's layers. For ``mixed_float16`` pass a
    ``keras.optimizers.LossScaleOptimizer``: the optimizer is not wrapped here.

    Only ``fit`` trains a model on several devices (built within the scope of :func:`mirrored`): ``auto`` chooses it,
    other names raise Refused. ``batch_size`` is then the sum over all devices. The same holds for examples on disk
    (``np.memmap``), which only ``fit`` reads while it trains.
    """
    if name == AUTO:
        return choose(model, optimizer, loss, x, y, batch_size).execution
    if name != Fit.name and is_replicated(model):
        raise Refused(f"execution={name} trains on one device; on several, choose execution=fit or execution=auto")
    if name != Fit.name and is_on_disk(x):
        raise Refused(
            f"execution={name} needs all examples in memory, which does not hold them; choose execution=fit or "
            "execution=auto"
        )
    return KINDS[name](Task(model, optimizer, loss, x, y, batch_size))


def choose(model: Any, optimizer: Any, loss: Any, x: Array, y: Array, batch_size: int) -> ExecutionChoice:
    """Find the fastest execution, by the same operands as :func:`new_execution`, and return it with all speeds.

    Each execution trains for a few steps, which are then undone. Raises Refused if none can train this model.
    """
    kinds = [Fit] if is_replicated(model) or is_on_disk(x) else list(KINDS.values())
    return fastest(kinds, Task(model, optimizer, loss, x, y, batch_size))
