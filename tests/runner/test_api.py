"""``runner.run`` as far as nothing starts."""

from __future__ import annotations

import logging
import sys
import threading

import pytest

from runner import run
from runner.errors import UserError
from tests.in_process import call_main


def called(tmp_path, *words):
    """Call it where everything that it changes is as in a new process."""
    errors = []

    def program() -> int:
        sys.argv = ["a notebook's", "--own"]
        try:
            run("tracking.dir=store", *words)
        except UserError as error:
            errors.append(str(error))
        assert sys.argv == ["a notebook's", "--own"]
        return 0

    assert call_main(cwd=tmp_path, program=program).err == ""
    assert not (tmp_path / "store" / "mlflow.db").exists()
    return errors


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["experiment.sizess=[1]"], "experiment.sizess: no such key (did you mean experiment.sizes?)"),
        (["experiment.dtype=int8"], "experiment.dtype: 'int8' is not one of"),
        (["-m", "experiment.dtype=float32,int8"], "job 1 (experiment.dtype=int8): experiment.dtype: 'int8' is not"),
        (["--fast"], "--fast: no such flag"),
        (["--version"], "run: tracking.dir=store --version leaves no run behind"),
        ([3], 'run: 3 is no text; write run("experiment=matmul", "device=cpu")'),
    ],
)
def test_what_is_wrong_is_raised_as_a_sentence(tmp_path, words, says):
    (error,) = called(tmp_path, *words)
    assert error.startswith(says)


def test_only_the_main_thread_hears_ctrl_c(tmp_path):
    found = []
    thread = threading.Thread(target=lambda: found.extend(called(tmp_path, "seed=1")))
    thread.start()
    thread.join()
    assert found == ["run: call it from the main thread, the only one that hears Ctrl-C"]


def test_the_handlers_of_the_root_logger_stay(tmp_path):
    mine = logging.NullHandler()

    def program() -> int:
        logging.getLogger().addHandler(mine)
        with pytest.raises(UserError):
            run("tracking.dir=store", "-m", "experiment.dtype=float32,int8")
        assert logging.getLogger().handlers == [mine]
        return 0

    call_main(cwd=tmp_path, program=program)
