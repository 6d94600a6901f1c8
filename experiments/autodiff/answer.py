"""The answer of a run: the results as rows of its tables, and in words."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

import numpy as np

from experiments.autodiff.derivative import GRADIENT, Array, Block, Derivative
from experiments.autodiff.differentiate import FORWARD, REVERSE
from experiments.autodiff.execution_paths import ExecutionPath
from experiments.autodiff.expression import Expression, Number
from experiments.autodiff.findings import Checked
from experiments.autodiff.functions import CONSTANTS
from experiments.autodiff.graph import Drawing
from experiments.autodiff.point import changes, digits_of, in_words, is_beyond_floats, round_number, rounded
from experiments.autodiff.series import Result
from experiments.autodiff.symbolic import DIGITS
from experiments.autodiff.truth import Truth
from experiments.recorder import Row
from experiments.reporting.markdown import markdown_table

MOST_ROWS = 20
"""The note's table has up to this many rows; results.csv has them all."""

MOST_FINDINGS = 10

MOST_CHANGES = 5
"""The note names up to this many numbers that a dtype cannot hold."""


@dataclass
class AutodiffAnswer:
    """One derivative of one expression, and the results so far; that of the asked execution path is the first."""

    expression: Expression
    values: Mapping[str, Array]
    derivative: Derivative
    blocks: list[Block]
    asked: ExecutionPath
    device: str
    """Where TensorFlow computes, such as ``CPU:0``."""
    results: list[Result] = field(default_factory=list)
    numbers: Sequence[Fraction] = ()
    """The numbers of the question as they were written: the expression's, and those of the point and the direction."""
    left_out: Mapping[str, str] = field(default_factory=dict)
    """The dtypes that TensorFlow was not asked in, with the reason."""

    def checked(self, result: Result) -> list[list[Checked]]:
        """Each entry of each block, checked against its truth: one list a block."""
        return [
            [self._check(result, block, entry, truth) for entry, truth in enumerate(truths)]
            for block, truths in zip(result.computed.blocks, result.truths, strict=True)
        ]

    def _check(self, result: Result, block: Array | None, entry: int, truth: Truth) -> Checked:
        found = None if block is None else float(block[entry])
        path = result.path
        problem = "" if path.is_integer else result.computed.problem
        return Checked(found, truth, path.dtype, path.is_integer, problem, result.lost_step)

    def _all(self) -> Iterator[tuple[Result, Block, int, Checked]]:
        for result in self.results:
            for block, checked in zip(self.blocks, self.checked(result), strict=True):
                for entry, one in enumerate(checked):
                    yield result, block, entry, one

    def rows(self) -> list[Row]:
        """The rows of results.csv: one for each entry and execution path."""
        return [
            {
                "variable": block.name,
                "index": block.index(entry),
                "method": result.path.method,
                "mode": result.path.mode,
                "dtype": result.path.dtype,
                "derivative": one.found,
                "exact": _float(one.truth.value),
                "error": _or_none(one.error),
                "tolerance": self._relative_tolerance(one),
                "finding": "; ".join(one.findings),
                "explanation": ". ".join(one.sentences()),
            }
            for result, block, entry, one in self._all()
        ]

    def truth_rows(self) -> list[Row]:
        """The rows of truth.csv: one for each entry and dtype, with all digits and the formula."""
        rows: list[Row] = []
        for result in {result.path.dtype: result for result in reversed(self.results)}.values():
            for block, truths in zip(self.blocks, result.truths, strict=True):
                for entry, truth in enumerate(truths):
                    below, above = truth.sides or (None, None)
                    rows.append(
                        {
                            "variable": block.name,
                            "index": block.index(entry),
                            "dtype": result.path.dtype,
                            "exact": _digits(truth.value),
                            "way": truth.reference,
                            "formula": truth.formula.text if truth.formula else None,
                            "point": truth.point or "plain",
                            "from_below": _float(below),
                            "from_above": _float(above),
                        }
                    )
        return rows

    def findings(self) -> list[str]:
        """``variable: finding (paths)`` for everything that is not as it should be, the asked path's findings first."""
        paths: dict[tuple[str, str], list[ExecutionPath]] = {}
        for result, block, entry, one in self._all():
            for name, sentence in zip(one.findings, one.sentences(), strict=True):
                where = f"{self.derivative.symbol(block.name)}{block.index(entry)}"
                paths.setdefault((f"**{name}**, {where}", sentence), []).append(result.path)
        return [f"{what}: {sentence} ({self._in_words(which)})" for (what, sentence), which in paths.items()]

    def largest_error(self) -> float:
        """The largest error of all paths and entries that could be compared; NaN if there are none."""
        return max((one.error for *_, one in self._all() if not math.isnan(one.error)), default=math.nan)

    def summary(self) -> str:
        """All execution paths in a few words."""
        findings = len(self.findings())
        compared = sum(not math.isnan(one.error) for *_, one in self._all())
        error = f", largest error {_short(self.largest_error())}" if compared else ""
        return f"{len(self.results)} ways{error}, {findings or 'no'} finding{'s' if findings != 1 else ''}"

    def note(self, drawing: Drawing | None = None) -> str:
        """The answer in Markdown, for the run's description."""
        parts = [
            self._headline(),
            self._changes(),
            self._table(),
            self._formulas(),
            self._agreement(),
            self._findings(),
        ]
        if drawing is not None:
            parts.append(_about(drawing))
        return "\n\n".join(part for part in parts if part)

    def _headline(self) -> str:
        dtype = self.asked.dtype
        constants = {one.text: round_number(CONSTANTS[one.text], dtype) for one in self._named_constants()}
        point = {**rounded(self.values, dtype), **constants}
        where = ", ".join(f"{name} = {_array(value, dtype)}" for name, value in point.items())
        value = self.results[0].computed.value
        y = "" if value is None else f" = {_array(value if len(value) > 1 else value[0])}"
        return f"`y = {self.expression.text}`{y} at {where} (TensorFlow: {self.asked}, {self.device})"

    def _named_constants(self) -> list[Number]:
        return [one for one in self.expression.constants if one.text in CONSTANTS]

    def _changes(self) -> str:
        """Which numbers become others by rounding, and which dtypes are left out for their range."""
        found = {result.path.dtype: changes(self.numbers, result.path.dtype) for result in self.results}
        lines = [
            f"{dtype} holds {', '.join(f'{number} as {held}' for number, held in list(changed.items())[:MOST_CHANGES])}"
            f"{', and more' if len(changed) > MOST_CHANGES else ''}."
            for dtype, changed in found.items()
            if changed
        ]
        return " ".join([*lines, *(f"{dtype} is left out: {why}." for dtype, why in self.left_out.items())])

    def _table(self) -> str:
        rows: list[dict[str, str]] = []
        for block, checked in zip(self.blocks, self.checked(self.results[0]), strict=True):
            for entry, one in enumerate(checked[: MOST_ROWS - len(rows)]):
                rows.append(
                    {
                        "derivative": f"{self.derivative.symbol(block.name)}{block.index(entry)}",
                        "TensorFlow": "None" if one.found is None else f"{one.found:.9g}",
                        "exact": _exact(one.truth.value),
                        "error": _short(one.error),
                        "tolerance": _short(self._relative_tolerance(one)),
                        "finding": "; ".join(one.findings) or "-",
                    }
                )
        left = sum(len(block.entries) for block in self.blocks) - len(rows)
        return markdown_table(rows) + (f"\n\nand {left} more in results.csv" if left > 0 else "")

    def _formulas(self) -> str:
        lines: list[str] = []
        for block, truths in zip(self.blocks, self.results[0].truths, strict=True):
            for entry, truth in enumerate(truths[: 6 - len(lines)]):
                if truth.formula and truth.formula.is_short:
                    symbol = f"{self.derivative.symbol(block.name)}{block.index(entry)}"
                    lines.append(f"- `{symbol} = {truth.formula.text}`")
        references = (truth.reference for truths in self.results[0].truths for truth in truths)
        reference = next(filter(None, references), "")
        found = f"Exact values by {reference}." if reference else ""
        return "\n".join([*(["By hand (SymPy):", "", *lines, ""] if lines else []), found])

    def _agreement(self) -> str:
        if len(self.results) == 1:
            return ""
        paths = [result.path for result in self.results]
        what = [dict.fromkeys(names) for names in zip(*((w.method, w.mode, w.dtype) for w in paths), strict=True)]
        return (
            f"Computed in {self.summary()}: {'; '.join(', '.join(names) for names in what)}; each dtype "
            "against the truth at the point as that dtype holds it."
        )

    def _findings(self) -> str:
        findings = self.findings()
        if not findings:
            return ""
        more = [f"- and {len(findings) - MOST_FINDINGS} more in results.csv"] if len(findings) > MOST_FINDINGS else []
        return "\n".join(["Findings:", "", *(f"- {finding}" for finding in findings[:MOST_FINDINGS]), *more])

    def _in_words(self, paths: list[ExecutionPath]) -> str:
        every = [result.path for result in self.results]
        if len(paths) == len(every):
            return "in all ways" if len(every) > 1 else str(every[0])
        for count in (1, 2):
            for names in itertools.combinations((paths[0].method, paths[0].mode, paths[0].dtype), count):
                if [path for path in every if set(names) <= {path.method, path.mode, path.dtype}] == paths:
                    return (
                        f"{names[0]} mode" if names in [(REVERSE,), (FORWARD,)] else f"all ways in {', '.join(names)}"
                    )
        return f"{len(paths)} of {len(every)} ways, such as {paths[0]}"

    @staticmethod
    def _relative_tolerance(one: Checked) -> float | None:
        """The tolerance in the unit of the error: relative, or absolute where the truth is zero."""
        if math.isnan(one.tolerance):
            return None
        return float(one.tolerance / one.truth.unit(one.dtype))

    @property
    def is_curve(self) -> bool:
        """Whether the first block is a single first derivative, so that it is the slope of a curve."""
        first = self.blocks[0]
        return self.derivative.kind == GRADIENT and self.derivative.order == 1 and not first.shape


def _about(drawing: Drawing) -> str:
    hint = f" {drawing.hint}." if drawing.hint else ""
    return (
        f"The computational graph of value and derivatives has {drawing.nodes} operations as traced and "
        f"{drawing.optimised_nodes} as TensorFlow runs it (plots/graph.png, graph/).{hint}"
    )


def _digits(value: Any) -> str | None:
    import mpmath

    return None if value is None else mpmath.nstr(value, DIGITS) if isinstance(value, mpmath.mpf) else repr(value)


def _short(value: float | None) -> str:
    return "-" if value is None or math.isnan(value) else f"{value:.2g}"


def _or_none(value: float) -> float | None:
    return None if math.isnan(value) else value


def _float(value: Any) -> float | str | None:
    """A true value as a float; in words where floats have none for it, as for exp(1000)."""
    if value is None:
        return None
    return digits_of(value, 17) if is_beyond_floats(value) else float(value)


def _exact(value: Any) -> str:
    found = _float(value)
    return "none" if found is None else found if isinstance(found, str) else f"{found:.17g}"


def _array(value: Any, dtype: str = "") -> str:
    """A number, or an array of up to nine; with as many digits as ``dtype`` needs, or else nine."""
    array = np.asarray(value)
    if array.size > 9:
        return f"{list(array.shape)} numbers"
    number = (lambda x: in_words(float(x), dtype)) if dtype else (lambda x: f"{x:.9g}")
    return np.array2string(array, separator=", ", formatter={"float_kind": number}).replace("\n", "")
