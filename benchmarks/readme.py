"""The figures in benchmarks/README.md, each set between two marks."""

from __future__ import annotations

from pathlib import Path

README = Path(__file__).parent / "README.md"


def write(what: str, module: str, figures: str) -> None:
    """Put ``figures`` in the place of the last ones, between the marks of ``what``, and print them."""
    begin, end = f"<!-- {what}: written by python -m {module} -->", f"<!-- end of {what} -->"
    before, is_there, rest = README.read_text().partition(begin)
    _, is_closed, after = rest.partition(end)
    if not (is_there and is_closed):
        raise RuntimeError(f"{README} has no {begin} ... {end}")
    README.write_text(f"{before}{begin}\n\n{figures}\n\n{end}{after}")
    print(figures)
