"""One compiled function per epoch: the data stay on the device, and no Python runs between steps."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from experiments.experiment import Refused
from experiments.runtime.device import current
from experiments.runtime.tensorflow_import import import_tensorflow
from experiments.training.execution.execution import Execution, Task
from experiments.training.execution.inference import right_classes, total_loss, weighted_loss
from experiments.training.execution.xla_random import as_kernels_draw, require_same_numbers

SEGMENT_SECONDS = 0.5
"""The approximate length of a segment of an epoch. Ctrl-C waits for its end: signal handlers run between calls."""

NOT_IN_XLA = {"ImageProjectiveTransformV3"}
"""Operations of Keras' layers that XLA has no kernel for: the one that moves, turns and zooms images."""

Step = Callable[[Any, Any], Any]
"""Trains on a batch (x, y); returns its mean loss times its size (float64) and its correct classes (int64)."""


class WholeEpoch(Execution):
    """Runs forward and backward pass on TensorFlow's kernels, and the optimizer's many small operations through XLA."""

    name = "epoch"

    def __init__(self, task: Task) -> None:
        super().__init__(task)
        tf = import_tensorflow()
        self._compiles_loop = False
        """Whether XLA compiles the loop together with its steps."""
        self._x, self._y = tf.constant(task.x), tf.constant(task.y)
        step, last_step = self._steps()
        segment = _segment(step, self._x, self._y, task.batch_size)
        self._segment = tf.function(segment, autograph=False, jit_compile=self._compiles_loop or None)
        self._remainder = tf.function(_remainder(last_step, self._x, self._y), autograph=False)
        self._steps_a_segment = 1

    def _steps(self) -> tuple[Step, Step]:
        """Return the step for whole batches, and the one for a smaller last batch."""
        step = _step(self.task, _compiled_update(self.task))
        return step, step

    def _train(self, order: npt.NDArray[np.int64]) -> tuple[float, float | None]:
        tf = import_tensorflow()
        # Padded to the number of all examples: XLA compiles anew for each length.
        indices = tf.constant(np.pad(order, (0, max(len(self.task.x) - len(order), 0))), tf.int64)
        # Each segment continues the sums of the one before, so that rounding does not depend on where segments end.
        sums = (tf.zeros([], tf.float64), tf.zeros([], tf.int64))
        steps, size = len(order) // self.task.batch_size, self.task.batch_size
        first = 0
        while first < steps:
            last = min(first + self._steps_a_segment, steps)
            start = time.perf_counter()
            sums = self._segment(indices, tf.constant(first), tf.constant(last), *sums)
            float(sums[0])  # waits for the device
            self._adapt(last - first, time.perf_counter() - start)
            first = last
        if len(order) % size:
            sums = self._remainder(indices[steps * size : len(order)], *sums)
        targets = len(order) * (self.task.y[:1].size)
        return float(sums[0]) / len(order), int(sums[1]) / targets if self.task.classifies else None

    def _adapt(self, steps: int, seconds: float) -> None:
        """Lengthen the segments towards ``SEGMENT_SECONDS``, tenfold at most: the first one includes compiling."""
        wanted = round(steps * SEGMENT_SECONDS / max(seconds, 1e-6))
        self._steps_a_segment = min(max(wanted, self._steps_a_segment, 1), 10 * self._steps_a_segment)


class WholeEpochXla(WholeEpoch):
    """Compiles loop, batches and steps to one XLA program; for a smaller last batch, compiling does not pay.

    With convolutions on a CPU each step is a program of its own: in XLA's loop they took 14 times as long
    (benchmarks/README.md).
    """

    name = "epoch_xla"

    def _steps(self) -> tuple[Step, Step]:
        tf = import_tensorflow()
        step = _step(self.task, self.task.optimizer.apply)
        same = _drawing_as_kernels(step)
        size = self.task.batch_size
        if size > len(self._x):  # the last batch is the only one
            return step, step
        traced = tf.function(same, autograph=False).get_concrete_function(self._x[:size], self._y[:size])
        kinds = _kinds_of_operations(traced.graph.as_graph_def())
        require_same_numbers(kinds)
        if others := sorted(kinds & NOT_IN_XLA):
            raise Refused(f"execution=epoch_xla: XLA cannot compile {', '.join(others)}; choose execution=auto")
        self._compiles_loop = current().is_gpu or not any("Conv" in kind for kind in kinds)
        return same if self._compiles_loop else tf.function(same, autograph=False, jit_compile=True), step


def _kinds_of_operations(graph: Any) -> set[str]:
    """Return the kinds of operations in a GraphDef and its functions."""
    inner = (node.op for function in graph.library.function for node in function.node_def)
    return {*inner, *(node.op for node in graph.node)}


def _drawing_as_kernels(step: Step) -> Step:
    def same(x: Any, y: Any) -> Any:
        with as_kernels_draw():
            return step(x, y)

    return same


def _segment(step: Step, x: Any, y: Any, size: int) -> Any:
    """Return a function of (order, first step, end step, total loss, correct classes): both sums after these steps."""
    tf = import_tensorflow()

    def segment(order: Any, first: Any, last: Any, total: Any, right: Any) -> Any:
        def add(at: Any, total: Any, right: Any) -> Any:
            indices = tf.slice(order, [at * size], [size])  # the shape is known, which XLA needs
            loss_sum, right_count = step(tf.gather(x, indices), tf.gather(y, indices))
            return at + 1, total + loss_sum, right + right_count

        return tf.while_loop(lambda at, *_: at < last, add, (first, total, right), parallel_iterations=1)[1:]

    return segment


def _remainder(step: Step, x: Any, y: Any) -> Any:
    """Return a function of (indices of the last batch, total loss, correct classes): both sums after it."""
    tf = import_tensorflow()

    def remainder(indices: Any, total: Any, right: Any) -> Any:
        loss_sum, right_count = step(tf.gather(x, indices), tf.gather(y, indices))
        return total + loss_sum, right + right_count

    return remainder


def _step(task: Task, update: Callable[[list[Any], list[Any]], Any]) -> Step:
    """Return a training step in the order of Keras' ``train_step``: forward, backward, update."""
    tf = import_tensorflow()
    model, optimizer, loss = task.model, task.optimizer, task.loss

    def step(x: Any, y: Any) -> tuple[Any, Any]:
        with tf.GradientTape() as tape:
            outputs = model(x, training=True)
            value = total_loss(model, loss, y, outputs)
            scaled = optimizer.scale_loss(value)  # changes the value only for float16, against underflow
        variables = model.trainable_variables
        update(tape.gradient(scaled, variables), variables)
        return weighted_loss(tf, value, x), right_classes(tf, y, outputs)

    return step


def _compiled_update(task: Task) -> Callable[[list[Any], list[Any]], Any]:
    """Return the optimizer's update, compiled by XLA; a function of (gradients, variables)."""

    def apply(gradients: list[Any]) -> None:
        task.optimizer.apply(gradients, task.model.trainable_variables)

    compiled = import_tensorflow().function(apply, jit_compile=True, autograph=False)
    # An embedding's gradient stays sparse, as in fit: Keras' optimizers square the rows of a word before adding them.
    return lambda gradients, variables: compiled(gradients)
