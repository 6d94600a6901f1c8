"""The file for a bug report."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest

from runner.execution import verbose
from runner.messages import Outcome
from tests.runner.execution.conftest import House
from tests.runner.execution.fake_workers import FakeWorker
from tests.runner.jobs import job


@pytest.fixture
def log(monkeypatch: pytest.MonkeyPatch):
    log = logging.Logger("runner")
    monkeypatch.setattr(verbose, "LOG", log)
    verbose._begin.cache_clear()
    yield log
    verbose._begin.cache_clear()
    for handler in log.handlers:
        handler.close()


def test_it_tells_of_machine_jobs_records_and_ends_without_passwords(house: House, log: logging.Logger) -> None:
    def refuses(worker: FakeWorker) -> None:
        worker.start()
        worker.hand_over()
        worker.end(Outcome.REFUSED, "no answer from http://me:secret@host/")

    log.setLevel(logging.DEBUG)
    house.servers.scripts[2] = refuses
    house.run(job(x=1), job(x=2, number=1))
    said = next(line for line in house.view.lines if line.startswith("hydra.verbose: "))
    text = Path(said.rpartition(" ")[2]).read_text()
    for part in ("0123abc", "job 0 starts: experiment.x=1", "job 0 stored {'Metric': 1}", "job 0 FINISHED after"):
        assert part in text
    assert "job 1 FAILED after" in text
    assert "http://***@host/" in text
    assert "secret" not in text


def test_nothing_is_written_where_nobody_asks(house: House, log: logging.Logger) -> None:
    log.setLevel(logging.WARNING)
    house.run(job(x=1))
    assert not any("hydra.verbose" in line for line in house.view.lines)
    assert not list(house.folder.glob("runner-*.log"))
