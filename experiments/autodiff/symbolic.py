"""Derivatives as formulas by SymPy, evaluated at fifty digits by mpmath."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from experiments.autodiff.arithmetic import TooLarge, in_sympy, symbol_of
from experiments.autodiff.derivative import Array, Entry
from experiments.autodiff.expression import Expression

DIGITS = 50

MOST_OPERATIONS = 5000
"""The limit for all formulas together; larger ones nobody reads, and SymPy takes minutes for them."""

LONGEST = 120
"""Formulas of up to this many characters are shown."""


class Formulas:
    """The expression and its derivatives in symbols; each element of an array is a symbol such as ``x[0]``."""

    def __init__(self, expression: Expression, values: Mapping[str, Array]) -> None:
        """Raises TooLarge where the expression is too much for SymPy."""
        self._symbols = {name: _symbols(name, value) for name, value in values.items()}
        self._values = [float(x) for value in values.values() for x in np.ravel(value)]
        self._constants = {symbol_of(one): float(one.value) for one in expression.constants if one.text}
        value = in_sympy().evaluate(expression, self._symbols)
        self._outputs = np.ravel(np.asarray(value, dtype=object))
        self._operations = 0

    def derivative(self, entry: Entry) -> Formula:
        """The formula of one entry. Raises TooLarge where it has too many terms."""
        import sympy

        if self._operations > MOST_OPERATIONS:
            raise TooLarge("the formulas have too many terms")
        formula = sympy.sympify(self._outputs[entry.output])  # a bare number, if the expression is one
        for direction in entry.directions:
            terms = [
                self._coefficient(float(change)) * sympy.diff(formula, symbol)
                for name, changes in direction.items()
                for symbol, change in zip(np.ravel(self._symbols[name]), np.ravel(changes), strict=True)
                if change
            ]
            formula = sympy.Add(*terms)
            if (operations := int(sympy.count_ops(formula))) > MOST_OPERATIONS:
                raise TooLarge("the formula has too many terms")
        self._operations += operations
        values = [*self._values, *self._constants.values()]
        return Formula(_in_real_numbers(formula), self._all_symbols(), values)

    def _coefficient(self, change: float) -> Any:
        """A direction's component as a symbol, so that SymPy does not add exactly where TensorFlow rounds."""
        import sympy

        if change.is_integer():
            return sympy.Integer(int(change))
        symbol = sympy.Symbol(repr(abs(change)), positive=True)
        self._constants[symbol] = abs(change)
        return symbol if change > 0 else -symbol

    def _all_symbols(self) -> list[Any]:
        return [*(symbol for symbols in self._symbols.values() for symbol in np.ravel(symbols)), *self._constants]


class Formula:
    """One derivative in symbols, and the values of the symbols at the point."""

    def __init__(self, formula: Any, symbols: list[Any], values: list[float]) -> None:
        import mpmath
        import sympy

        self.text = str(formula)
        self._arguments = [mpmath.mpf(value) for value in values]  # exact: only the steps are rounded, not the point
        self._rounded: dict[int, Any] = {}
        self._value: Any = None
        hidden = {symbol: symbol.as_dummy() for symbol in symbols}  # a variable may be called pi, mpf or cos
        self._evaluate = sympy.lambdify([*hidden.values()], formula.xreplace(hidden), "mpmath", cse=True)

    @property
    def is_short(self) -> bool:
        return len(self.text) <= LONGEST

    def value(self) -> Any:
        """The value to :data:`DIGITS` digits, as mpmath's number; NaN without a real one, or where too much cancels."""
        if self._value is None:
            self._value = self._converged()
        return self._value

    def _converged(self) -> Any:
        import mpmath

        value = self._with_digits(2 * DIGITS)
        for digits in (4 * DIGITS, 8 * DIGITS, 16 * DIGITS, 32 * DIGITS):  # cancellation consumes digits
            coarser, value = value, self._with_digits(digits)
            if not mpmath.isfinite(value) or abs(value - coarser) <= abs(value) * mpmath.mpf(10) ** -DIGITS:
                return value
        return mpmath.nan if abs(value) > mpmath.mpf(10) ** (-6 * DIGITS) else mpmath.mpf(0)  # all of it cancels

    def _with_digits(self, digits: int) -> Any:
        import mpmath

        with mpmath.workdps(digits):
            return self._at_the_point()

    def rounded(self, bits: int) -> Any:
        """The value with each step of the formula rounded to ``bits`` bits."""
        import mpmath

        if bits not in self._rounded:
            with mpmath.workprec(bits):
                self._rounded[bits] = self._at_the_point()
        return self._rounded[bits]

    def _at_the_point(self) -> Any:
        import mpmath

        try:
            value = mpmath.mpmathify(self._evaluate(*self._arguments))
        except (ValueError, ZeroDivisionError, TypeError, OverflowError):  # TypeError: complex numbers have no order
            return mpmath.nan
        return value if isinstance(value, mpmath.mpf) else mpmath.nan


def _in_real_numbers(formula: Any) -> Any:
    """The formula with NaN for SymPy's complex infinity and for the infinite value of a Dirac delta."""
    import sympy

    nowhere_else = sympy.Lambda(delta := sympy.Dummy(), sympy.Piecewise((sympy.nan, sympy.Eq(delta, 0)), (0, True)))
    return formula.xreplace({sympy.zoo: sympy.nan}).replace(sympy.DiracDelta, lambda x, *order: nowhere_else(x))


def _symbols(name: str, value: Array) -> Any:
    import sympy

    if value.ndim == 0:
        return sympy.Symbol(name, real=True)
    found = np.empty(value.shape, dtype=object)
    for index in np.ndindex(value.shape):
        found[index] = sympy.Symbol(f"{name}[{','.join(map(str, index))}]", real=True)
    return found
