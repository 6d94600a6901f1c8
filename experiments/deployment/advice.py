"""Which backend to use when: what verdicts between them allow to say."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import combinations

from experiments.deployment.backend_result import BackendResult
from experiments.deployment.backends import ServingBackend
from experiments.deployment.backends.mlflow_serve import MlflowServe
from experiments.deployment.estimate import Estimate
from experiments.deployment.quality import Quality
from experiments.deployment.words import asked, call, plus_minus, rate, room, size, start
from experiments.measure.log_ratio import verdicts
from experiments.measure.verdict import MARGIN, TimeRatio, Verdict, what_decides
from experiments.reporting.ranking import least
from experiments.reporting.text import listed

NO_VERDICT = (
    "which is quickest, or starts first, a single process each cannot tell: experiment.processes=3 compares them"
)


@dataclass(frozen=True)
class Criterion:
    """Something by which backends are compared."""

    estimate: Callable[[BackendResult], Estimate]
    """A time: less is better."""
    in_words: Callable[[BackendResult], str]
    conditions: Callable[[BackendResult], str] = lambda result: ""
    """What belongs to it where a backend is named alone."""


SOON = Criterion(lambda result: result.p50_ms, call)
MANY = Criterion(lambda result: result.seconds_per_example, rate, asked)
STARTED = Criterion(lambda result: result.startup_seconds, start)

Pair = tuple[Criterion, type[ServingBackend], type[ServingBackend]]
"""A criterion, the backend with the longer time, and the one with the shorter time."""


@dataclass(frozen=True)
class Advice:
    """The advice on these backends."""

    results: Sequence[BackendResult]
    quality: Quality

    def lines(self) -> Iterator[str]:
        """Yield the lines of the advice in Markdown."""
        good = [result for result in self.results if self.quality.is_as_good(result)]
        candidates = good or self.results
        yield f"Which to use when{'' if good else ' (all lose against the original)'}:"
        yield ""
        if self._ratios:
            yield f"- one answer at a time, soon: {self._best(SOON, candidates)}"
            yield f"- many examples: {self._best(MANY, candidates)}"
        smallest = least(candidates, _size)[0]
        yield f"- little room: {_equals(smallest, candidates)}{self._smaller_with_loss(smallest)}"
        if self._ratios:
            yield f"- started for each request, up to the first answer: {self._best(STARTED, candidates)}"
        else:
            yield f"- {NO_VERDICT}"
        yield from self._over_http(candidates)

    @cached_property
    def _ratios(self) -> Mapping[Pair, TimeRatio]:
        """The ratios of all pairs of backends; none for backends without two rounds in common."""
        return {
            (criterion, longer.backend, shorter.backend): ratio
            for criterion in (SOON, MANY, STARTED)
            for shorter, longer in combinations(_sorted(criterion, self.results), 2)
            if (ratio := criterion.estimate(longer).over(criterion.estimate(shorter)))
        }

    @cached_property
    def _verdicts(self) -> Mapping[Pair, Verdict]:
        """The verdicts on all pairs: which backend is compared with the others is known only from the same figures."""
        return dict(zip(self._ratios, verdicts(list(self._ratios.values())), strict=True))

    def _best(self, criterion: Criterion, candidates: Sequence[BackendResult]) -> str:
        """Name the best backend with its figure, and with it all that are not worse for certain."""
        best, *others = _sorted(criterion, candidates)
        pairs = {(criterion, other.backend, best.backend): other for other in others}
        close = {pair: other for pair, other in pairs.items() if self._verdicts.get(pair) is not Verdict.SLOWER}
        if not close:
            figure = criterion.in_words(best) + plus_minus(criterion.estimate(best))
            return f"**{best.backend.title}**, {figure}{criterion.conditions(best)}"
        named = [f"**{one.backend.title}** ({criterion.in_words(one)})" for one in (best, *close.values())]
        return f"{listed(named, len(named))}, {self._why(list(close))}"

    def _why(self, close: Sequence[Pair]) -> str:
        """Say why backends are named together, given how each is compared with the best."""
        if all(self._verdicts.get(pair) is Verdict.SAME for pair in close):
            return f"the same within {MARGIN:.0%}"
        undecided = sum(verdict in (Verdict.UNSURE, Verdict.SAME) for verdict in self._verdicts.values())
        unsure = [pair for pair in close if self._verdicts.get(pair) is Verdict.UNSURE]
        needed = [self._ratios[pair].processes_among(undecided) for pair in unsure]
        how = f": {what_decides(max(needed), 'experiment.processes')}" if needed else ""
        return f"which cannot be told apart{how}"

    def _smaller_with_loss(self, smallest: BackendResult) -> str:
        """Name the backend that is smaller still but loses against the original, and say how much."""
        smaller = least(self.results, _size)[0]
        if smaller.size_bytes >= smallest.size_bytes:
            return ""
        return f"; {smaller.backend.title} has {size(smaller.size_bytes)}, but {self.quality.loss(smaller)}"

    def _over_http(self, candidates: Sequence[BackendResult]) -> Iterator[str]:
        """Say what MLflow's server costs, where it is slower than the quickest backend for certain."""
        quickest = _sorted(SOON, candidates)[0]
        served = next((one for one in self.results if one.backend is MlflowServe), None)
        pair = (SOON, MlflowServe, quickest.backend)
        if served is None or self._verdicts.get(pair) is not Verdict.SLOWER:
            return
        ratio = self._ratios[pair]
        low, high = ratio.interval
        yield (
            f"- for other programs, over HTTP: mlflow models serve needs {call(served)} a call, {ratio.value:,.0f} "
            f"times ({low:,.0f} to {high:,.0f}) as long as {quickest.backend.title} in one's own process; it calls "
            "`Model.predict` for each request and takes JSON. TensorFlow Serving is made for more"
        )


def _size(result: BackendResult) -> int:
    return result.size_bytes


def _sorted(criterion: Criterion, results: Sequence[BackendResult]) -> list[BackendResult]:
    """Return the results, that with the shortest time first."""
    return sorted(results, key=lambda result: criterion.estimate(result).value)


def _equals(smallest: BackendResult, candidates: Sequence[BackendResult]) -> str:
    """Name the smallest backend with its size, and all others whose size reads the same."""
    equals = [f"**{result.backend.title}**" for result in candidates if room(result) == room(smallest)]
    return f"{' and '.join(equals)}, {room(smallest)}"
