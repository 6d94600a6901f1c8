"""A mistake in the config of ``operators`` is answered in one line, with status 2, and leaves nothing behind."""

from __future__ import annotations

import pytest

WRONG = {
    "experiment.operators=[conv2]": "experiment.operators: 'conv2' is not one of matmul, dense, conv2d",
    "experiment.operators=[matmul,lstmm]": "experiment.operators: 'lstmm' is not one of",
    "experiment.operators=lstm": "experiment.operators: needs a list; write experiment.operators=[lstm]",
    "experiment.size.batch=0": "experiment.size.batch: 0 is not a number of at least 1",
    "experiment.size.units=-256": "experiment.size.units: -256 is not a number of at least 1",
    "experiment.size.units=many": "experiment.size.units: 'many' is not a whole number",
    "experiment.size.units=3000000000": "experiment.size.units: 3000000000 is more than 2^31 - 1",
    "experiment.size.side=1": "experiment.size.side: 1 is not a number of at least 2",
    "experiment.size.heads=3": "experiment.size.heads: 3 heads cannot share 256 units evenly",
    "experiment.size.chanels=3": "experiment.size.chanels: no such key (did you mean experiment.size.channels?)",
    "experiment.size=3": "experiment.size: is a group of keys, not a value",
    "experiment.dtype=int8": "experiment.dtype: 'int8' is not one of float16, bfloat16, float32, float64",
    "experiment.mode=grahp": "experiment.mode: 'grahp' is not one of eager, graph, xla (did you mean graph?)",
    "experiment.longest_call=-1": "experiment.longest_call: -1.0 is not a number of at least 0",
    "experiment.timing.max_seconds=0": "experiment.timing.max_seconds: 0 leaves no time to measure",
    "seed=-1": "experiment.seed: -1 is not a seed",
}

ENDS = {
    "experiment.operators=[conv2]": "(did you mean conv2d?)",
    "experiment.operators=[matmul,lstmm]": "(did you mean lstm?)",
}


@pytest.mark.parametrize("argument", WRONG)
def test_wrong_config(main, store, argument):
    done = main("experiment=operators", argument)
    assert done.status == 2, done
    assert done.out == ""
    (line,) = done.err.splitlines()
    assert line.startswith(f"runner: {WRONG[argument]}")
    assert line.endswith(ENDS.get(argument, ""))
    assert not store.exists()
