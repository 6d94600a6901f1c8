"""Evaluate an expression in many kinds of numbers: those of NumPy, TensorFlow, mpmath and SymPy."""

from __future__ import annotations

import math
import operator
import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from experiments.autodiff.expression import Call, Expression, InvalidExpression, Node, Number, Variable
from experiments.autodiff.functions import COMPARISONS
from experiments.runtime.tensorflow_import import import_tensorflow

Operations = Mapping[str, Callable[..., Any]]


@dataclass(frozen=True)
class Arithmetic:
    """One kind of numbers, and its operations."""

    number: Callable[[Number], Any]
    """Converts a constant of an expression to this kind."""
    operations: Operations
    """The operators, comparisons and functions by their names in functions.py."""

    def evaluate(self, expression: Expression, values: Mapping[str, Any]) -> Any:
        """The expression's value; ``values`` has a scalar, vector or matrix for each variable."""
        return self._evaluate(expression.root, values)

    def call(self, node: Call, arguments: list[Any]) -> Any:
        return self.operations[node.function](*arguments)

    def _evaluate(self, node: Node, values: Mapping[str, Any]) -> Any:
        if isinstance(node, Number):
            return self.number(node)
        if isinstance(node, Variable):
            return values[node.name]
        return self.call(node, [self._evaluate(argument, values) for argument in node.arguments])


class ShapeCheck(Arithmetic):
    """An arithmetic that raises InvalidExpression for the operator whose operands have the wrong shapes."""

    def call(self, node: Call, arguments: list[Any]) -> Any:
        shapes = [f"[{','.join(map(str, np.shape(argument)))}]" for argument in arguments]
        if node.function == "dot" and not all(map(np.ndim, arguments)):
            raise InvalidExpression(node.column, f"dot takes vectors and matrices, not {' and '.join(shapes)}; use *")
        try:
            return super().call(node, arguments)
        except ValueError:
            raise InvalidExpression(
                node.column, f"{node.function} cannot take the shapes {' and '.join(shapes)}"
            ) from None


def shape_of(expression: Expression, values: Mapping[str, Any]) -> tuple[int, ...]:
    """The shape of the expression's value. Raises InvalidExpression where the shapes do not fit."""
    double = in_numpy("float64")
    with np.errstate(all="ignore"):
        return np.shape(ShapeCheck(double.number, double.operations).evaluate(expression, values))


def decades(expression: Expression, values: Mapping[str, Any]) -> float:
    """The number of powers of ten between the smallest and the largest result of a step; the point and one count, too.

    Infinite where a step has a huge argument, of whose result exact numbers would fill the memory. What has no value,
    as a division by zero, does not count.
    """
    import mpmath

    huge: list[bool] = []
    exact = in_mpmath(on_huge=lambda: huge.append(True))
    magnitudes = [0]

    def note(result: Any) -> None:
        numbers = (number for number in np.ravel(np.asarray(result, dtype=object)) if mpmath.isfinite(number))
        magnitudes.extend(mpmath.mag(number) for number in numbers if number)

    class _Watch(Arithmetic):
        def call(self, node: Call, arguments: list[Any]) -> Any:
            result = super().call(node, arguments)
            if node.function not in COMPARISONS:
                note(result)
            return result

    point = {name: as_mpmath(value) for name, value in values.items()}
    for value in point.values():
        note(value)
    with mpmath.workdps(30):
        _Watch(exact.number, exact.operations).evaluate(expression, point)
    return math.inf if huge else min(max(magnitudes) - min(magnitudes), MOST_BINARY_ORDERS) * math.log10(2)


MOST_BINARY_ORDERS = 10**9
"""More orders of magnitude than anybody can have digits for."""


def with_noise(arithmetic: Arithmetic, digits: int) -> Arithmetic:
    """An arithmetic of mpmath's numbers whose every result is off by a rounding error at about ``digits`` digits.

    Where two evaluations differ, digits are lost (D. S. Parker, Monte Carlo Arithmetic, UCLA CSD-970002, 1997).
    """
    import mpmath

    draw = random.Random(0)
    unit = mpmath.mpf(10) ** (3 - digits)
    shaken = np.frompyfunc(lambda number: number * (1 + unit * draw.uniform(-1, 1)), 1, 1)

    class _Noisy(Arithmetic):
        def call(self, node: Call, arguments: list[Any]) -> Any:
            result = super().call(node, arguments)
            return result if node.function in COMPARISONS else shaken(result)

    return _Noisy(arithmetic.number, arithmetic.operations)


def as_mpmath(value: Any) -> Any:
    """A number or array of floats as mpmath's numbers."""
    import mpmath

    return np.frompyfunc(lambda x: mpmath.mpf(float(x)), 1, 1)(value)


_SIGNS: Operations = {
    "+": operator.add,
    "-": operator.sub,
    "*": operator.mul,
    "/": operator.truediv,
    "negative": operator.neg,
}

_COMPARE: Operations = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
    "==": operator.eq,
    "!=": operator.ne,
}


def in_numpy(dtype: str) -> Arithmetic:
    """NumPy's numbers in ``float32``, ``float64`` or ``complex128``.

    In complex128, comparisons look at the real part, and abs and relu keep the imaginary part of the branch that
    they take, as the complex-step derivative needs (J. Martins, P. Sturdza, J. Alonso, ACM TOMS 29(3), 2003).
    """
    kind = np.dtype(dtype).type
    return Arithmetic(lambda number: kind(float(number.value)), _in_numpy())


def _in_numpy() -> Operations:
    def erf(x: Any) -> Any:
        from scipy.special import erf

        return erf(x)

    def logsumexp(x: Any) -> Any:
        largest = np.max(np.real(x))
        return largest.astype(x.dtype) + np.log(np.sum(np.exp(x - largest.astype(x.dtype))))

    def by_real_part(compare: Callable[..., Any]) -> Callable[..., Any]:
        return lambda a, b: compare(np.real(a), np.real(b))

    return {
        **_SIGNS,
        "**": np.power,
        **{sign: by_real_part(compare) for sign, compare in _COMPARE.items()},
        "abs": lambda x: np.where(np.real(x) < 0, -x, x),
        "acos": np.arccos,
        "asin": np.arcsin,
        "atan": np.arctan,
        "cos": np.cos,
        "cosh": np.cosh,
        "erf": erf,
        "exp": np.exp,
        "expm1": np.expm1,
        "floor": lambda x: np.floor(np.real(x)).astype(np.result_type(x)),
        "log": np.log,
        "log1p": np.log1p,
        "relu": lambda x: np.where(np.real(x) > 0, x, np.zeros_like(x)),
        "sigmoid": lambda x: 1 / (1 + np.exp(-x)),
        "sign": lambda x: np.sign(np.real(x)).astype(np.result_type(x)),
        "sin": np.sin,
        "sinh": np.sinh,
        "softplus": lambda x: np.where(np.real(x) > 0, x + np.log1p(np.exp(-x)), np.log1p(np.exp(x))),
        "sqrt": np.sqrt,
        "tan": np.tan,
        "tanh": np.tanh,
        "maximum": lambda a, b: np.where(np.real(a) >= np.real(b), a, b),
        "minimum": lambda a, b: np.where(np.real(a) <= np.real(b), a, b),
        "where": np.where,
        "dot": np.dot,
        "logsumexp": logsumexp,
        "mean": np.mean,
        "norm": lambda x: np.sqrt(np.sum(x * x)),
        "sum": np.sum,
        "transpose": np.transpose,
    }


def in_tensorflow(dtype: str) -> Arithmetic:
    """TensorFlow's tensors of a dtype, with the operations that a TensorFlow user would write."""
    tf = import_tensorflow()

    def number(constant: Number) -> Any:
        is_whole = tf.as_dtype(dtype).is_integer and constant.value.denominator == 1
        return tf.constant(int(constant.value) if is_whole else float(constant.value), dtype=dtype)

    return Arithmetic(
        number,
        {
            **_SIGNS,
            "**": tf.pow,
            **_COMPARE,
            "==": tf.equal,
            "!=": tf.not_equal,
            "abs": tf.abs,
            "acos": tf.acos,
            "asin": tf.asin,
            "atan": tf.atan,
            "cos": tf.cos,
            "cosh": tf.cosh,
            "erf": tf.math.erf,
            "exp": tf.exp,
            "expm1": tf.math.expm1,
            "floor": tf.floor,
            "log": tf.math.log,
            "log1p": tf.math.log1p,
            "relu": tf.nn.relu,
            "sigmoid": tf.sigmoid,
            "sign": tf.sign,
            "sin": tf.sin,
            "sinh": tf.sinh,
            "softplus": tf.nn.softplus,
            "sqrt": tf.sqrt,
            "tan": tf.tan,
            "tanh": tf.tanh,
            "maximum": tf.maximum,
            "minimum": tf.minimum,
            "where": tf.where,
            "dot": lambda a, b: tf.tensordot(a, b, axes=1),
            "logsumexp": tf.reduce_logsumexp,
            "mean": tf.reduce_mean,
            "norm": tf.norm,
            "sum": tf.reduce_sum,
            "transpose": tf.transpose,
        },
    )


def in_mpmath(on_huge: Callable[[], object] = lambda: None) -> Arithmetic:
    """Mpmath's numbers at its current precision; vectors and matrices are arrays of them.

    Results that are not real are NaN: the root of -1 is, as in TensorFlow. ``on_huge`` is called for each argument of
    exp, sin and the like that is beyond :data:`MOST_MAGNITUDE`.
    """
    import mpmath

    def real(function: Callable[..., Any]) -> Callable[..., Any]:
        def on_reals(*arguments: Any) -> Any:
            try:
                value = function(*arguments)
            except (ValueError, ZeroDivisionError):
                return mpmath.nan
            return value if isinstance(value, mpmath.mpf) else mpmath.nan

        return on_reals

    def guarded(function: Callable[..., Any], beyond: Callable[[Any], Any]) -> Callable[..., Any]:
        """``function``, but ``beyond`` for huge arguments, of whose results mpmath would compute every digit."""

        def on_reals(x: Any) -> Any:
            if not (mpmath.isfinite(x) and x and mpmath.mag(x) > MOST_MAGNITUDE):
                return function(x)
            on_huge()
            return beyond(x)

        return on_reals

    zero, one = mpmath.mpf(0), mpmath.mpf(1)
    exp = guarded(mpmath.exp, lambda x: mpmath.inf if x > 0 else zero)
    scalar: Operations = {
        "/": real(operator.truediv),
        "**": real(lambda a, b: guarded(lambda _: mpmath.power(a, b), lambda _: mpmath.nan)(b)),
        **{name: real(getattr(mpmath, name)) for name in ELEMENTARY},
        **{name: real(guarded(getattr(mpmath, name), lambda _: mpmath.nan)) for name in ("cos", "sin", "tan")},
        "exp": exp,
        "expm1": guarded(mpmath.expm1, lambda x: mpmath.inf if x > 0 else -one),
        "cosh": guarded(mpmath.cosh, lambda _: mpmath.inf),
        "sinh": guarded(mpmath.sinh, lambda x: mpmath.inf * mpmath.sign(x)),
        "abs": abs,
        "floor": mpmath.floor,
        "sign": mpmath.sign,
        "relu": lambda x: x if x > 0 else zero * x,
        "sigmoid": lambda x: one / (one + exp(-x)),
        "softplus": lambda x: mpmath.log1p(exp(x)),
        "maximum": lambda a, b: a if a >= b or mpmath.isnan(a) else b,  # NaN if one is, as in TensorFlow
        "minimum": lambda a, b: a if a <= b or mpmath.isnan(a) else b,
        "where": lambda condition, a, b: a if condition else b,
    }
    return Arithmetic(lambda number: mpmath.mpf(number.value.numerator) / number.value.denominator, _of_objects(scalar))


def in_sympy() -> Arithmetic:
    """SymPy's expressions; vectors and matrices are arrays of them.

    Functions with two branches become a Piecewise, so that the derivative says which branch holds.
    """
    import sympy

    def piecewise(condition: Any, a: Any, b: Any) -> Any:
        if len(sympy.sympify(condition).atoms(sympy.Piecewise)) > 1:
            raise TooLarge("SymPy would solve branches within branches for minutes")
        return sympy.Piecewise((a, condition), (b, True))

    class floor(sympy.Function):  # type: ignore[misc]  # noqa: N801  # the name that formulas show
        """A floor with the derivative 0, which holds away from whole numbers; SymPy's own floor has none."""

        def fdiff(self, argindex: int = 1) -> Any:
            return sympy.Integer(0)

        @staticmethod
        def _imp_(x: Any) -> Any:
            import mpmath

            return mpmath.floor(x)

    scalar: Operations = {
        "**": _power,
        **{name: getattr(sympy, name) for name in ELEMENTARY if hasattr(sympy, name)},
        "expm1": lambda x: sympy.exp(x) - 1,
        "log1p": lambda x: sympy.log(1 + x),
        "abs": lambda x: piecewise(x >= 0, x, -x),
        "floor": floor,
        "sign": lambda x: sympy.Piecewise((1, x > 0), (-1, x < 0), (0, True)),
        "relu": lambda x: piecewise(x > 0, x, 0),
        "sigmoid": lambda x: 1 / (1 + sympy.exp(-x)),
        "softplus": lambda x: sympy.log(1 + sympy.exp(x)),
        "maximum": lambda a, b: piecewise(a >= b, a, b),
        "minimum": lambda a, b: piecewise(a <= b, a, b),
        "where": piecewise,
        "==": sympy.Eq,
        "!=": sympy.Ne,
    }

    def number(constant: Number) -> Any:
        if constant.text:
            return symbol_of(constant)
        return sympy.Rational(constant.value.numerator, constant.value.denominator)

    return Arithmetic(number, _of_objects(scalar))


ELEMENTARY = (
    "acos", "asin", "atan", "cos", "cosh", "erf", "exp", "expm1", "log", "log1p", "sin", "sinh", "sqrt", "tan", "tanh"
)  # fmt: skip
"""The functions that mpmath and SymPy name as the grammar does."""

MOST_MAGNITUDE = 2000
"""The largest argument of exp, sin and the like, as a power of two; beside the point 1e-40 may be a denominator."""

MOST_BITS = 4200
"""The most bits that a power of two constants may have for SymPy to compute it."""


class TooLarge(ArithmeticError):
    """SymPy would need too much time or memory, for example for a number with thousands of digits."""


def symbol_of(constant: Number) -> Any:
    """A rounded constant in SymPy: a symbol named as it was written, such as 0.1, rather than a long fraction."""
    import sympy

    return sympy.Symbol(constant.text, positive=True)


def _power(base: Any, exponent: Any) -> Any:
    import sympy

    base, exponent = sympy.sympify(base), sympy.sympify(exponent)
    number, _ = base.as_coeff_Mul()  # of (3*x)**1000 SymPy computes 3**1000
    if number.is_Rational and exponent.is_Rational:
        bits = int(number.p).bit_length() + int(number.q).bit_length()
        if bits * abs(exponent) > MOST_BITS:
            raise TooLarge("a constant power has too many digits")
    return base**exponent


def _of_objects(scalar: Operations) -> Operations:
    """Operations on arrays of objects: ``scalar`` element by element, and NumPy's own for sums and products."""
    everything = {**_SIGNS, **_COMPARE, **scalar}
    elementwise = {name: _elementwise(function) for name, function in everything.items()}
    exp, log, power = elementwise["exp"], elementwise["log"], elementwise["sqrt"]
    return {
        **elementwise,
        "dot": np.dot,
        "logsumexp": lambda x: log(np.sum(exp(x))),
        "mean": lambda x: np.sum(x) / np.size(x),
        "norm": lambda x: power(np.sum(x * x)),
        "sum": np.sum,
        "transpose": np.transpose,
    }


def _elementwise(function: Callable[..., Any]) -> Callable[..., Any]:
    def on_arrays(*arguments: Any) -> Any:
        return np.frompyfunc(function, len(arguments), 1)(*arguments)

    return on_arrays
