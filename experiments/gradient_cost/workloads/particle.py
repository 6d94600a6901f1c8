"""Charged particles in a field that is a derivative."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from experiments.gradient_cost.workloads.workload import Array, Operands, Tensor, Tensors, Workload, generator, tensors
from experiments.runtime.tensorflow_import import import_tensorflow
from experiments.validators import InvalidField, require_at_least

if TYPE_CHECKING:
    import tensorflow as tf

POSITION, VELOCITY = (0.0, 8.0), (0.75, 0.0)
CHARGE = 10.0
"""The fixed charges are at (10, 10 - w) and (10, 0)."""

State = tuple["tf.Tensor", "tf.Tensor", "tf.Tensor", "tf.Tensor"]
"""Positions x and y, velocities by x and by y, each [n]."""


@dataclass
class Particle(Workload):
    """The sum over n charged particles of the squared place where each crosses the x axis, against their controls w.

    gradbench, evals/particle, after Pearlmutter and Siskind, Using programming language theory to make automatic
    differentiation sound and efficient, AD 2008. Each particle starts at (0, 8) with velocity (0.75, 0). Two fixed
    charges push it with the force -grad p, where p is the sum of their inverse distances; p is differentiated at
    each step of Euler's method. From the last step on the path continues in a straight line to the axis.

    The published problem minimises this over w for one particle, with steps of 0.1 while the particle is above the
    axis: 352 to 354 steps between w = 0 and the minimum. Here the number of steps is fixed, so that the function is
    the same for all w, and the function to minimise is what is differentiated. steps=353 with time_step=0.1 is the
    published problem, except that the last point may be off by one step. The default is ten times coarser.
    """

    name: ClassVar[str] = "particle"
    title: ClassVar[str] = "charged particles"
    size_is: ClassVar[str] = "particles"

    steps: int = 35
    time_step: float = 1.0

    def __post_init__(self) -> None:
        super().__post_init__()
        require_at_least(self, "steps", 1)
        if not 0 < self.time_step < float("inf"):
            raise InvalidField(self, "time_step", f"{self.time_step} is not a time; give one above 0, such as 1.0")

    def operands(self, size: int, dtype: str, seed: int) -> Operands:
        return Operands(tensors(dtype, generator(size, seed).uniform(0.0, 0.2, size)))

    def value(self, parameters: Tensors, data: Tensors) -> tf.Tensor:
        tf = import_tensorflow()
        (w,) = parameters
        dt = tf.constant(self.time_step, w.dtype)

        def step(x: Tensor, y: Tensor, u: Tensor, v: Tensor) -> State:
            by_x, by_y = _slope_of_potential(x, y, w)
            return x + dt * u, y + dt * v, u - dt * by_x, v - dt * by_y

        start = tuple(tf.fill(tf.shape(w), tf.constant(number, w.dtype)) for number in (*POSITION, *VELOCITY))
        x, y, u, v = tf.while_loop(lambda *_: True, step, start, maximum_iterations=self.steps)
        return tf.reduce_sum(tf.square(x - y / v * u))

    def reference(self, parameters: Sequence[Array], data: Sequence[Array]) -> Any:
        """Compute with the force in closed form: each charge pushes with the inverse square of its distance."""
        (w,) = parameters
        position = np.array(POSITION, w.dtype)[:, None] + np.zeros_like(w)
        velocity = np.array(VELOCITY, w.dtype)[:, None] + np.zeros_like(w)
        charges = [np.array([np.full_like(w, CHARGE), height]) for height in (CHARGE - w, np.zeros_like(w))]
        for _ in range(self.steps):
            away = [position - charge for charge in charges]
            force = sum(arrow * (arrow**2).sum(axis=0) ** -1.5 for arrow in away)
            position, velocity = position + self.time_step * velocity, velocity + self.time_step * force
        crossing = position[0] - position[1] / velocity[1] * velocity[0]
        return (crossing**2).sum()

    def elements(self, size: int) -> int:
        return 60 * size * self.steps


def _slope_of_potential(x: tf.Tensor, y: tf.Tensor, w: tf.Tensor) -> list[tf.Tensor]:
    """Return the derivatives of the potential p by x and by y."""
    tf = import_tensorflow()
    with tf.GradientTape(watch_accessed_variables=False) as tape:
        tape.watch((x, y))
        distances = [tf.sqrt(tf.square(x - CHARGE) + tf.square(y - height)) for height in (CHARGE - w, 0.0)]
        potential = 1 / distances[0] + 1 / distances[1]
    slopes: list[Tensor] = tape.gradient(potential, [x, y])
    return slopes
