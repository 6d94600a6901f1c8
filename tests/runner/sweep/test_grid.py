"""The jobs of a grid: keys that go together, and keys of one choice only."""

from __future__ import annotations

import pytest
from hydra.core.override_parser.overrides_parser import OverridesParser

from runner.errors import UserError
from runner.sweep.grid import jobs_of
from runner.sweep.own_keys import as_sweeps

PARSER = OverridesParser.create()


def jobs(*words: str, zipped: tuple[str, ...] = ()) -> list[str]:
    return [" ".join(job) for job in jobs_of(PARSER, as_sweeps(words), zipped)]


@pytest.mark.parametrize(
    ("words", "zipped", "expected"),
    [
        (["a.x=1,2", "b.x=3,4"], (), ["a.x=1 b.x=3", "a.x=1 b.x=4", "a.x=2 b.x=3", "a.x=2 b.x=4"]),
        (["a.x=1,2", "b.x=range(3,5)"], ("b.x", "a.x"), ["a.x=1 b.x=3", "a.x=2 b.x=4"]),
        (
            ["a.x=1,2", "seed=5,6", "b.x=3,4"],
            ("a.x", "b.x"),
            ["a.x=1 b.x=3 seed=5", "a.x=1 b.x=3 seed=6", "a.x=2 b.x=4 seed=5", "a.x=2 b.x=4 seed=6"],
        ),
        (
            ["model=mlp,cnn", "mlp.units=[32],[64]", "cnn.filters=[8,16]"],
            (),
            [
                "model=mlp experiment.model.units=[32]",
                "model=mlp experiment.model.units=[64]",
                "model=cnn experiment.model.filters=[8,16]",
            ],
        ),
        (
            ["model=mlp,cnn", "mlp.units=[32],[64]", "mlp.dropout=0.1,0.2"],
            ("mlp.units", "mlp.dropout"),
            [
                "model=mlp experiment.model.units=[32] experiment.model.dropout=0.1",
                "model=mlp experiment.model.units=[64] experiment.model.dropout=0.2",
                "model=cnn",
            ],
        ),
        (
            ["device=cpu,gpu", "gpu.index=0,1"],
            (),
            ["device=cpu", "device=gpu device.index=0", "device=gpu device.index=1"],
        ),
        (
            ["experiment=matmul,operators", "matmul.shape=outer"],
            (),
            ["experiment=matmul experiment.shape=outer", "experiment=operators"],
        ),
    ],
)
def test_jobs(words, zipped, expected):
    assert jobs(*words, zipped=zipped) == expected


@pytest.mark.parametrize(
    ("words", "zipped", "says"),
    [
        (["a.x=1,2", "b.x=3,4,5"], ("a.x", "b.x"), "sweep.zip: a.x has 2 and b.x has 3 values"),
        (["a.x=1,2"], ("a.x", "b.x"), "sweep.zip: b.x has no values in this command"),
        (["a.x=1,2"], ("a.x",), r"sweep.zip: a.x alone goes with no other key; name all of them: sweep.zip=\[a.x,KEY"),
        (["model=mlp,cnn", "mlp.units=[3],[4]", "seed=1,2"], ("seed", "mlp.units"), "units belongs to the jobs of mlp"),
        (["a.x=interval(0,1)"], (), "a grid needs values that can be counted"),
    ],
)
def test_what_cannot_be_a_grid_is_one_line(words, zipped, says):
    with pytest.raises(UserError, match=says):
        jobs(*words, zipped=zipped)
