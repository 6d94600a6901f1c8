"""One compiled function for an epoch: the data lie on the device, Python is not asked between steps."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from experiments.runtime.device import current
from experiments.runtime.tensorflow_import import import_tensorflow
from experiments.training.execution.execution import Execution, Task
from experiments.training.execution.inference import right_classes, total_loss, weighted_loss
from experiments.training.execution.xla_random import as_kernels_draw, require_same_numbers

SEGMENT_SECONDS = 0.5
"""Python's signal handlers run only between calls: an epoch is cut into segments of about this long for Ctrl-C."""

Step = Callable[[Any, Any], Any]
"""Of a batch's x and y: its loss times its examples (float64) and its right classes (int64); trains the model."""


class WholeEpoch(Execution):
    """TensorFlow's kernels forward and backward; the optimizer's update, many small operations, through XLA."""

    name = "epoch"

    def __init__(self, task: Task) -> None:
        super().__init__(task)
        tf = import_tensorflow()
        self._compiles_loop = False
        """Whether the loop over the steps is one XLA program with them."""
        self._x, self._y = tf.constant(task.x), tf.constant(task.y)
        step, last_step = self._steps()
        segment = _segment(step, self._x, self._y, task.batch_size)
        self._segment = tf.function(segment, autograph=False, jit_compile=self._compiles_loop or None)
        self._remainder = tf.function(_remainder(last_step, self._x, self._y), autograph=False)
        self._steps_a_segment = 1

    def _steps(self) -> tuple[Step, Step]:
        """The step for whole batches, and the one for the smaller last one."""
        step = _step(self.task, _compiled_update(self.task))
        return step, step

    def _train(self, order: npt.NDArray[np.int64]) -> tuple[float, float | None]:
        tf = import_tensorflow()
        # Always as long as all examples, whatever part of them is wanted: XLA compiles anew for each length.
        indices = tf.constant(np.pad(order, (0, max(len(self.task.x) - len(order), 0))), tf.int64)
        # The sums go from call to call, so that they do not depend on where the segments end.
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
        """A first segment includes compiling and is short; later ones grow, at most tenfold at a time."""
        wanted = round(steps * SEGMENT_SECONDS / max(seconds, 1e-6))
        self._steps_a_segment = min(max(wanted, self._steps_a_segment, 1), 10 * self._steps_a_segment)


class WholeEpochXla(WholeEpoch):
    """Loop, batches and steps as one XLA program; the last, smaller batch is not compiled, as one step does not pay.

    With convolutions on a CPU each step is a program of its own: within XLA's loop they took 14 times as long
    (benchmarks/README.md).
    """

    name = "epoch_xla"

    def _steps(self) -> tuple[Step, Step]:
        tf = import_tensorflow()
        step = _step(self.task, self.task.optimizer.apply)
        same = _drawing_as_kernels(step)
        size = self.task.batch_size
        if size > len(self._x):  # there is but the last batch
            return step, step
        traced = tf.function(same, autograph=False).get_concrete_function(self._x[:size], self._y[:size])
        kinds = _kinds_of_operations(traced.graph.as_graph_def())
        require_same_numbers(kinds)
        self._compiles_loop = current().is_gpu or not any("Conv" in kind for kind in kinds)
        return same if self._compiles_loop else tf.function(same, autograph=False, jit_compile=True), step


def _kinds_of_operations(graph: Any) -> set[str]:
    """Of a GraphDef and the functions in it."""
    inner = (node.op for function in graph.library.function for node in function.node_def)
    return {*inner, *(node.op for node in graph.node)}


def _drawing_as_kernels(step: Step) -> Step:
    def same(x: Any, y: Any) -> Any:
        with as_kernels_draw():
            return step(x, y)

    return same


def _segment(step: Step, x: Any, y: Any, size: int) -> Any:
    """A function of (order, first step, step after the last, sums): the sums after these steps."""
    tf = import_tensorflow()

    def segment(order: Any, first: Any, last: Any, total: Any, right: Any) -> Any:
        def add(at: Any, total: Any, right: Any) -> Any:
            indices = tf.slice(order, [at * size], [size])  # the shape is known, which XLA needs
            loss_sum, right_count = step(tf.gather(x, indices), tf.gather(y, indices))
            return at + 1, total + loss_sum, right + right_count

        return tf.while_loop(lambda at, *_: at < last, add, (first, total, right), parallel_iterations=1)[1:]

    return segment


def _remainder(step: Step, x: Any, y: Any) -> Any:
    tf = import_tensorflow()

    def remainder(indices: Any, total: Any, right: Any) -> Any:
        loss_sum, right_count = step(tf.gather(x, indices), tf.gather(y, indices))
        return total + loss_sum, right + right_count

    return remainder


def _step(task: Task, update: Callable[[list[Any], list[Any]], Any]) -> Step:
    """Forward, backward, update: the order of Keras' ``train_step``."""
    tf = import_tensorflow()
    model, optimizer, loss = task.model, task.optimizer, task.loss

    def step(x: Any, y: Any) -> tuple[Any, Any]:
        with tf.GradientTape() as tape:
            outputs = model(x, training=True)
            value = total_loss(model, loss, y, outputs)
            scaled = optimizer.scale_loss(value)  # against underflow in float16; the value itself otherwise
        variables = model.trainable_variables
        update(tape.gradient(scaled, variables), variables)
        return weighted_loss(tf, value, x), right_classes(tf, loss, y, outputs)

    return step


def _compiled_update(task: Task) -> Callable[[list[Any], list[Any]], Any]:
    def apply(gradients: list[Any]) -> None:
        task.optimizer.apply(gradients, task.model.trainable_variables)

    compiled = import_tensorflow().function(apply, jit_compile=True, autograph=False)
    # An embedding's gradient stays sparse: Keras' optimizers square its rows before they add up those of one word.
    return lambda gradients, variables: compiled(gradients)
