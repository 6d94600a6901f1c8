"""Names and fingerprints of runs."""

import pytest

from runner.config.question import fingerprint, question_hash
from runner.config.run_name import run_name

MACHINE = {"cpu": "Z80", "cores": 2, "usable_cores": 2, "memory_bytes": 65536, "host": "a"}


@pytest.mark.parametrize(
    ("overrides", "name"),
    [
        ([], "CPU:0"),
        (["experiment=matmul", "device=cpu", "tracking.dir=x", "tracking=local"], "CPU:0"),
        (["experiment.shape=square", "experiment.dtype=float64"], "square float64 CPU:0"),
        (["device.intra_op_threads=2", "device.onednn=false"], "intra_op_threads=2 onednn=false CPU:0"),
        (["+preset=textbook", "seed=3"], "textbook seed=3 CPU:0"),
        (["device.onednn=True"], "onednn=True CPU:0"),
        (["experiment=gradient_cost", "workload=gmm", "experiment.workload.d=3"], "gmm d=3 CPU:0"),
    ],
)
def test_what_differs_comes_first(overrides, name):
    assert run_name("CPU:0", overrides) == name


def test_a_fingerprint_is_of_the_question_and_the_kind_of_machine():
    question, surroundings = question_hash({"a": 1, "b": 2}, 1), {"machine": MACHINE, "gpus": []}
    same = fingerprint(question, surroundings)
    assert same == fingerprint(question_hash({"b": 2, "a": 1}, 1), {"machine": MACHINE | {"host": "b"}, "gpus": []})
    others = {
        fingerprint(question_hash({"a": 1, "b": 3}, 1), surroundings),
        fingerprint(question_hash({"a": 1, "b": 2}, 2), surroundings),
        fingerprint(question, {"machine": MACHINE | {"cores": 4}, "gpus": []}),
        fingerprint(question, {"machine": MACHINE, "gpus": [{"name": "A100"}]}),
    }
    assert len(others) == 4
    assert same not in others
