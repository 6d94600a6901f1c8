"""A plan foretells what the sweep then does."""

from __future__ import annotations

from tests.conftest import QUICK
from tests.reading import client, runs, table_rows

SWEEP = ("-m", *QUICK, "experiment.sizes=[1]", "seed=1,2")


def test_a_plan_knows_what_is_done_and_how_long_it_took(runner, store):
    assert runner(*SWEEP).status == 0
    finished = {run.data.tags.get("sweep.job"): run for run in runs(store)}
    client(store).set_terminated(finished["1"].info.run_id, "FAILED")
    before = {path: path.stat().st_mtime_ns for path in store.rglob("*")}

    planned = runner(*SWEEP, "sweep.resume=true", "plan=true")
    assert planned.status == 0, planned.err
    done, failed = table_rows(planned.out)
    assert (done["resume"], done["known from"]) == ("skips it", "1 run")
    assert (failed["resume"], failed["expected"]) == ("runs it", "unknown")
    assert "(given), 1 of 2 jobs are taken over" in planned.out
    assert [row["resume"] for row in table_rows(runner(*SWEEP, "sweep.retry_failed=false", "plan=true").out)] == [
        "skips it",
        "skips it",
    ]
    (alone,) = table_rows(runner(*SWEEP[1:-1], "seed=1", "plan=true").out)
    assert alone["known from"] == "1 run"
    assert "resume" not in alone
    assert {path: path.stat().st_mtime_ns for path in store.rglob("*")} == before

    assert "1 of 2 jobs are done already" in runner(*SWEEP, "sweep.resume=true").out
