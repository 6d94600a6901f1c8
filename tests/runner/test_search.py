"""A search with Optuna: what may be searched, and what becomes of its trials. No job is run."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import optuna
import pytest
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.utils import JobReturn, JobStatus
from hydra.types import HydraContext
from omegaconf import OmegaConf
from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution
from optuna.trial import TrialState

from hydra_plugins.lab_bench.optuna_sweeper import OptunaSweeper
from runner.config.sweep_settings import Objective
from runner.config.words import readable
from runner.errors import StoreError, UserError
from runner.messages import Metric
from runner.sweep.job_return import JobWasPruned
from runner.sweep.search.answer import best_of, findings
from runner.sweep.search.outcomes import told
from runner.sweep.search.search import Search, Told
from runner.sweep.search.space import Space, distribution_of, space_of
from runner.sweep.search.storage import StudyStorage
from runner.sweep.search.study import OWNER
from runner.tracking.tags import PROCESS
from tests.conftest import run_command
from tests.runner.jobs import StepwiseToy, job

PARSER = OverridesParser.create()


class FakeLauncher:
    """Computes instead of running; remembers what it was asked."""

    def __init__(self, function: Callable[[dict[str, float]], float | None]) -> None:
        self.function = function
        self.sweep: Any = None
        self.batches: list[list[list[str]]] = []
        self.first_jobs: list[int] = []

    @property
    def jobs(self) -> list[list[str]]:
        return [job for batch in self.batches for job in batch]

    def __call__(self, batch: list[list[str]], first_job: int) -> list[Told]:
        return [told(job) for job in self.launch(batch, first_job)]

    def launch(self, batch: list[list[str]], initial_job_idx: int) -> list[JobReturn]:
        """As Hydra's launchers do it."""
        self.batches.append(batch)
        self.first_jobs.append(initial_job_idx)
        values = [self.function(numbers(job)) for job in batch]
        return [done(value) if value is not None else failed() for value in values]


def numbers(job: list[str]) -> dict[str, float]:
    pairs = (override.split("=") for override in job)
    return {key: float(value) for key, value in pairs if value.lstrip("-").replace(".", "").replace("e-", "").isdigit()}


def done(value: Any) -> JobReturn:
    return JobReturn(status=JobStatus.COMPLETED, _return_value=value)


def failed() -> JobReturn:
    return JobReturn(status=JobStatus.FAILED, _return_value=RuntimeError("killed"))


def quadratic(at: dict[str, float]) -> float:
    return (at["x"] - 3) ** 2


def space(*overrides: str) -> Space:
    return space_of(overrides, PARSER)


@pytest.fixture(scope="module")
def storage(tmp_path_factory: pytest.TempPathFactory) -> str:
    """One database for all: to make one takes Optuna half a second."""
    return f"sqlite:///{tmp_path_factory.mktemp('studies') / 'optuna.db'}"


@pytest.fixture
def name(request: pytest.FixtureRequest) -> str:
    """A study for each test."""
    return str(request.node.name)


@pytest.fixture
def search(storage: str, name: str) -> Callable[..., Search]:
    def build(*overrides: str, storage: str = storage, **changes: Any) -> Search:
        kept: dict[str, Any] = {
            "objectives": [Objective("loss")],
            "storage": StudyStorage(storage),
            "study_name": name,
            "n_trials": 5,
        }
        return Search(space(*(overrides or ("x=interval(-100,100)",))), **({"seed": 0} | kept | changes))

    return build


# What may be searched


@pytest.mark.parametrize(
    ("written", "distribution"),
    [
        ("a=1,2", CategoricalDistribution(["1", "2"])),
        ("a=choice(cpu,gpu)", CategoricalDistribution(["cpu", "gpu"])),
        ("a=[512],[1024]", CategoricalDistribution(["[512]", "[1024]"])),
        ("a='x, y',true,1.5", CategoricalDistribution(["'x, y'", "True", "1.5"])),
        ("a=shuffle(1,2,3)", CategoricalDistribution(["1", "2", "3"])),
        ("a=int(choice(1.5,2))", CategoricalDistribution(["1", "2"])),
        ("a=range(1,10,2)", IntDistribution(1, 9, step=2)),
        ("a=range(1,3)", IntDistribution(1, 2)),
        ("a=range(5,0,-2)", IntDistribution(1, 5, step=2)),
        ("a=range(0,1,0.1)", FloatDistribution(0, 0.9, step=0.1)),
        ("a=range(1,0,-0.25)", FloatDistribution(0.25, 1, step=0.25)),
        ("a=float(range(1,4))", FloatDistribution(1, 3, step=1)),
        ("a=int(range(1.0,4.0))", IntDistribution(1, 3)),
        ("a=tag(log, range(1,9))", IntDistribution(1, 8, log=True)),
        ("a=interval(1,8)", FloatDistribution(1, 8)),
        ("a=int(interval(1,8))", IntDistribution(1, 8)),
        ("a=tag(log, interval(1e-5, 1e-1))", FloatDistribution(1e-5, 1e-1, log=True)),
        ("a=tag(log, int(interval(1,1000)))", IntDistribution(1, 1000, log=True)),
        ("a=int(tag(log, interval(1,1000)))", IntDistribution(1, 1000, log=True)),
    ],
)
@pytest.mark.filterwarnings("error")
def test_a_sweep_becomes_a_distribution(written: str, distribution: Any) -> None:
    assert distribution_of(PARSER.parse_override(written)) == distribution


@pytest.mark.parametrize("choices", ["1e5,Zähl 1", "choice(1e5,Zähl 1)", "choice('1e5',\"Zähl 1\")"])
def test_names_stay_text_in_each_trial(choices):
    found = space_of([readable(f"experiment.registered_name={choices}")], PARSER)
    (searched,) = found.searched.values()
    assert isinstance(searched, CategoricalDistribution)
    trials = [found.overrides({"experiment.registered_name": choice}) for choice in searched.choices]
    assert [PARSER.parse_override(word).value() for (word,) in trials] == ["1e5", "Zähl 1"]


@pytest.mark.parametrize(
    ("written", "complaint"),
    [
        ("a=glob(c*)", "a pattern cannot be searched; write the choices, such as a=A,B"),
        ("a=tag(lgo, interval(0,1))", "the only tag is log, not lgo"),
        ("a=tag(log, choice(1,2))", "choices take no tag (log)"),
        ("a=tag(log, range(0.1,1,0.1))", "needs whole numbers"),
        ("a=tag(log, range(1,9,2))", "step"),
        ("a=tag(log, interval(0,1))", "low"),
        ("a=interval(8,1)", "low"),
        ("a=range(3,3)", "the range is empty"),
        ("a=range(1.5,1.5)", "the range is empty"),
        ("a=range(0,1,0)", "zero"),
        ("a=range(0,1,0.0)", "Invalid range"),
    ],
)
def test_what_cannot_be_searched_is_named(written: str, complaint: str) -> None:
    with pytest.raises(UserError) as complained:
        space("b=1,2", written)
    assert str(complained.value).startswith(f"{written}: ")
    assert complaint in str(complained.value)


def test_a_search_needs_something_to_search() -> None:
    with pytest.raises(UserError, match="nothing to search"):
        space("a=1", "~b")


def test_every_trial_gets_what_is_not_searched() -> None:
    searched = space("device=cpu", "~b", "+c='x=y'", "a=[1],[2]", "d=1", "d=int(interval(4,8))")
    assert searched.examples() == [["device=cpu", "~b", "+c='x=y'", "a=[1]", "d=4"]]


# What becomes of the trials


def test_it_finds_the_minimum(search: Callable[..., Search]) -> None:
    launcher = FakeLauncher(quadratic)
    (best,) = best_of(search(n_trials=80).run(launcher))
    assert best is not None
    assert abs(best.params["x"] - 3) < 0.5
    # Of the last 40 trials chance puts 4 within 10 of the minimum, and 14 once in 50,000 searches.
    assert sum(abs(numbers(job)["x"] - 3) < 10 for job in launcher.jobs[40:]) >= 14


def test_to_maximize_is_to_minimize_the_negative(search: Callable[..., Search]) -> None:
    down, up = FakeLauncher(quadratic), FakeLauncher(lambda at: -quadratic(at))
    (lowest,) = best_of(search(n_trials=20, study_name="down").run(down))
    (highest,) = best_of(search(n_trials=20, study_name="up", objectives=[Objective("loss", "maximize")]).run(up))
    assert down.jobs == up.jobs
    assert lowest is not None
    assert highest is not None
    assert lowest.params == highest.params


def test_batches_are_as_wide_as_told(search: Callable[..., Search]) -> None:
    launcher = FakeLauncher(quadratic)
    search(n_trials=7, n_jobs=3).run(launcher)
    assert [len(batch) for batch in launcher.batches] == [3, 3, 1]
    assert launcher.first_jobs == [0, 3, 6]
    assert len({tuple(job) for job in launcher.jobs}) == 7


def test_a_failed_trial_does_not_stop_it(search: Callable[..., Search]) -> None:
    launcher = FakeLauncher(lambda at: None if at["x"] < 0 else quadratic(at))
    study = search(n_trials=15).run(launcher)
    states = [trial.state for trial in study.trials]
    assert len(states) == 15
    assert [state == TrialState.FAIL for state in states] == [numbers(job)["x"] < 0 for job in launcher.jobs]
    assert TrialState.FAIL in states
    assert best_of(study) == [study.best_trial]


def test_it_ends_when_all_have_failed(search: Callable[..., Search]) -> None:
    finished = search()
    study = finished.run(FakeLauncher(lambda at: None))
    assert best_of(study) == []
    assert "none of 5 trials has a value of loss" in findings(finished, study, ran=5)


def test_equals_are_all_told(search: Callable[..., Search]) -> None:
    finished = search(n_trials=3, sampler="random", seed=1)
    values = iter([2.0, -0.0, 0.0])
    study = finished.run(FakeLauncher(lambda at: next(values)))
    chosen = [f"x={trial.params['x']}" for trial in study.trials[1:]]
    assert f"best of 3 trials: {chosen[0]} and {chosen[1]} with loss = 0 each (" in findings(finished, study, ran=3)


def test_a_resumed_study_runs_the_rest_only(search: Callable[..., Search]) -> None:
    first, second, third = (FakeLauncher(lambda at: None if at["x"] < 0 else quadratic(at)) for _ in range(3))
    search(n_trials=6).run(first)
    search(n_trials=10).run(second)
    complete = search(n_trials=10)
    study = complete.run(third)
    assert [len(launcher.jobs) for launcher in (first, second, third)] == [6, 4, 0]
    assert second.first_jobs == [6, 7, 8, 9]
    assert "it was complete: raise hydra.sweeper.n_trials" in findings(complete, study, ran=0)


@pytest.mark.parametrize("sampler", ["tpe", "random"])
def test_a_seed_decides_the_trials(search: Callable[..., Search], sampler: str) -> None:
    one, same, other = (FakeLauncher(quadratic) for _ in range(3))
    for number, (launcher, seed) in enumerate([(one, 1), (same, 1), (other, 2)]):
        study = f"{sampler} {number}"
        search("x=interval(0,9)", "y=a,b,c", sampler=sampler, study_name=study, seed=seed, n_trials=12).run(launcher)
    assert one.jobs == same.jobs
    assert one.jobs != other.jobs


@pytest.mark.parametrize("sampler", ["tpe", "random"])
def test_a_resumed_study_does_not_repeat_its_draws(search: Callable[..., Search], sampler: str) -> None:
    launcher = FakeLauncher(quadratic)
    search(n_trials=3, sampler=sampler).run(launcher)
    search(n_trials=6, sampler=sampler).run(launcher)
    assert len({tuple(job) for job in launcher.jobs}) == 6


def test_trials_of_a_dead_process_are_failed(search: Callable[..., Search], storage: str, name: str) -> None:
    interrupted = search(n_trials=4, n_jobs=2)
    with pytest.raises(KeyboardInterrupt):
        interrupted.run(interrupt)
    study = optuna.load_study(study_name=name, storage=storage)
    assert [trial.state for trial in study.trials] == [TrialState.RUNNING] * 2
    gone = study.trials[0].user_attrs[OWNER] | {PROCESS: "1 0"}  # number 1 lives, but has not begun in 1970
    study._storage.set_trial_user_attr(study.trials[0]._trial_id, OWNER, gone)

    launcher = FakeLauncher(quadratic)
    again = search(n_trials=4).run(launcher)
    assert len(launcher.jobs) == 3  # what a dead process has begun does not count
    # The second one's process is this one, which lives: another search may be waiting for it.
    assert [trial.state.name for trial in again.trials] == ["FAIL", "RUNNING", *["COMPLETE"] * 3]


def test_a_batch_that_is_cut_short_keeps_what_has_ended(search: Callable[..., Search], name: str) -> None:
    with pytest.raises(KeyboardInterrupt):
        search(n_trials=4, n_jobs=3).run(interrupt, lambda: [[2.0], TrialState.PRUNED, TrialState.FAIL])
    launcher = FakeLauncher(lambda at: 4.0)
    again = search(n_trials=4)
    study = again.run(launcher)
    assert [trial.state.name for trial in study.trials] == ["COMPLETE", "PRUNED", "FAIL", "COMPLETE", "COMPLETE"]
    assert len(launcher.jobs) == 2
    assert "with loss = 2 (" in findings(again, study, ran=2)


def test_a_search_whose_last_batch_was_cut_short_runs_it_again(search: Callable[..., Search]) -> None:
    with pytest.raises(KeyboardInterrupt):
        search(n_trials=3, n_jobs=3).run(interrupt, lambda: [TrialState.FAIL] * 3)
    launcher = FakeLauncher(quadratic)
    search(n_trials=3).run(launcher)
    assert len(launcher.jobs) == 3


def test_the_error_that_cuts_a_batch_short_is_the_one_that_is_told(
    search: Callable[..., Search], monkeypatch: pytest.MonkeyPatch
) -> None:
    """It names what was saved; the study's database may be on the same full disk."""

    def full(*arguments: Any, **words: Any) -> None:
        raise OSError("disk is full")

    def evaluate(batch: list[list[str]], first_job: int) -> list[Told]:
        monkeypatch.setattr(optuna.Study, "tell", full)
        raise StoreError("what was measured is in /tmp/rescued")

    with pytest.raises(StoreError, match="what was measured is in /tmp/rescued"):
        search().run(evaluate, lambda: [[2.0]])


def interrupt(batch: list[list[str]], initial_job_idx: int) -> list[Told]:
    raise KeyboardInterrupt


@pytest.mark.parametrize(
    ("overrides", "changes", "different"),
    [
        (("x=interval(0,1)",), {}, "x"),
        (("x=1,2",), {}, "x"),
        (("y=interval(-100,100)",), {}, "x, y"),
        ((), {"objectives": [Objective("accuracy")]}, "sweep.metric"),
        ((), {"objectives": [Objective("loss", "maximize")]}, "sweep.direction"),
        ((), {"objectives": [Objective("loss"), Objective("seconds")]}, "sweep.direction, sweep.metric"),
    ],
)
def test_a_study_keeps_its_question(
    search: Callable[..., Search], overrides: tuple[str, ...], changes: dict[str, Any], different: str
) -> None:
    search(n_trials=1).run(FakeLauncher(quadratic))
    with pytest.raises(UserError, match=f"was begun with another {different};"):
        search(*overrides, **changes).run(FakeLauncher(quadratic))


@pytest.mark.parametrize("address", ["sqlite:////nowhere/at/all.db", "no address", "nosql://x/y"])
def test_a_storage_that_cannot_be_used(search: Callable[..., Search], address: str) -> None:
    with pytest.raises(StoreError, match=r"hydra\.sweeper\.storage: cannot use"):
        search(storage=address).run(FakeLauncher(quadratic))


@pytest.mark.parametrize(
    "address", ["sqlite:///", "sqlite://", "sqlite:///:memory:", "sqlite+pysqlite:///:memory:?a=b"]
)
def test_a_storage_names_a_file(search: Callable[..., Search], address: str) -> None:
    """A database in memory would end with the process."""
    with pytest.raises(StoreError, match=re.escape(f"hydra.sweeper.storage: {address} names no file; give one, such")):
        search(storage=address).run(FakeLauncher(quadratic))


@pytest.mark.parametrize("password", [*(f"secret{sign}secret" for sign in "/@:%#?&; "), "secret%40secret"])
def test_the_answer_of_a_search_shows_no_password(search: Callable[..., Search], password: str) -> None:
    searched = search(n_trials=1)
    study = searched.run(FakeLauncher(quadratic))
    assert f"in {searched.storage})" in findings(searched, study, ran=1)
    elsewhere = replace(searched, storage=StudyStorage(f"postgresql://me:{password}@host/db?sslpassword=secret"))
    assert "in postgresql://***@host/db?sslpassword=***)" in findings(elsewhere, study, ran=1)


@pytest.mark.parametrize(
    "address",
    [
        "postgresql://me:secret",
        "postgresql://me:x@secret@host/db",
        "postgresql://me:x secret@host/db",
        "me:secret@host/db",
        "nosql://me:x/secret@host/db",
        "sqlite://me:x/secret@",
    ],
)
def test_no_storage_that_is_refused_shows_its_password(search: Callable[..., Search], address: str) -> None:
    with pytest.raises(StoreError, match=r"hydra\.sweeper\.storage: ") as refused:
        search(storage=address).run(FakeLauncher(quadratic))
    assert "secret" not in str(refused.value)


@pytest.mark.parametrize(
    ("changes", "complaint"),
    [
        ({"n_trials": 0}, "hydra.sweeper.n_trials: 0 is not a whole number above 0"),
        ({"n_jobs": "two"}, "hydra.sweeper.n_jobs: 'two' is not"),
        ({"seed": "x"}, "hydra.sweeper.seed: 'x' is not a whole number"),
        ({"sampler": "grid"}, "hydra.sweeper.sampler: 'grid' is not one of tpe, random, cmaes"),
        ({"pruner": "often"}, "hydra.sweeper.pruner: 'often' is not one of none, median, hyperband"),
        ({"min_steps": 0}, "hydra.sweeper.min_steps: 0 is not a whole number above 0"),
        (
            {"pruner": "median", "objectives": [Objective("loss"), Objective("seconds")]},
            "hydra.sweeper.pruner=median: with several metrics nobody can say which trial is hopeless",
        ),
        (
            {"sampler": "cmaes", "objectives": [Objective("loss"), Objective("seconds")]},
            "cmaes: this sampler improves one",
        ),
    ],
)
def test_settings_are_checked(search: Callable[..., Search], changes: dict[str, Any], complaint: str) -> None:
    with pytest.raises(UserError, match=complaint):
        search(**changes)


def test_cmaes_needs_its_package(search: Callable[..., Search], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("runner.sweep.search.search.find_spec", lambda name: None)
    with pytest.raises(UserError, match="pip install cmaes"):
        search(sampler="cmaes")


class Learning:
    """Runs trials whose loss falls step by step, and ends those that the search's pruner finds hopeless."""

    def __init__(self, search: Search, steps: int = 9) -> None:
        self.pruner = search.trial_pruner
        self.steps = steps
        self.ended: dict[int, int | None] = {}
        """The step at which each job was pruned, None where it was not."""

    def __call__(self, batch: list[list[str]], first_job: int) -> list[Told]:
        return [self.learn(number, numbers(words)["x"]) for number, words in enumerate(batch, first_job)]

    def learn(self, number: int, x: float) -> Told:
        asked = job(x=x, number=number, kind=StepwiseToy)
        for step in range(1, self.steps + 1):
            found = [Metric("loss/now", x + 1 / step, step, 0), Metric("rate", 1, step, 0)]
            pruned = self.pruner.judge(asked, found) if self.pruner else None
            self.ended[number] = pruned.step if pruned else None
            if pruned:
                assert f"loss/now = {x + 1 / step:.6g}" in pruned.reason
                return TrialState.PRUNED
        return [x]


@pytest.mark.parametrize(("pruner", "n_jobs"), [("median", 1), ("median", 3), ("hyperband", 1)])
def test_hopeless_trials_are_pruned(search: Callable[..., Search], pruner: str, n_jobs: int) -> None:
    pruning = search("x=range(1,100)", n_trials=24, sampler="random", pruner=pruner, n_jobs=n_jobs)
    learning = Learning(pruning)
    study = pruning.run(learning)
    pruned = [trial for trial in study.trials if trial.state == TrialState.PRUNED]
    assert len(pruned) == sum(step is not None for step in learning.ended.values()) > 2
    assert [trial.last_step for trial in pruned] == [learning.ended[trial.number] for trial in pruned]
    assert all(step is None or step < learning.steps for step in learning.ended.values())
    complete = [trial for trial in study.trials if trial.state == TrialState.COMPLETE]
    assert len(pruned) + len(complete) == 24
    assert min(trial.params["x"] for trial in study.trials) == study.best_trial.params["x"]
    said = "was" if len(pruned) == 1 else "were"
    assert f"best of 24 trials, of which {len(pruned)} {said} pruned: x=" in findings(pruning, study, ran=24)


def test_no_trial_is_pruned_before_its_time(search: Callable[..., Search]) -> None:
    pruning = search("x=range(1,100)", n_trials=12, sampler="random", pruner="median", min_steps=4)
    learning = Learning(pruning)
    pruning.run(learning)
    assert {step for step in learning.ended.values() if step is not None} == {4}


def test_what_tells_nothing_early_cannot_be_pruned(search: Callable[..., Search]) -> None:
    pruner = search(pruner="median").trial_pruner
    assert pruner is not None
    pruner.require_steps(job(kind=StepwiseToy))
    with pytest.raises(UserError, match=r"toy does not tell loss step by step, .*; leave the pruner out"):
        pruner.require_steps(job())


def test_several_objectives_have_a_front(search: Callable[..., Search]) -> None:
    objectives = [Objective("loss"), Objective("rate", "maximize")]
    both = search("x=range(0,9)", objectives=objectives, n_trials=12, sampler="random")
    study = both.run(lambda batch, first: [[x, min(x, 3.0)] for x in (numbers(words)["x"] for words in batch)])
    xs = {trial.params["x"] for trial in study.trials}
    front = {trial.params["x"] for trial in best_of(study)}
    assert front == {x for x in xs if x < 3} | {min(x for x in xs if x >= 3)}
    said = findings(both, study, ran=12)
    assert said.startswith(f"of 12 trials, {len(best_of(study))} trials are on the Pareto front of loss and rate (")
    assert "best" not in said


# The door


@pytest.mark.parametrize("value", [math.nan, math.inf, None, "fast"])
def test_a_job_without_a_finite_value_has_failed(value: Any) -> None:
    assert told(done(value)) is TrialState.FAIL


def test_the_value_of_a_job() -> None:
    assert told(done(2)) == [2.0]
    assert told(done([2, 0.5])) == [2.0, 0.5]
    assert told(done([2, math.nan])) is TrialState.FAIL
    assert told(failed()) is TrialState.FAIL
    pruned = JobReturn(status=JobStatus.FAILED, _return_value=JobWasPruned("pruned at step 3"))
    assert told(pruned) is TrialState.PRUNED


@pytest.fixture
def door(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., OptunaSweeper]:
    """A sweeper as Hydra would have set it up."""

    def build(launcher: FakeLauncher, sweep: dict[str, Any], **options: Any) -> OptunaSweeper:
        door = OptunaSweeper(**({"n_trials": 3, "seed": 0} | options))
        door.config = OmegaConf.create({"tracking": {"dir": str(tmp_path / "store")}, "sweep": sweep})
        door.hydra_context = HydraContext(config_loader=None, callbacks=None)  # type: ignore[arg-type]
        door.launcher = launcher  # type: ignore[assignment]
        monkeypatch.setattr(door, "validate_batch_is_legal", lambda batch: None)
        return door

    return build


def test_a_search_through_the_door(
    door: Callable[..., OptunaSweeper], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    launcher = FakeLauncher(lambda at: None if at["x"] == 1 else quadratic(at))
    sweeper = door(launcher, {"metric": "loss", "direction": "minimize"}, n_jobs=2)
    batches = sweeper.sweep(["device=cpu", "x=range(1,4)"])
    assert [len(batch) for batch in batches] == [2, 1]
    assert all(job[0] == "device=cpu" for job in launcher.jobs)
    assert (tmp_path / "store" / "optuna.db").exists()
    assert "best of 3 trials: x=" in capsys.readouterr().out


def test_an_interrupted_search_goes_on_from_what_has_ended(
    door: Callable[..., OptunaSweeper], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    launcher = FakeLauncher(quadratic)
    launcher.sweep = SimpleNamespace(is_search=False, returned=[done(7.0), failed()])
    monkeypatch.setattr(launcher, "launch", interrupt)
    with pytest.raises(KeyboardInterrupt):
        door(launcher, {"metric": "loss"}, n_jobs=2).sweep(["x=interval(0,9)"])
    assert launcher.sweep.is_search
    (study,) = optuna.get_all_study_summaries(f"sqlite:///{tmp_path / 'store' / 'optuna.db'}")
    assert study.best_trial is not None
    assert study.best_trial.value == 7


def test_only_a_resumed_sweep_goes_on(door: Callable[..., OptunaSweeper], tmp_path: Path) -> None:
    jobs = []
    for resume, trials in ((False, 3), (False, 3), (True, 5), (True, 5)):
        launcher = FakeLauncher(quadratic)
        sweep = {"metric": "loss", "resume": resume}
        door(launcher, sweep, n_trials=trials).sweep(["x=interval(0,9)", f"sweep.resume={resume}".lower()])
        jobs.append(len(launcher.jobs))
    assert jobs == [3, 3, 2, 0]
    storage = f"sqlite:///{tmp_path / 'store' / 'optuna.db'}"
    known = optuna.get_all_study_names(storage)
    assert len(known) == 2
    assert StudyStorage(storage).newest("another") is None
    assert StudyStorage(f"{storage}?timeout=30").newest(known[1].rpartition(" ")[0]) == known[1]


@pytest.mark.parametrize("word", ["sweep.retry_running=true", "sweep.retry_failed=false", "++sweep.retry_running=true"])
def test_a_search_goes_on_however_its_sweep_is_resumed(door: Callable[..., OptunaSweeper], word: str) -> None:
    first, second = FakeLauncher(quadratic), FakeLauncher(quadratic)
    door(first, {"metric": "loss"}, n_trials=2).sweep(["x=interval(0,9)"])
    resumed = door(second, {"metric": "loss", "resume": True}, n_trials=3)
    resumed.sweep(["x=interval(0,9)", "+sweep.resume=true", word])
    assert (len(first.jobs), len(second.jobs)) == (2, 1)


def test_a_metric_must_be_named(door: Callable[..., OptunaSweeper]) -> None:
    with pytest.raises(UserError, match=r"sweep\.metric: name the metric .* sweep\.metric=time/median_us"):
        door(FakeLauncher(quadratic), {"metric": None}).sweep(["x=1,2"])


def test_without_optuna(door: Callable[..., OptunaSweeper], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hydra_plugins.lab_bench.optuna_sweeper.find_spec", lambda name: None)
    with pytest.raises(UserError, match=r"pip install 'tensorflow-lab-bench\[optuna\]'"):
        door(FakeLauncher(quadratic), {"metric": "loss"}).sweep(["x=1,2"])


def test_a_start_does_not_import_optuna(tmp_path: Path) -> None:
    slow = "{'optuna', 'sqlalchemy', 'runner.sweep.search.search'} & set(sys.modules)"
    check = f"import sys, hydra_plugins.lab_bench.optuna_sweeper; sys.exit(bool({slow}))"
    assert run_command("-c", check, cwd=tmp_path).status == 0


def test_keys_of_one_choice_are_searched_only_in_its_trials(tmp_path):
    space = space_of(
        ["model=mlp,cnn", "mlp.dropout=0.1,0.2", "cnn.dropout=interval(0.3,0.5)", "cnn.filters=choice([8,16])"], PARSER
    )
    storage = StudyStorage(f"sqlite:///{tmp_path}/studies.db")
    seen: list[list[str]] = []

    def evaluate(batch: list[list[str]], first: int) -> list[Told]:
        seen.extend(batch)
        return [[float(len(words))] for words in batch]

    for trials in (6, 12):  # the second one goes on with the study
        searching = Search(space, [Objective("loss")], storage, "a study", trials, seed=3)
        study = searching.run(evaluate)
    assert len(seen) == 12
    assert "model=mlp experiment.model.dropout=" in findings(searching, study, ran=6)  # as a single run takes it
    for words in seen:
        values = dict(word.split("=") for word in words)
        dropout = float(values["experiment.model.dropout"])
        if values["model"] == "mlp":
            assert dropout in (0.1, 0.2)
            assert "experiment.model.filters" not in values
        else:
            assert 0.3 <= dropout <= 0.5
            assert values["experiment.model.filters"] == "[8,16]"
    assert {words[0] for words in seen} == {"model=mlp", "model=cnn"}
