"""The README's table of what happens is true line by line: each has its tests, and a new line needs some."""

from __future__ import annotations

import re

import pytest

from tests.conftest import ROOT

ROW = re.compile(r"^\| *(.+?) *\| *(.*?) *\| *(.*?) *\|$", re.MULTILINE)

FAULTS, SWEEPS = "tests/end_to_end/test_faults.py", "tests/end_to_end/test_sweep_faults.py"
USERS, OWN_DATA = "tests/runner/test_errors_of_users.py", "tests/runner/test_missing_files.py"

PROVED_BY = {
    "wrong input": [
        (USERS, "test_wrong_config"),
        (USERS, "test_a_device_that_is_not_there"),
        (USERS, "test_a_full_disk"),
        (OWN_DATA, "test_a_file_that_is_not_there_starts_nothing"),
    ],
    "a plot cannot be drawn": [
        ("tests/runner/test_recording.py", "test_a_figure_that_cannot_be_drawn_is_left_out_with_its_reason"),
        ("tests/experiments/test_matmul.py", "test_a_figure_that_cannot_be_drawn_ends_no_run"),
        (
            "tests/runner/execution/test_job_run.py",
            "test_what_is_no_finite_number_is_not_stored_and_hides_what_came_before",
        ),
    ],
    "Ctrl-C, SIGTERM": [(FAULTS, "test_a_signal_ends_the_run_with_what_it_has")],
    "the experiment crashes": [
        (SWEEPS, "test_every_way_to_fail_is_told_apart"),
        (FAULTS, "test_a_worker_that_is_killed_fails_the_run"),
    ],
    "a job of a sweep fails": [(SWEEPS, "test_every_way_to_fail_is_told_apart")],
    "a search finds a trial hopeless": [
        ("tests/end_to_end/test_search.py", "test_hopeless_trials_are_pruned_and_not_run_again")
    ],
    "this program itself is killed": [(FAULTS, "test_kill_9_keeps_the_points_and_the_next_start_says_killed")],
    "standard output fails": [(FAULTS, "test_a_full_disk_under_the_output_does_not_end_the_run")],
    "the store fails in mid-run": [(FAULTS, "test_a_disk_that_fills_up_in_mid_run")],
}
"""The begin of a line -> the tests that show it."""

STATUS = {
    "wrong input": "2, one line",
    "a plot cannot be drawn": "0",
    "Ctrl-C, SIGTERM": "130, 143",
    "the experiment crashes": "1",
    "a job of a sweep fails": "1",
    "a search finds a trial hopeless": "0",
    "this program itself is killed": "",
    "standard output fails": "1, one line",
    "the store fails in mid-run": "2",
}
"""What these tests assert of the exit status."""


def rows() -> list[tuple[str, str, str]]:
    text = (ROOT / "README.md").read_text()
    section = text.partition("## What happens when something goes wrong")[2].partition("\n## ")[0]
    return [row for row in ROW.findall(section) if row[0].strip("|- ")]


@pytest.mark.parametrize("row", rows(), ids=lambda row: row[0][:40])
def test_a_line_has_its_tests(row: tuple[str, str, str]) -> None:
    what, _, status = row
    (begin,) = (begin for begin in PROVED_BY if what.startswith(begin))
    assert status.strip() == STATUS[begin]
    for file, name in PROVED_BY[begin]:
        assert f"def {name}(" in (ROOT / file).read_text()


def test_no_line_is_missing() -> None:
    assert len(rows()) == len(PROVED_BY)
