"""Expressions at points, each with a function written by hand, independent of the package, for mpmath."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from mpmath import (
    acos,
    asin,
    atan,
    cos,
    cosh,
    erf,
    exp,
    expm1,
    floor,
    log,
    log1p,
    mpf,
    sign,
    sin,
    sinh,
    sqrt,
    tan,
    tanh,
)  # fmt: skip


@dataclass(frozen=True)
class Case:
    """An expression at a point, and the same function of all numbers in ``at``, in order and row by row."""

    text: str
    at: dict[str, Any]
    function: Callable[..., Any]
    """The function; it returns a number, or a list of the value's elements."""
    settings: dict[str, Any] = field(default_factory=dict)

    def __str__(self) -> str:
        return " ".join([self.text, *map(str, self.settings.values())])


def sigmoid(x):
    return 1 / (1 + exp(-x))


def norm(*x):
    return sqrt(sum(a * a for a in x))


def order(n):
    return {"order": n}


GRADIENTS = [
    Case("a*w**2 + b*w + c", {"a": 1, "b": 2, "c": 3, "w": 4}, lambda a, b, c, w: a * w * w + b * w + c),
    Case("3", {"x": 1}, lambda x: mpf(3) + 0 * x, {"wrt": ["x"]}),
    Case("-x", {"x": 2}, lambda x: -x),
    Case("x - y/x", {"x": 2, "y": 3}, lambda x, y: x - y / x),
    Case("x**3 - 2*x", {"x": -1.5}, lambda x: x * x * x - 2 * x),
    Case("x**(-2)", {"x": -0.75}, lambda x: 1 / (x * x)),
    Case("x**y", {"x": 2.5, "y": 1.5}, lambda x, y: exp(y * log(x))),
    Case("x**x", {"x": 1.5}, lambda x: exp(x * log(x))),
    Case("2**x", {"x": 3.25}, lambda x: exp(x * log(2))),
    Case("-x**2", {"x": 3}, lambda x: -(x * x)),
    Case("x**2.5", {"x": 1.75}, lambda x: x * x * sqrt(x)),
    Case("abs(x)", {"x": -2.5}, lambda x: -x),
    Case("acos(x)", {"x": 0.375}, acos),
    Case("asin(x)", {"x": -0.625}, asin),
    Case("atan(x)", {"x": 1.25}, atan),
    Case("cos(x)", {"x": 1.5}, cos),
    Case("cosh(x)", {"x": -1.5}, cosh),
    Case("erf(x)", {"x": 0.75}, erf),
    Case("exp(x)", {"x": 1.125}, exp),
    Case("expm1(x)", {"x": 2.0**-20}, expm1),
    Case("floor(x)*x", {"x": 3.5}, lambda x: floor(x) * x),
    Case("log(x)", {"x": 0.125}, log),
    Case("log1p(x)", {"x": 2.0**-20}, log1p),
    Case("relu(x)*x", {"x": 1.5}, lambda x: x * x),
    Case("relu(x)*x + x", {"x": -1.5}, lambda x: x),
    Case("sigmoid(x)", {"x": 0.5}, sigmoid),
    Case("sign(x)*x", {"x": -0.5}, lambda x: sign(x) * x),
    Case("sin(x)", {"x": 1.5}, sin),
    Case("sinh(x)", {"x": 1.5}, sinh),
    Case("softplus(x)", {"x": -1.5}, lambda x: log(1 + exp(x))),
    Case("sqrt(x)", {"x": 2}, sqrt),
    Case("tan(x)", {"x": 0.5}, tan),
    Case("tanh(x)", {"x": 0.5}, tanh),
    Case("maximum(x, y)*x", {"x": 1.5, "y": 0.5}, lambda x, y: x * x + 0 * y),
    Case("minimum(x, y)*x", {"x": 1.5, "y": 0.5}, lambda x, y: x * y),
    Case("where(x < y, x*y, x/y)", {"x": 1.5, "y": 2.5}, lambda x, y: x * y),
    Case("where(x >= 2, x, sin(x))", {"x": 1.5}, sin),
    Case("sin(x)*exp(x)", {"x": 1.5}, lambda x: sin(x) * exp(x)),
    Case("exp(-(x - y)**2)/z", {"x": 1.5, "y": 0.5, "z": 2}, lambda x, y, z: exp(-((x - y) ** 2)) / z),
    Case("log(1 + exp(x*y))", {"x": 0.5, "y": -1.5}, lambda x, y: log(1 + exp(x * y))),
    Case("erf(sqrt(x))*atan(1/x)", {"x": 1.25}, lambda x: erf(sqrt(x)) * atan(1 / x)),
    Case("sum(x*x)", {"x": [1.5, -2, 0.5]}, lambda a, b, c: a * a + b * b + c * c),
    Case("mean(x)**2", {"x": [1.5, -2, 2.5]}, lambda a, b, c: ((a + b + c) / 3) ** 2),
    Case("norm(x)", {"x": [3, 4]}, norm),
    Case("logsumexp(x)", {"x": [1, 2.5, -1]}, lambda a, b, c: log(exp(a) + exp(b) + exp(c))),
    Case("dot(x, y)", {"x": [1.5, 2], "y": [-1, 0.5]}, lambda a, b, c, d: a * c + b * d),
    Case("sum(k*x)", {"k": 2, "x": [1, 3]}, lambda k, a, b: k * (a + b)),
    Case("sum(dot(A, x)**2)", {"A": [[1, 2], [3, 4]], "x": [1, 2]},
         lambda a, b, c, d, x, y: (a * x + b * y) ** 2 + (c * x + d * y) ** 2),
    Case("dot(x, dot(transpose(A), x))", {"x": [1, -2], "A": [[1, 2], [0.5, 4]]},
         lambda x, y, a, b, c, d: x * (a * x + c * y) + y * (b * x + d * y)),
    Case("norm(dot(A, B))", {"A": [[1, 2]], "B": [[0.5, 1], [2, -1]]},
         lambda a, b, c, d, e, f: norm(a * c + b * e, a * d + b * f)),
]  # fmt: skip

OTHERS = [
    Case("exp(x)*sin(x)", {"x": 0.5}, lambda x: exp(x) * sin(x), order(2)),
    Case("x**5", {"x": 1.5}, lambda x: x**5, order(2)),
    Case("tanh(x)", {"x": 0.25}, tanh, order(3)),
    Case("erf(x)", {"x": 0.5}, erf, order(3)),
    Case("log(x)", {"x": 1.5}, log, order(4)),
    Case("sin(x*y)", {"x": 0.5, "y": 1.5}, lambda x, y: sin(x * y), order(4)),
    Case("sigmoid(x)", {"x": 0.5}, sigmoid, order(5)),
    Case("sin(x)*exp(x)", {"x": 1.5}, lambda x: sin(x) * exp(x), order(5)),
    Case("x*y", {"x": [1, 2], "y": 3}, lambda a, b, y: [a * y, b * y], {"derivative": "jacobian"}),
    Case("exp(x)/sum(exp(x))", {"x": [0.5, 1.5]},
         lambda a, b: [exp(a) / (exp(a) + exp(b)), exp(b) / (exp(a) + exp(b))], {"derivative": "jacobian"}),
    Case("dot(A, x)", {"A": [[1, 2], [3, 4]], "x": [0.5, 1.5]},
         lambda a, b, c, d, x, y: [a * x + b * y, c * x + d * y], {"derivative": "jacobian"}),
    Case("transpose(A)*A", {"A": [[1, 2], [3, 4]]},
         lambda a, b, c, d: [a * a, b * c, b * c, d * d], {"derivative": "jacobian"}),
    Case("x**2*sin(y)", {"x": 1.5, "y": 0.5}, lambda x, y: x * x * sin(y), {"derivative": "hessian"}),
    Case("norm(x)", {"x": [3, 4]}, norm, {"derivative": "hessian"}),
    Case("logsumexp(x)*y", {"x": [0.5, 1.5], "y": 2},
         lambda a, b, y: log(exp(a) + exp(b)) * y, {"derivative": "hessian"}),
    Case("dot(x, dot(A, x))", {"A": [[1, 2], [3, 4]], "x": [0.5, 1.5]},
         lambda a, b, c, d, x, y: x * (a * x + b * y) + y * (c * x + d * y),
         {"derivative": "hessian", "wrt": ["x"]}),
    Case("x*y**2", {"x": 1.5, "y": 2.5}, lambda x, y: x * y * y,
         {"derivative": "hvp", "direction": {"x": 1, "y": -2}}),
    Case("sum(exp(x)*x)", {"x": [0.5, 1.5]}, lambda a, b: exp(a) * a + exp(b) * b,
         {"derivative": "hvp", "direction": {"x": [2, -1]}}),
]  # fmt: skip
"""Cases of higher orders, Jacobians, Hessians and Hessian-vector products."""


@dataclass(frozen=True)
class Trap:
    """A point where TensorFlow, or the function itself, does something unexpected."""

    text: str
    at: dict[str, Any]
    findings: str
    """The findings in reverse mode, as results.csv has them."""
    exact: Any = None
    """The true derivative; None where there is none."""
    settings: dict[str, Any] = field(default_factory=dict)
    forward: str | None = None
    """The findings in forward mode; None where they are the same."""

    def __str__(self) -> str:
        return " ".join([self.text, *map(str, self.settings.values())])


TRAPS = [
    Trap("log(relu(x))", {"x": 3}, "", mpf(1) / 3),  # in the other branch SymPy has a pole
    Trap("sqrt(x**2)", {"x": 3}, "", 0, order(2)),  # and here a delta at 0
    Trap("abs(x)", {"x": 0}, "kink", None, order(2), forward="kink; unconnected"),
    Trap("norm(x)", {"x": [0, 0]}, "kink; not finite", None, {"derivative": "hessian"}),
    Trap("sqrt(x)", {"x": 0}, "infinite slope", "-inf", order(2)),
    Trap("maximum(maximum(maximum(maximum(x, sin(x)), sin(2*x)), sin(3*x)), sin(4*x))", {"x": 10}, "", 1),
    Trap("((3*x)**1000)**1000", {"x": 0}, "", 0),  # SymPy would work out 3**1000000
    Trap("sin(exp(1/x))", {"x": 0}, "undefined; not finite"),
    Trap("where(x > 0, exp(-exp(1/x)), 0)", {"x": 0}, "not finite", 0, forward=""),
    Trap("x + 1e100 - 1e100", {"x": 1}, "", 1, {"dtype": "float64"}),
    Trap("10000000 - x - relu(-x) + relu(x)", {"x": 0}, "wrong", 0),  # its terms are of size 1, its value is not
    Trap("exp(log(x)) - x", {"x": 3}, "", 0),
    Trap("x**2", {"x": 3, "z": 2}, "unconnected", 0, {"wrt": ["z"]}),
    Trap("floor(x)", {"x": 1.5}, "unconnected", 0),
    Trap("x**3", {"x": 2}, "integer input", 12, {"dtype": "int32"}),
    Trap("exp(x)", {"x": 0}, "integer input", 1, {"dtype": "int64"}),
    Trap("relu(x) - relu(-x)", {"x": 0}, "wrong", 1),
    Trap("where(x == 1, x, x**2)", {"x": 1}, "wrong", 2),
    Trap("where(x == 1, x, x**2)", {"x": 1}, "wrong", 2, {"dtype": "float16"}),
    Trap("relu(x) - relu(-x)", {"x": 0}, "wrong", 1, {"dtype": "bfloat16"}),  # no formula tells what 8 bits lose
    Trap("maximum(x, 0)", {"x": 0}, "kink"),
    Trap("abs(x)", {"x": 0}, "kink"),
    Trap("relu(x)", {"x": 0}, "kink"),
    Trap("norm(x)", {"x": [0, 0]}, "kink; not finite"),
    Trap("sign(x)", {"x": 0}, "jump", forward="jump; unconnected"),
    Trap("floor(x)*x", {"x": 2}, "jump"),
    Trap("where(x > 0, log(x), x)", {"x": 0}, "jump; not finite", forward="jump"),
    Trap("where(x > 0, log(x), x)", {"x": -1}, "", 1),
    Trap("where(x == 0, 1, sin(x)/x)", {"x": 0}, "not finite", 0, forward=""),
    Trap("sqrt(x)", {"x": 0}, "infinite slope", "inf"),
    Trap("x**0.25", {"x": 0}, "infinite slope", "inf"),
    Trap("x**x", {"x": 0}, "infinite slope; not finite", "-inf"),
    Trap("x**1.5", {"x": 0}, "edge of the domain", 0),
    Trap("1/x", {"x": 0}, "undefined; not finite"),
    Trap("log(x)", {"x": -1}, "undefined"),
    Trap("abs(sqrt(-1))*x", {"x": 1}, "undefined; not finite"),
    Trap(
        "minimum(-(x**y), y)",
        {"x": -0.75, "y": -1.75},
        "undefined; not finite",
        settings={"wrt": ["x"]},
        forward="undefined",
    ),
    Trap("exp(x)", {"x": 1000}, "overflow; not finite", exp(mpf(1000))),
    Trap("x**2", {"x": 0}, "not finite", 0, order(3)),
    Trap("sigmoid(x)", {"x": 50}, "vanished", sigmoid(mpf(50)) * sigmoid(mpf(-50))),
    Trap("sum(exp(x) - x)", {"x": [0] * 65}, "", 0),  # so many that no formula tells 1e-40 from zero
    Trap("tanh(x)", {"x": 25}, "vanished", 1 / cosh(mpf(25)) ** 2),  # by hand, 1 - tanh(x)**2 loses it as well
    Trap("x**2", {"x": 2.0**-100}, "", mpf(2) ** -99),  # small beside one, but not beside the value
    Trap("abs(x)**1.1", {"x": 0}, "", 0),  # no kink: the quotients are 1e-2, 1e-3, 1e-4
    Trap("x - abs(x)**1.1", {"x": 0}, "", 1),
    Trap("abs(x) + abs(x)**1.1", {"x": 0}, "kink"),
    Trap("x - abs(x)**1.03", {"x": 0}, "unsettled slope"),  # 1, but no quotient shows it
    Trap("where(x == 0, 0, x*sin(1/x))", {"x": 0}, "unsettled slope; not finite", forward="unsettled slope"),
]


@dataclass(frozen=True)
class Beyond:
    """A point where a step of the evaluation is beyond a dtype's range, and the function's derivative is not."""

    text: str
    at: dict[str, Any]
    function: Callable[..., Any]
    """The same function by hand, as in :class:`Case`; without the branch that is not taken."""
    findings: tuple[str, str]
    """The findings in reverse and in forward mode."""
    step: str
    """What the findings that are there say of the step; empty where there are none."""
    dtype: str = "float32"

    def __str__(self) -> str:
        return f"{self.text} at {self.at}"


BOTH_NOT_FINITE = ("not finite", "not finite")

BEYOND = [
    Beyond("where(x > 20, x, log(1 + exp(x)))", {"x": 1000}, lambda x: x, ("not finite", ""),
           "exp(x) overflows, in a branch that is not taken"),
    Beyond("log(1 + exp(x))", {"x": 1000}, lambda x: log(1 + exp(x)), BOTH_NOT_FINITE, "exp(x) overflows"),
    Beyond("log(1 + exp(x))", {"x": 1e5}, lambda x: log(1 + exp(x)), BOTH_NOT_FINITE, "exp(x) overflows"),
    Beyond("log(sum(exp(x)))", {"x": [1000, 1001]}, lambda a, b: log(exp(a) + exp(b)), BOTH_NOT_FINITE,
           "exp(x) overflows", "float64"),
    Beyond("exp(x)/(1 + exp(x))", {"x": 1000}, lambda x: exp(x) / (1 + exp(x)), BOTH_NOT_FINITE, "exp(x) overflows"),
    Beyond("1/(1 + exp(-x))", {"x": -1000}, sigmoid, BOTH_NOT_FINITE, "exp(-x) overflows"),
    Beyond("1/(1 + exp(-x))", {"x": 1000}, sigmoid, ("", ""), ""),
    Beyond("sigmoid(x)", {"x": -1000}, sigmoid, ("", ""), ""),
    Beyond("tanh(x)", {"x": 1000}, tanh, ("", ""), ""),
    Beyond("softplus(x)", {"x": 1000}, lambda x: log(1 + exp(x)), ("", ""), ""),
    Beyond("softplus(x)", {"x": -1000}, lambda x: log(1 + exp(x)), ("", ""), ""),
    Beyond("logsumexp(x)", {"x": [1000, 1001]}, lambda a, b: log(exp(a) + exp(b)), ("", ""), ""),
    Beyond("sqrt(x*x + y*y)", {"x": 1e200, "y": 1e200}, norm, ("wrong", "wrong"), "x*x overflows", "float64"),
    Beyond("sqrt(x*x + y*y)", {"x": 1e30, "y": 1e30}, norm, ("wrong", "wrong"), "x*x overflows"),
    Beyond("sqrt(x*x + y*y)", {"x": 1e-200, "y": 1e-200}, norm, BOTH_NOT_FINITE, "x*x underflows", "float64"),
    Beyond("norm(x)", {"x": [1e30, 1e30]}, norm, ("wrong", "wrong"), "x*x overflows"),
    Beyond("sqrt(exp(-x)**2)", {"x": 60}, lambda x: exp(-x), BOTH_NOT_FINITE, "exp(-x)**2 underflows"),
    Beyond("log(1 - exp(-x))", {"x": 2.0**-100}, lambda x: log(1 - exp(-x)), BOTH_NOT_FINITE, ""),
    Beyond("log(x**y)", {"x": 1e300, "y": 1e300}, lambda x, y: y * log(x), BOTH_NOT_FINITE, "x**y overf", "float64"),
    Beyond("sqrt(x*x)", {"x": 300}, lambda x: x, ("wrong", "wrong"), "x*x overflows", "float16"),
]  # fmt: skip
