"""Compare TensorFlow's derivatives, and the package's exact values, with mpmath's own at fifty digits."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from dataclasses import dataclass
from itertools import product
from typing import Any

import mpmath
import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from experiments.autodiff import Autodiff
from experiments.autodiff.arithmetic import shape_of
from experiments.autodiff.derivative import Block, Derivative
from experiments.autodiff.execution_paths import ExecutionPath, compute
from experiments.autodiff.findings import Checked
from experiments.autodiff.functions import FUNCTIONS, OPERATORS
from experiments.autodiff.grammar import parse
from experiments.autodiff.point import as_array
from experiments.autodiff.truth import Reference
from experiments.runtime import device
from experiments.runtime.modes import MODES
from experiments.validators import InvalidField
from tests.experiments.autodiff_table import BEYOND, GRADIENTS, OTHERS, TRAPS, Case

DIGITS = 50

METHODS = ("reverse", "forward")

LARGEST_ERROR = {"float32": 5e-6, "float64": 1e-14}
"""The largest relative error of each dtype, or absolute error where the derivative is zero."""

TABLE = [*GRADIENTS, *OTHERS]


@dataclass(frozen=True)
class Entry:
    """One number of a derivative: what TensorFlow says on one execution path, and the package's truth."""

    block: Block
    number: int
    path: ExecutionPath
    checked: Checked


def entries(case: Case, dtypes: tuple[str, ...] = tuple(LARGEST_ERROR)) -> list[Entry]:
    """All numbers of a case's derivative, by each dtype and method."""
    expression = parse(case.text)
    kind, order = case.settings.get("derivative", "gradient"), case.settings.get("order", 1)
    values = {name: as_array(value) for name, value in case.at.items()}
    direction = {name: as_array(value) for name, value in case.settings.get("direction", {}).items()}
    derivative = Derivative(kind, order, tuple(case.settings.get("wrt", case.at)), direction)
    blocks = derivative.blocks(values, shape_of(expression, values))
    reference = Reference(expression, values, order, sum(len(block.entries) for block in blocks))
    truths = [[reference.of(entry) for entry in block.entries] for block in blocks]
    found = []
    for path in (ExecutionPath(method, "eager", dtype) for dtype, method in product(dtypes, METHODS)):
        computed = compute(expression, values, derivative, path)
        for block, numbers, exact in zip(blocks, computed.blocks, truths, strict=True):
            for number, truth in enumerate(exact):
                value = None if numbers is None else float(numbers[number])
                found.append(Entry(block, number, path, Checked(value, truth, path.dtype)))
    return found


def by_mpmath(case: Case, block: Block, number: int) -> Any:
    """The entry as mpmath differentiates it numerically, from the function written by hand."""
    numbers = {name: np.ravel(value).tolist() for name, value in case.at.items()}
    names = [(name, element) for name, elements in numbers.items() for element in range(len(elements))]
    point = [mpmath.mpf(x) for elements in numbers.values() for x in elements]
    kind, output = case.settings.get("derivative", "gradient"), 0
    if kind == "hessian":
        v, w = block.name.split(".")
        i, j = divmod(number, len(numbers[w]))
        return partial(case, point, 0, [names.index((v, i)), names.index((w, j))])
    if kind == "jacobian":
        output, number = divmod(number, len(numbers[block.name]))
    along = names.index((block.name, number))
    if kind == "hvp":
        direction = [x for name in case.at for x in np.ravel(case.settings["direction"][name]).tolist()]
        return sum(x * partial(case, point, 0, [along, other]) for other, x in enumerate(direction))
    return partial(case, point, output, [along] * case.settings.get("order", 1))


def partial(case: Case, point: list[Any], output: int, variables: list[int]) -> Any:
    def element(*numbers: Any) -> Any:
        value = case.function(*numbers)
        return value[output] if isinstance(value, list) else value

    return mpmath.diff(element, tuple(point), tuple(variables.count(number) for number in range(len(point))))


def close(value: Any, wanted: Any, relative: float) -> bool:
    return bool(abs(value - wanted) <= relative * (abs(wanted) or 1))


@pytest.mark.parametrize("case", TABLE, ids=str)
def test_a_derivative_of_the_table(on_device, case):
    with mpmath.workdps(DIGITS):
        for entry in entries(case):
            one, wanted = entry.checked, by_mpmath(case, entry.block, entry.number)
            where = (entry.block.name, entry.number, str(entry.path), one.found, wanted)
            assert close(one.truth.value, wanted, 1e-30), where
            unconnected = one.found is None and wanted == 0
            assert unconnected or close(one.found, wanted, LARGEST_ERROR[entry.path.dtype]), where
            assert one.findings == (["unconnected"] if unconnected else []), where


def test_the_table_has_every_operator_and_function():
    written = " ".join(case.text for case in TABLE)
    assert [name for name in FUNCTIONS if f"{name}(" not in written] == []
    assert [sign for sign in OPERATORS if sign not in written and sign != "negative"] == []
    assert len(TABLE) + len(TRAPS) >= 60
    assert {case.settings.get("order", 1) for case in TABLE} == {1, 2, 3, 4, 5}


@pytest.mark.parametrize("dtype", LARGEST_ERROR)
@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("trap", TRAPS, ids=str)
def test_a_trap_is_named(on_device, recorder, trap, method, dtype):
    chosen = {"dtype": dtype, "method": method, "all_ways": False, **trap.settings}
    Autodiff(expression=trap.text, at=trap.at, **chosen).run(recorder)
    wanted = trap.forward if method == "forward" and trap.forward is not None else trap.findings
    for row, truth in zip(recorder.tables["results"], recorder.tables["truth"], strict=True):
        assert row["finding"] == wanted
        assert (truth["exact"] is None) == (trap.exact is None)
        with mpmath.workdps(DIGITS):
            if trap.exact in ("inf", "-inf"):
                assert row["exact"] == float(trap.exact)
            elif trap.exact is not None:
                assert close(mpmath.mpf(truth["exact"]), trap.exact, 1e-14)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("point", BEYOND, ids=str)
def test_the_truth_knows_no_overflow(on_device, recorder, point, method):
    """The derivative is mpmath's; what TensorFlow makes of the step is named, with the step."""
    Autodiff(expression=point.text, at=point.at, dtype=point.dtype, method=method, all_ways=False).run(recorder)
    names = {name: np.ravel(value) for name, value in point.at.items()}
    with mpmath.workdps(1000):
        by_hand = Case(point.text, names, point.function)
        held = [mpmath.mpf(float(np.dtype(point.dtype).type(x))) for value in names.values() for x in value]
        for number, truth in enumerate(recorder.tables["truth"]):
            wanted = partial(by_hand, held, 0, [number])
            assert abs(mpmath.mpf(truth["exact"]) - wanted) <= 1e-30 * abs(wanted) + mpmath.mpf("1e-400")
    for row in recorder.tables["results"]:
        assert row["finding"] == point.findings[METHODS.index(method)]
        assert point.step in row["explanation"] or not row["finding"]


@pytest.mark.parametrize("method", METHODS)
def test_digits_that_cancel_are_told_of(on_device, recorder, method):
    """In float64 TensorFlow has 1e8 for -1e-9, and rounding alone explains it."""
    Autodiff(expression="(1 - cos(x)) / x**2", at={"x": 1e-8}, dtype="float64", method=method).run(recorder)
    row = recorder.tables["results"][0]
    assert row["finding"] == "cancelled"
    assert row["exact"] == pytest.approx(-1e-8 / 12, rel=1e-12)
    assert row["error"] > 1


def test_a_direction_is_what_the_dtype_has_for_it(on_device, recorder):
    """0.1 + 0.2 - 0.3 is not 0 in float32, and another number in float64."""
    chosen = {"derivative": "hvp", "direction": {"x": [0.1, 0.2, -0.3]}, "dtype": "float64"}
    Autodiff(expression="sum(x)**2", at={"x": [1, 1, 1]}, **chosen).run(recorder)
    exact = {row["dtype"]: float(row["exact"]) for row in recorder.tables["truth"]}
    assert exact["float32"] == 2 * float(np.float32(0.1).astype(float) + np.float32(0.2) - float(np.float32(0.3)))
    assert exact["float64"] != exact["float32"]
    assert not any("wrong" in row["finding"] for row in recorder.tables["results"])


def test_integers_are_asked_too(on_device, recorder):
    Autodiff(expression="x**3", at={"x": 2}, dtype="int32", all_ways=False).run(recorder)
    assert recorder.metrics["value", 0] == 8


@pytest.mark.parametrize(
    "text",
    ["sum(relu(x))", "sum(abs(x))", "sum(x**101) + sum(relu(x))", "1e-5*sum(abs(x))", "1e-5*sum(relu(x))"],
)
def test_kinks_that_nobody_can_look_for_are_unchecked(on_device, recorder, text):
    """With so many elements, hundreds of digits would take minutes."""
    Autodiff(expression=text, at={"x": [0] * 300}, all_ways=False).run(recorder)
    assert {row["finding"] for row in recorder.tables["results"]} == {"unchecked"}


@pytest.mark.parametrize(
    ("text", "finding"),
    [("1e-16*(relu(x) - relu(-x))", "wrong"), ("1e-20*abs(x)", "kink"), ("1e-20*sin(x)", "")],
)
def test_the_unit_of_a_function_does_not_matter(on_device, recorder, text, finding):
    """Boltzmann's constant is 1e-23."""
    Autodiff(expression=text, at={"x": 0}, dtype="float64", all_ways=False).run(recorder)
    assert {row["finding"] for row in recorder.tables["results"]} == {finding}


def test_a_formula_at_a_kink_that_nobody_can_look_for_is_not_believed(on_device, recorder):
    """SymPy's has the slope on the right."""
    text = "sum(abs(x)+x**2+x**3+x**4+x**5+x**6+x**7)"
    Autodiff(expression=text, at={"x": [0] * 64}, all_ways=False).run(recorder)
    assert {row["finding"] for row in recorder.tables["results"]} == {"unchecked"}


@pytest.mark.parametrize("text", ["sum(exp(x) - x)", "sum(x**3)", "1e-5*sum(sin(x))", "1e5*sum(cos(x))"])
def test_a_smooth_function_is_no_kink_however_small_its_slope(on_device, recorder, text):
    Autodiff(expression=text, at={"x": [0] * 300}, all_ways=False).run(recorder)
    assert {row["finding"] for row in recorder.tables["results"]} == {""}


@pytest.mark.parametrize("dtype", LARGEST_ERROR)
def test_the_textbooks_derivative_is_ten_in_every_way(on_device, recorder, dtype):
    Autodiff(dtype=dtype).run(recorder)
    rows = recorder.tables["results"]
    assert {(row["method"], row["mode"], row["dtype"]) for row in rows} == set(product(METHODS, MODES, LARGEST_ERROR))
    for row in rows:
        assert (row["variable"], row["derivative"], row["exact"], row["error"]) == ("w", 10.0, 10.0, 0.0)
        assert row["finding"] == ""


@dataclass(frozen=True)
class Written:
    """A part of an expression, and the function that it is for mpmath."""

    text: str
    function: Callable[[Any, Any], Any]


def constant(quarters: int) -> Written:
    return Written(f"{quarters / 4}", lambda x, y: mpmath.mpf(quarters) / 4)


def call(name: str, function: Callable[..., Any]) -> Callable[..., Written]:
    def written(*arguments: Written) -> Written:
        values = [argument.function for argument in arguments]
        text = f"{name}({', '.join(argument.text for argument in arguments)})"
        return Written(text, lambda x, y: function(*(value(x, y) for value in values)))

    return written


def between(sign: str, function: Callable[..., Any]) -> Callable[..., Written]:
    return lambda a, b: Written(
        f"({a.text}) {sign} ({b.text})", lambda x, y: function(a.function(x, y), b.function(x, y))
    )


UNARY = [
    *(call(name, getattr(mpmath, name)) for name in ("atan", "cos", "erf", "exp", "log", "sin", "sqrt", "tan", "tanh")),
    *(call(name, getattr(mpmath, name)) for name in ("asin", "acos", "cosh", "sinh", "expm1", "log1p")),
    call("sigmoid", lambda u: 1 / (1 + mpmath.exp(-u))),
    call("softplus", lambda u: mpmath.log(1 + mpmath.exp(u))),
    lambda a: Written(f"-({a.text})", lambda x, y: -a.function(x, y)),
]

BINARY = [
    between("+", lambda a, b: a + b),
    between("-", lambda a, b: a - b),
    between("*", lambda a, b: a * b),
    between("/", lambda a, b: a / b),
    between("**", lambda a, b: mpmath.exp(b * mpmath.log(a))),
    call("maximum", lambda a, b: a if a.real >= b.real else b),
    call("minimum", lambda a, b: a if a.real <= b.real else b),
]


def grown(parts: st.SearchStrategy[Written]) -> st.SearchStrategy[Written]:
    def made(makers: list[Callable[..., Written]], *operands: st.SearchStrategy[Written]) -> st.SearchStrategy[Written]:
        return st.builds(lambda make, *arguments: make(*arguments), st.sampled_from(makers), *operands)

    return made(UNARY, parts) | made(BINARY, parts, parts)


VARIABLES = st.sampled_from([Written("x", lambda x, y: x), Written("y", lambda x, y: y)])

EXPRESSIONS = st.recursive(VARIABLES | st.integers(1, 12).map(constant), grown, max_leaves=6)

QUARTERS = st.integers(-8, 8).map(lambda number: number / 4)


def check(expression: Written, x: float, y: float, order: int) -> None:
    """TensorFlow is right within the package's tolerance, and the package within 1e-25."""
    case = Case(expression.text, {"x": x, "y": y}, expression.function, {"order": order, "wrt": ["x"]})
    with mpmath.workdps(DIGITS):
        try:
            value, wanted = expression.function(mpmath.mpf(x), mpmath.mpf(y)), by_mpmath(case, Block("x", (), ()), 0)
        except (ValueError, ZeroDivisionError, OverflowError):
            assume(False)
        assume(all(isinstance(number, mpmath.mpf) and abs(number) < 1e6 for number in (value, wanted)))
        for entry in entries(case, ("float64",)):
            one = entry.checked
            if one.truth.point:
                continue
            assert abs(one.truth.value - wanted) <= 1e-25 * max(1, abs(wanted)), (one.truth.value, wanted)
            is_zero = abs(wanted) < 1e-40  # mpmath's differences leave as much
            where = (str(entry.path), one.found, wanted, one.tolerance)
            if is_zero and one.found:  # SymPy sees that cos(acos(x)) is x; TensorFlow's steps leave their rounding
                assert abs(one.found) < 1e-12, where
            else:
                assert one.findings in ([], ["unconnected"] if is_zero else []), where


@pytest.mark.usefixtures("_tensorflow")
@settings(max_examples=60, deadline=None, derandomize=True)
@given(EXPRESSIONS, QUARTERS, QUARTERS, st.integers(1, 2))
def test_an_expression_of_the_grammar(expression, x, y, order):
    with device.scope():
        check(expression, x, y, order)


@pytest.mark.parametrize(
    ("text", "exact"),
    [
        ("sin(exp(x))", lambda x: mpmath.cos(mpmath.exp(x)) * mpmath.exp(x)),
        ("floor(exp(x))*x", lambda x: mpmath.floor(mpmath.exp(x))),
    ],
)
def test_what_changes_within_the_smallest_step_is_looked_at_from_closer_by(on_device, recorder, text, exact):
    Autodiff(expression=text, at={"x": 200}, dtype="float64", all_ways=False).run(recorder)
    (truth,) = recorder.tables["truth"]
    with mpmath.workdps(300):
        assert close(mpmath.mpf(truth["exact"]), exact(200), 1e-30)
    assert truth["point"] == "plain"


def test_digits_that_nobody_has_are_unchecked(on_device, recorder):
    """Here 43,000 digits cancel; without them the difference is 0, and its logarithm not defined."""
    Autodiff(expression="log((exp(x) + x) - exp(x))", at={"x": 100_000}, all_ways=False).run(recorder)
    (row,) = recorder.tables["results"]
    assert (row["exact"], row["finding"]) == (None, "not finite")


@pytest.mark.parametrize(
    ("at", "says"),
    [
        ({"x": 1e39}, "1e+39 is beyond the largest number of float32"),
        ({"x": -(10**20), "dtype": "float16"}, "1e+20 is beyond the largest number of float16"),
    ],
)
def test_a_point_that_the_dtype_has_no_number_for_is_refused(at, says):
    dtype = at.pop("dtype", "float32")
    with pytest.raises(InvalidField, match=re.escape(says)):
        Autodiff(expression="x", at=at, dtype=dtype)


@pytest.mark.parametrize(
    ("expression", "x", "dtype", "says"),
    [
        ("x", 16777217, "float32", ["` = 16777216 at x = 16777216 (", "float32 holds 16777217 as 16777216."]),
        ("x", 9007199254740993, "float64", ["at x = 9007199254740992", "float64 holds 9007199254740993 as 900"]),
        ("x", 0.1, "float32", ["at x = 0.1 ("]),
        ("x", 100000000000000000000, "float64", ["at x = 100000000000000000000 ("]),
        ("log(x + 1e-8)", 0, "float16", ["float16 holds 1e-08 as 0."]),
        ("x + 1e-7", 1, "float16", ["float16 holds 1e-07 as 1.19e-07."]),
        ("x*2049", 1, "float16", ["float16 holds 2049 as 2048."]),
        ("x*1e39", 1, "float64", ["float32 is left out: 1e+39 is beyond the largest number of float32."]),
        ("sin(pi*x)", 1, "float32", ["at x = 1, pi = 3.1415927 (", "| dy/dx ", " -3.14159274 | -3.1415927410"]),
    ],
)
def test_the_note_says_what_a_dtype_makes_of_a_number(on_device, recorder, expression, x, dtype, says):
    Autodiff(expression=expression, at={"x": x}, dtype=dtype, all_ways="left out" in says[0]).run(recorder)
    for words in says:
        assert words in recorder.notes[-1]


def test_what_a_dtype_holds_as_usual_is_not_told(on_device, recorder):
    Autodiff(expression="0.1*x**2 + 0.3", at={"x": 0.7}).run(recorder)
    assert "float32 holds" not in recorder.notes[-1]


@pytest.mark.parametrize(
    ("expression", "at", "slope"),
    [
        ("log(x)", {"x": 10**20}, 1e-20),
        ("sin(pi*x)", {"x": 1}, -math.pi),
        ("e**x", {"x": 1}, math.e),
        ("x*e", {"x": 1, "e": 3}, 3),
        ("erf(pi)", {"pi": 0.5}, 2 / math.sqrt(math.pi) * math.exp(-0.25)),
        ("mpf**2/3", {"mpf": 3}, 2),
        ("E*I*S", {"E": 2, "I": 3, "S": 5}, 15),
        ("gamma*lambda_**beta", {"gamma": 2, "lambda_": 3, "beta": 2}, 9),
    ],
)
def test_names_and_numbers_mean_what_they_say(on_device, recorder, expression, at, slope):
    """Also where SymPy, mpmath or Python have something else of that name."""
    Autodiff(expression=expression, at=at, dtype="float64", all_ways=False).run(recorder)
    row = recorder.tables["results"][0]
    assert row["exact"] == pytest.approx(slope, rel=1e-15)
    assert row["finding"] == ""
