"""What a person sees while jobs run, and at their end."""

from __future__ import annotations

import io

import pytest
from rich.console import Console

from runner.cli.sweep_terminal import MOST_LINES, SweepTerminal
from runner.cli.terminal import Terminal
from runner.execution.job import JobEnd
from runner.messages import Progress
from runner.sweep.job_table import MOST_ROWS, job_table
from tests.runner.jobs import job

NOTE = "**42** is the answer.\n\n| n | time |\n| --: | --- |\n| 1 | 2 s |"

END = JobEnd("FINISHED", run_id="a", metrics={"loss": 0.25}, note=NOTE, link="http://x")


def console(is_terminal: bool, height: int = 10) -> tuple[Console, io.StringIO]:
    text = io.StringIO()
    return Console(file=text, force_terminal=is_terminal, width=80, height=height, highlight=False, _environ={}), text


@pytest.mark.parametrize("is_terminal", [True, False])
def test_an_answer_is_typeset_on_a_terminal_and_plain_elsewhere(is_terminal):
    screen, text = console(is_terminal)
    with Terminal(console=screen) as terminal:
        terminal.ended(job(x=1), END)
    assert ("\x1b[1m42\x1b[0m is the answer." in text.getvalue()) is is_terminal
    assert (NOTE in text.getvalue()) is not is_terminal
    assert "loss" not in text.getvalue()


@pytest.mark.parametrize(("reason", "note"), [("", ""), ("told to", "**FAILED**: told to")])
def test_metrics_are_shown_where_the_note_says_nothing(reason, note):
    screen, text = console(is_terminal=False)
    with Terminal(console=screen) as terminal:
        terminal.ended(job(x=1), JobEnd("FINISHED", reason, "a", metrics={"loss": 0.25}, note=note))
    assert "| loss   |  0.25 |" in text.getvalue()


def test_the_newest_lines_stay_on_the_screen():
    screen, text = console(is_terminal=True)
    with Terminal(console=screen) as terminal:
        for epoch in range(1, 40):
            terminal.show(job(x=1), [Progress(f"epoch {epoch}", epoch / 40, "loss 1")])
        last = text.getvalue().rpartition("epoch 38")[2]
    assert "epoch 39" in last
    assert "epoch 31" in text.getvalue()[-2000:]
    assert "epoch 1 " not in text.getvalue()[-2000:]


def test_of_many_jobs_the_failures_are_shown():
    jobs = [job(x=number, number=number) for number in range(1000)]
    ends = [JobEnd("FAILED" if number == 7 else "FINISHED", "no" if number == 7 else "") for number in range(1000)]
    screen, text = console(is_terminal=False)
    with SweepTerminal(screen) as terminal:
        terminal.expect(len(jobs))
        for one, end in zip(jobs, ends, strict=True):
            terminal.ended(one, end)
    lines = text.getvalue().splitlines()
    assert len(lines) <= MOST_LINES + 1
    assert "8/1000  7 x=7  FAILED: no" in lines
    assert lines[-1].startswith("1000/1000")
    table = job_table(list(zip(jobs, ends, strict=True)))
    assert [line.split()[1] for line in table.splitlines() if "FAILED" in line] == ["7"]
    assert table.splitlines()[-1] == "999 more of 1000 jobs are in summary.csv."
    assert job_table(list(zip(jobs, ends, strict=True))[:MOST_ROWS]).count("FINISHED") == MOST_ROWS - 1
