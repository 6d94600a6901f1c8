"""``plan=true`` says what a command would do, and leaves nothing behind."""

from __future__ import annotations

import pytest

from tests.reading import table_rows

SEARCH = ("-m", "plan=true", "hydra/sweeper=optuna", "seed=1,2")

RAY = "hydra/launcher=ray"


@pytest.mark.parametrize(
    ("words", "jobs", "says"),
    [
        (["experiment.sizes=[1]", "device=cpu"], [{"what": "matmul", "processes": "5"}], "store"),
        (["-m", "seed=1,2"], [{"what": "seed=1", "resume": "runs it"}, {"what": "seed=2"}], "still to be made"),
        (["-m", "seed=1,2", "hydra.launcher.n_jobs=2"], [{}, {}], "2 at a time"),
        (["-m", "seed=1,2", "hydra/launcher=ray"], [{"free": "unknown"}, {}], "2 jobs"),
        (["-m", "seed=1,2", "hydra/launcher=basic"], [{}, {}], "2 jobs"),
        (["-m", "experiment.sizes=[2000000]", "experiment.shape=square,inner"], [{}, {}], "than is free: job 0."),
        (["-m", "seed=1,2", "hydra.launcher.memory_gb=0.1"], [{"free": "0.1 GB"}, {}], "than is free: job 0, 1."),
        (
            ["-m", "seed=1,2", "device.inter_op_threads=1,2", "sweep.zip=[seed,device.inter_op_threads]"],
            [{}, {}],
            "2 j",
        ),
        (["-m", "+preset=threads", "device.intra_op_threads=1,2"], [{}, {}], "2 jobs"),
        (
            ["-m", "+preset=textbook,execution_modes", "device=cpu"],
            [{"what": "+preset=textbook"}, {"what": "+preset=execution_modes experiment.mode=eager"}, {}, {}],
            "4 jobs",
        ),
    ],
)
def test_of_each_kind_of_command(main, store, words, jobs, says):
    done = main(*words, "plan=true")
    assert done.status == 0, done.err
    rows = table_rows(done.out)
    assert [expected.items() <= row.items() for expected, row in zip(jobs, rows, strict=True)] == [True] * len(jobs)
    assert says in done.out
    assert not store.exists()


def test_of_a_search_it_shows_the_space(main, store):
    done = main("-m", "hydra/sweeper=optuna", "sweep.metric=loss", "hydra.sweeper.n_trials=7", "seed=1,2", "plan=true")
    assert done.status == 0, done.err
    assert "A search of 7 trials" in done.out
    assert table_rows(done.out) == [{"key": "seed", "values": "1, 2"}]
    assert not store.exists()


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["plan=maybe"], "plan: maybe is neither true nor false; write plan=true"),
        (["plan=true", "experiment.sizes=[0]"], "experiment.sizes"),
        (["-m", "plan=true", "experiment.dtype=float32,float7"], "job 1 (experiment.dtype=float7)"),
        (["-m", "plan=true", "seed=1,2", "hydra/launcher=slurm"], "jobs on other machines need a tracking server"),
        (["-m", "plan=true", "seed=1,2", "sweep.resume=0123abc"], "sweep.resume: there is no sweep 0123abc"),
        (
            [*SEARCH, "sweep.metric=time/median_us", "hydra.sweeper.pruner=median"],
            "matmul does not tell time/median_us step by step, so nothing shows early that a trial is hopeless; leave",
        ),
        (
            [*SEARCH, "experiment=training", "sweep.metric=test/accuracy", "hydra.sweeper.pruner=hyperband"],
            "hydra.sweeper.pruner=hyperband: training does not tell test/accuracy step by step, so nothing shows early "
            "that a trial is hopeless; take one of best/val_loss, ",
        ),
        (
            [*SEARCH, "experiment=training", "sweep.metric=best/val_loss", "hydra.sweeper.pruner=median", RAY],
            "hydra.sweeper.pruner: what jobs on a cluster find is not seen before they end; leave out hydra/launcher",
        ),
        ([*SEARCH, "sweep.metric=[a,b]"], "sweep.direction: 'minimize': as many are needed as sweep.metric has names"),
        (
            [*SEARCH, "sweep.metric=a", "+preset=textbook,threads"],
            "preset: threads is a grid, which hydra/sweeper=optuna",
        ),
    ],
)
def test_what_is_wrong_is_one_line(main, store, words, says):
    done = main(*words)
    assert done.status == 2
    assert says in done.err
    assert done.err.count("\n") == 1
    assert not store.exists()
