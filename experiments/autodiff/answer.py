"""The answer of a run: the results as rows of its tables, and in words."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from experiments.autodiff.derivative import GRADIENT, Array, Block, Derivative
from experiments.autodiff.execution_paths import Computed, ExecutionPath
from experiments.autodiff.expression import Expression
from experiments.autodiff.findings import Checked
from experiments.autodiff.graph import Drawing
from experiments.autodiff.symbolic import DIGITS
from experiments.autodiff.truth import Truth
from experiments.recorder import Row
from experiments.reporting.markdown import markdown_table

MOST_ROWS = 20
"""The note's table has up to this many rows; results.csv has them all."""

MOST_FINDINGS = 10


@dataclass(frozen=True)
class Result:
    """What TensorFlow computed on one execution path, and the truth at the point as that path's dtype holds it."""

    path: ExecutionPath
    computed: Computed
    truths: list[list[Truth]]


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

    def checked(self, result: Result) -> list[list[Checked]]:
        """Each entry of each block, checked against its truth: one list a block."""
        return [
            [self._check(result, block, entry, truth) for entry, truth in enumerate(truths)]
            for block, truths in zip(result.computed.blocks, result.truths, strict=True)
        ]

    def _check(self, result: Result, block: Array | None, entry: int, truth: Truth) -> Checked:
        found = None if block is None else float(block[entry])
        path = result.path
        return Checked(found, truth, path.dtype, path.is_integer, "" if path.is_integer else result.computed.problem)

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
                "exact": None if one.truth.value is None else float(one.truth.value),
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
                            "from_below": below,
                            "from_above": above,
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
        parts = [self._headline(), self._table(), self._formulas(), self._agreement(), self._findings()]
        if drawing is not None:
            parts.append(_about(drawing))
        return "\n\n".join(part for part in parts if part)

    def _headline(self) -> str:
        point = ", ".join(f"{name} = {_array(value)}" for name, value in self.values.items())
        value = self.results[0].computed.value
        y = "" if value is None else f" = {_array(value if len(value) > 1 else value[0])}"
        return f"`y = {self.expression.text}`{y} at {point} (TensorFlow: {self.asked}, {self.device})"

    def _table(self) -> str:
        rows: list[dict[str, str]] = []
        for block, checked in zip(self.blocks, self.checked(self.results[0]), strict=True):
            for entry, one in enumerate(checked[: MOST_ROWS - len(rows)]):
                rows.append(
                    {
                        "derivative": f"{self.derivative.symbol(block.name)}{block.index(entry)}",
                        "TensorFlow": "None" if one.found is None else f"{one.found:.9g}",
                        "exact": "none" if one.truth.value is None else f"{float(one.truth.value):.17g}",
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
        for names in ({path.method for path in paths}, {path.dtype for path in paths}, {path.mode for path in paths}):
            (name, *others) = names
            if not others and sum(name in (path.method, path.dtype, path.mode) for path in every) == len(paths):
                return f"all ways in {name}" if name not in ("reverse", "forward") else f"{name} mode"
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


def _array(value: Any) -> str:
    array = np.asarray(value)
    if array.size > 9:
        return f"{list(array.shape)} numbers"
    return np.array2string(array, separator=", ", formatter={"float_kind": lambda x: f"{x:.9g}"}).replace("\n", "")
