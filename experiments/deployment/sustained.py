"""Which rates of requests a backend sustains: those with the 99th percentile below a bound, by verdicts."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from math import isnan

from experiments.deployment.backend_result import BackendResult
from experiments.measure.log_ratio import verdicts
from experiments.measure.verdict import TimeRatio, Verdict, time_ratio, what_decides
from experiments.recorder import Cell
from experiments.reporting.markdown import markdown_table
from experiments.reporting.text import duration

IN_WORDS = {
    Verdict.FASTER: "sustained",
    Verdict.SLOWER: "not sustained",
    Verdict.SAME: "at the bound",
    Verdict.UNSURE: "unsure",
}


@dataclass(frozen=True)
class Sustained:
    """The backends under load, and the bound of their 99th percentile."""

    results: Sequence[BackendResult]
    p99_ms: float

    @cached_property
    def _ratios(self) -> Mapping[tuple[str, int], TimeRatio]:
        """(backend, rate) -> p99 over the bound; none where there is a single process."""
        return {
            (result.backend.name, rate): time_ratio(found_ms, [self.p99_ms] * len(found_ms))
            for result in self.results
            for rate, found in result.under_load.items()
            if len(found_ms := list(found.p99_ms.by_process.values())) > 1
        }

    @cached_property
    def verdicts(self) -> Mapping[tuple[str, int], Verdict]:
        """(backend, rate) -> the verdict on p99 beside the bound; none where there is a single process."""
        return dict(zip(self._ratios, verdicts(list(self._ratios.values())), strict=True))

    def highest(self, result: BackendResult) -> int | None:
        """Return the highest rate that is sustained, with all lower ones, for certain; None for none."""
        best = None
        for rate in sorted(result.under_load):
            if self.verdicts.get((result.backend.name, rate)) is not Verdict.FASTER:
                break
            best = rate
        return best

    def rows(self) -> Iterator[dict[str, Cell]]:
        """Yield one row for each backend and rate."""
        for result in self.results:
            for rate, found in result.under_load.items():
                low, high = (None if isnan(end) else end for end in found.p99_ms.interval)
                verdict = self.verdicts.get((result.backend.name, rate))
                yield {
                    "way": result.backend.name,
                    "requests_per_s": rate,
                    "p50_ms": found.p50_ms.value,
                    "p99_ms": found.p99_ms.value,
                    "p99_ms_low": low,
                    "p99_ms_high": high,
                    "processes": len(found.p99_ms.by_process),
                    "requests": found.requests,
                    "unanswered": found.unanswered,
                    "verdict": IN_WORDS[verdict] if verdict else "one process",
                }

    def note(self) -> list[str]:
        """Return paragraphs of a note; none where there was no load."""
        if not any(result.under_load for result in self.results):
            return []
        bound = duration(self.p99_ms / 1e3)
        undecided = sum(verdict in (Verdict.UNSURE, Verdict.SAME) for verdict in self.verdicts.values())
        needed = [
            self._ratios[pair].processes_among(undecided)
            for pair, verdict in self.verdicts.items()
            if verdict is Verdict.UNSURE
        ]
        return [
            "Under load, with requests of one example that arrive as a Poisson process: the 99th percentile of the "
            f"time from arrival to answer, and whether it is certainly below {bound}",
            markdown_table([self._table_row(result) for result in self.results]),
            "The time counts from when a request was to arrive, its wait behind others included. A request that was "
            "not answered in twice the time in which all arrived counts with its wait up to then. What a way sustains "
            "for these seconds may fill its queue in the long run, if the rate is close to the most it can answer."
            + (f" Where it is unsure, {what_decides(max(needed), 'experiment.processes')}." if needed else ""),
        ]

    def _table_row(self, result: BackendResult) -> dict[str, str]:
        highest = self.highest(result)
        row = {"way": result.backend.title, "sustained": f"{highest:,}/s" if highest else "none for certain"}
        for rate, found in result.under_load.items():
            verdict = self.verdicts.get((result.backend.name, rate))
            p99 = duration(found.p99_ms.value / 1e3)
            row[f"p99 at {rate:,}/s"] = p99 + (f", {IN_WORDS[verdict]}" if verdict else "")
        return row
