"""The description of a run, and its page."""

from __future__ import annotations

import re
from html.parser import HTMLParser

import pytest
from matplotlib.figure import Figure

from runner.execution.recording import RecordBuffer
from runner.messages import File, Note, Outcome, Record, Table
from runner.tracking import answer_page, tags
from runner.tracking.description import words
from tests.runner.execution.conftest import House
from tests.runner.execution.fake_workers import FakeWorker, Script
from tests.runner.jobs import job
from tests.runner.memory_store import artifact

HOSTILE = (
    '<script>alert(1)</script><img src=http://x.example/y> & "q" ![y](http://x.example/z) [l](javascript:alert(1))'
)

ALLOWED = {"html", "head", "meta", "title", "style", "body", "h1", "h2", "p", "img", "table", "tr", "th", "td", "pre"}
OF_MARKDOWN = {"thead", "tbody", "strong", "em", "code", "ul", "ol", "li", "a", "hr", "br"}


class Elements(HTMLParser):
    def __init__(self, page: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.text += data


def plots(*names: str) -> list[Record]:
    recorder = RecordBuffer()
    for name in names:
        recorder.figure(name, Figure)
    return recorder.rest()


def answers(*records: Record) -> Script:
    def script(worker: FakeWorker) -> None:
        worker.start()
        worker.end(Outcome.FINISHED, "", *records)

    return script


def test_a_description_begins_with_the_first_plot(house: House) -> None:
    house.servers.scripts[1] = answers(Note("**42**"), *plots("time", "step size"))
    end = house.run(job(x=1))[0]
    (run,) = house.store.client.runs()
    shown = f"![time](get-artifact?path=plots%2Ftime.svg&run_uuid={run.info.run_id})"
    assert run.data.tags[tags.NOTE] == f"{shown}\n\n**42**"
    assert end.note == words(run.data.tags[tags.NOTE]) == "**42**"
    assert 'width="640"' in artifact(run, "plots/time.svg")[:600]


def test_a_page_holds_the_whole_answer_and_loads_nothing(house: House) -> None:
    rows = [{"n": n, HOSTILE: HOSTILE} for n in range(answer_page.MOST_ROWS + 1)]
    house.servers.scripts[1] = answers(Note(f"**42**\n\n{HOSTILE}"), Table("results", rows), *plots("time", "rate"))
    house.run(job(x=1))
    (run,) = house.store.client.runs()
    page = Elements(artifact(run, "answer.html"))
    assert {tag for tag, _ in page.found} <= ALLOWED | OF_MARKDOWN
    sources = [given["src"] for _, given in page.found if "src" in given]
    assert [str(source)[:19] for source in sources] == ["data:image/svg+xml;"] * 2
    assert {given["href"] for _, given in page.found if "href" in given} == {"http://x.example/z"}
    assert not any(name.startswith("on") for _, given in page.found for name in given)
    for words_of_it in ("42", "x: 1", "python -m runner experiment.x=1", "more rows in results.csv", run.info.run_id):
        assert words_of_it in page.text
    assert page.text.count("<script>") > answer_page.MOST_ROWS


def test_numbers_are_short_enough_to_be_read(house: House) -> None:
    rows = [{"loss": 0.17497842506351682, "rate": 2669.810534815185, "n": 1_000_000, "version": "1.2.12345678"}]
    house.servers.scripts[1] = answers(Table("results", rows))
    house.run(job(x=1))
    (run,) = house.store.client.runs()
    cells = re.findall("<td>(.*?)</td>", artifact(run, "answer.html"))[:4]
    assert cells == ["0.174978", "2669.81", "1000000", "1.2.12345678"]
    assert "0.17497842506351682" in artifact(run, "results.csv")


def test_a_large_plot_is_kept_small(house: House) -> None:
    svg = b"<svg>" + b" " * answer_page.LARGEST_SVG
    house.servers.scripts[1] = answers(
        File("plots/a.svg", svg), File("plots/a.png", b"small"), File("plots/b.svg", svg)
    )
    house.run(job(x=1))
    kinds = re.findall(r"data:image/([a-z]+)", artifact(house.store.client.runs()[0], "answer.html"))
    assert kinds == ["png", "svg"]


def test_a_page_that_fails_ends_no_run(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(answer_page, "_template", lambda: 1 / 0)
    assert house.run(job(x=1))[0].status == "FINISHED"
    assert "ZeroDivisionError" in artifact(house.store.client.runs()[0], "answer.txt")
