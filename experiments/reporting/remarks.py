"""What a note says of things that could not be recorded."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from experiments.reporting.markdown import literal
from experiments.reporting.text import listed, one_line, shortened

MOST_IN_REASON = 200


@dataclass(frozen=True)
class Remarks:
    """The metrics, plots and letters that are missing in a run."""

    metrics: Mapping[str, float] = field(default_factory=dict)
    """Name -> the first value that is no finite number."""
    plots: Mapping[str, str] = field(default_factory=dict)
    """Name -> the reason."""
    letters: str = ""
    """Those for which no font was found."""

    def with_metric(self, name: str, value: float) -> Remarks:
        return replace(self, metrics={**self.metrics, name: self.metrics.get(name, value)})

    def with_plot(self, name: str, error: Exception) -> Remarks:
        reason = shortened(f"{type(error).__name__}: {one_line(error)}", MOST_IN_REASON)
        return replace(self, plots={**self.plots, name: reason})

    def with_letters(self, letters: str) -> Remarks:
        return replace(self, letters="".join(sorted({*self.letters, *letters})))

    def below(self, note: str) -> str:
        """Return a note with the remarks as its last paragraphs."""
        return "\n\n".join(part for part in (note, *self._paragraphs()) if part)

    def _paragraphs(self) -> list[str]:
        found = [f"Not drawn: plots/{name}.png ({literal(why)}; plots/{name}.txt)." for name, why in self.plots.items()]
        if self.metrics:
            names = listed([f"{name} ({value:g})" for name, value in self.metrics.items()])
            found.append(f"Not recorded, since no finite number: {literal(names)}.")
        if self.letters:
            found.append(
                f"No font here has {literal(shortened(self.letters, 20))}: plots show boxes instead. Install one that "
                "has them, such as Noto (fonts-noto, fonts-noto-cjk), and run again."
            )
        return found
