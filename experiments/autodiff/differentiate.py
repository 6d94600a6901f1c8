"""Differentiate with TensorFlow: by GradientTape (reverse) or by ForwardAccumulator (forward)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from experiments.autodiff.derivative import HESSIAN, HVP, JACOBIAN, Derivative
from experiments.runtime.tensorflow_import import import_tensorflow

if TYPE_CHECKING:
    import tensorflow as tf

REVERSE, FORWARD = METHODS = ("reverse", "forward")

Values = Mapping[str, "tf.Tensor"]
Function = Callable[[Values], "tf.Tensor"]
Found = list["tf.Tensor | None"]
"""One tensor for each block; None where TensorFlow finds that the value does not depend on the variable."""


def differentiate(function: Function, values: Values, derivative: Derivative, method: str) -> tuple[tf.Tensor, Found]:
    """The value, and the derivative's blocks in the order of :meth:`Derivative.blocks`.

    ``reverse`` goes back from the value once for all variables; ``forward`` follows the computation once for each
    element of the variables. From the second order on, ``forward`` means forward over reverse (one ForwardAccumulator
    over tapes), as is usual for Hessian-vector products, and ``reverse`` means tapes over tapes. Accumulators inside
    accumulators would trace TensorFlow's own derivatives of derivatives: 10 s at order three, 256 s at order five.
    """
    functions = {
        (REVERSE, JACOBIAN): _reverse_jacobian,
        (REVERSE, HESSIAN): _reverse_hessian,
        (REVERSE, HVP): _reverse_hvp,
        (FORWARD, JACOBIAN): _forward_jacobian,
        (FORWARD, HESSIAN): _forward_hessian,
        (FORWARD, HVP): _forward_hvp,
    }
    if (method, derivative.kind) in functions:
        return functions[method, derivative.kind](function, values, derivative)
    if derivative.order > 1:
        found = [_higher(function, values, name, derivative.order, method) for name in derivative.wrt]
        return function(values), found
    return (
        _gradient(function, values, derivative)
        if method == REVERSE
        else _forward_jacobian(function, values, derivative)
    )


def _gradient(function: Function, values: Values, derivative: Derivative) -> tuple[tf.Tensor, Found]:
    value, watched, tape = _taped(function, values, derivative)
    return value, tape.gradient(value, watched)


def _reverse_jacobian(function: Function, values: Values, derivative: Derivative) -> tuple[tf.Tensor, Found]:
    value, watched, tape = _taped(function, values, derivative)
    return value, tape.jacobian(value, watched)


def _taped(function: Function, values: Values, derivative: Derivative) -> tuple[tf.Tensor, list[tf.Tensor], Any]:
    """The value, the variables to differentiate by, and the tape that has recorded the value's computation."""
    tf = import_tensorflow()
    watched = [values[name] for name in derivative.wrt]
    with tf.GradientTape() as tape:
        tape.watch(watched)
        value = function(values)
    return value, watched, tape


def _reverse_hessian(function: Function, values: Values, derivative: Derivative) -> tuple[tf.Tensor, Found]:
    tf = import_tensorflow()
    watched = [values[name] for name in derivative.wrt]
    with tf.GradientTape(persistent=True) as tape:
        tape.watch(watched)
        value, gradients = _gradient(function, values, derivative)
    rows = [[None] * len(watched) if g is None else tape.jacobian(g, watched) for g in gradients]
    return value, [block for row in rows for block in row]


def _reverse_hvp(function: Function, values: Values, derivative: Derivative) -> tuple[tf.Tensor, Found]:
    tf = import_tensorflow()
    watched = [values[name] for name in derivative.wrt]
    with tf.GradientTape() as tape:
        tape.watch(watched)
        value, gradients = _gradient(function, values, derivative)
        along = [
            tf.reduce_sum(gradient * tf.constant(derivative.direction[name], gradient.dtype))
            for name, gradient in zip(derivative.wrt, gradients, strict=True)
            if gradient is not None
        ]
        slope = tf.add_n(along) if along else None
    return value, [None] * len(watched) if slope is None else tape.gradient(slope, watched)


def _forward_jacobian(function: Function, values: Values, derivative: Derivative) -> tuple[tf.Tensor, Found]:
    """The Jacobian by columns, with one pass for each element of the variables."""
    value = function(values)
    return value, [_columns(lambda v: [function(v)], values, name, [value.shape])[0] for name in derivative.wrt]


def _forward_hessian(function: Function, values: Values, derivative: Derivative) -> tuple[tf.Tensor, Found]:
    shapes = [values[name].shape for name in derivative.wrt]

    def gradients(at: Values) -> Found:
        return _gradient(function, at, derivative)[1]

    by_second = [_columns(gradients, values, name, shapes) for name in derivative.wrt]
    return function(values), [column[row] for row in range(len(shapes)) for column in by_second]


def _forward_hvp(function: Function, values: Values, derivative: Derivative) -> tuple[tf.Tensor, Found]:
    tf = import_tensorflow()
    moving = {name: tf.constant(derivative.direction[name], values[name].dtype) for name in derivative.wrt}
    return function(values), _along(lambda at: _gradient(function, at, derivative)[1], values, moving)


def _columns(functions: Callable[[Values], Found], values: Values, name: str, shapes: list[Any]) -> Found:
    """The derivatives of several results by one variable, each of the result's shape + the variable's."""
    tf = import_tensorflow()
    variable = values[name]
    size = variable.shape.num_elements()
    units = tf.reshape(tf.eye(size, dtype=variable.dtype), [size, *variable.shape])
    passes = [_along(functions, values, {name: units[element]}) for element in range(size)]
    found: Found = []
    for number, shape in enumerate(shapes):
        column = [one[number] for one in passes]
        if any(entry is None for entry in column):
            found.append(None)
        else:
            found.append(tf.reshape(tf.stack(column, axis=-1), [*shape, *variable.shape]))
    return found


def _along(functions: Callable[[Values], Found], values: Values, moving: Values) -> Found:
    """The derivatives of several results along a direction (Jacobian-vector products)."""
    tf = import_tensorflow()
    primals = [values[name] for name in moving]
    with tf.autodiff.ForwardAccumulator(primals, list(moving.values())) as accumulator:
        results = functions(values)
    return [None if result is None else accumulator.jvp(result) for result in results]


def _higher(function: Function, values: Values, name: str, order: int, method: str) -> tf.Tensor | None:
    """The derivative of this order by a scalar, computed as a derivative of a derivative."""
    if order == 0:
        return function(values)
    tf = import_tensorflow()
    if method == FORWARD:
        lower = lambda at: [_higher(function, at, name, order - 1, REVERSE)]  # noqa: E731
        return _along(lower, values, {name: tf.ones_like(values[name])})[0]
    with tf.GradientTape() as tape:
        tape.watch(values[name])
        lower_value = _higher(function, values, name, order - 1, REVERSE)
    return None if lower_value is None else tape.gradient(lower_value, values[name])
