"""``python -m runner.compare`` on a small store that plain MLflow calls have written."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from runner.compare import main as compare_main
from runner.tracking import tags
from runner.tracking.store import LocalStore
from tests.conftest import Finished
from tests.in_process import call_main

SECOND = 1000
STEADY = (1.0, 1.002, 0.998, 1.001, 0.999)
"""The levels of five processes."""
UNEVEN = (1.0, 1.3, 0.9, 1.2, 0.8)
ENVIRONMENT = {
    "machine": {"host": "here", "cpu": "a processor", "cores": 2, "load_average": [1, 2, 3]},
    "python": "3.11.2",
    "packages": {"numpy": "2.0"},
    "code": {"commit": "0123abc", "dirty": False},
}


@dataclass
class Archive:
    """A store, and the runs in it by what the tests call them."""

    folder: Path

    def __post_init__(self) -> None:
        self.client = LocalStore(self.folder / "store").open()
        self.experiment = self.client.create_experiment("kept", (self.folder / "artifacts").as_uri())
        self.ids: dict[str, str] = {}

    def keep(
        self,
        called: str,
        times: Mapping[Any, Sequence[float]] | None = None,
        at: int = 0,
        *,
        name: str = "square CPU:0",
        kind: str = "matmul",
        question: str = "q-m",
        parent: str = "",
        process: str = "",
        turns: Sequence[str] = (),
        job: str = "0",
        status: str = "FINISHED",
        overrides: Sequence[str] = (),
        params: Mapping[str, str] | None = None,
        metrics: Mapping[str, float] | None = None,
        environment: Mapping[str, Any] = ENVIRONMENT,
        columns: str = "n",
    ) -> str:
        """Write a run that began at a second and took five. ``times`` has the microseconds of each n and process."""
        session = (process or called).replace(" ", "-")
        tagged = {
            tags.EXPERIMENT: kind,
            tags.FINGERPRINT: question,
            tags.HOST: "here",
            tags.PROCESS: process or called,
            tags.TURNS: " ".join(turns or (f"{session}.0.{number}" for number in range(1, 6))),
            **({tags.PARENT: parent, tags.OVERRIDES: json.dumps(list(overrides)), tags.JOB: job} if parent else {}),
        }
        run = self.client.create_run(self.experiment, (at + 1) * SECOND, tagged, name).info.run_id
        for key, value in {"experiment.shape": "square", "experiment.dtype": "float32", **(params or {})}.items():
            self.client.log_param(run, key, value)
        for key, number in (metrics or {}).items():
            self.client.log_metric(run, key, number)
        if times:
            self.client.log_text(run, _samples(times, columns), "samples.csv")
        self.client.log_text(run, json.dumps(environment), "environment.json")
        words = " ".join(overrides or ["experiment.shape=square"])
        self.client.log_text(run, f"# python -m runner {words}\nseed: 0\n", "config.yaml")
        if status != "RUNNING":
            self.client.set_terminated(run, status, (at + 6) * SECOND)
        self.ids[called] = run
        return run

    def sweep(self, called: str, at: int, name: str) -> str:
        tagged = {tags.KEY: called, tags.COMMAND: "python -m runner -m ..."}
        run = self.client.create_run(self.experiment, (at + 1) * SECOND, tagged, name).info.run_id
        self.client.set_terminated(run, "FINISHED", (at + 9) * SECOND)
        self.ids[called] = run
        return str(run)

    def compare(self, *words: str) -> Finished:
        """Call the program; words that the tests call a run by stand for its id."""
        named = [self.ids.get(word, word) for word in words]
        return call_main("tracking.dir=store", *named, cwd=self.folder, program=compare_main)

    def found(self, *words: str) -> Any:
        done = self.compare(*words, "--json")
        assert (done.status, done.err) == (0, "")
        return json.loads(done.out)


def _samples(times: Mapping[Any, Sequence[float]], columns: str) -> str:
    """Three samples of two calls for each process; their median is its level."""
    rows = [
        f"{n},{process},{turn},2,{2e-6 * level * factor!r},0"
        for n, levels in times.items()
        for process, level in enumerate(levels)
        for turn, factor in enumerate((0.9, 1.0, 1.5))
    ]
    return "\n".join([f"{columns},process,round,calls,seconds,later_column", *rows, ""])


def scaled(levels: Sequence[float], factor: float) -> list[float]:
    return [level * factor for level in levels]


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Archive:
    archive = Archive(tmp_path_factory.mktemp("archive"))
    keep = archive.keep
    dtypes = archive.sweep("dtypes", 100, "sweep dtypes")
    uneven = {1: UNEVEN, 64: UNEVEN}
    slower = {1: [a * b for a, b in zip(UNEVEN, STEADY, strict=True)], 64: scaled(UNEVEN, 1.1)}
    for number, (called, times) in enumerate((("float32", uneven), ("float64", slower))):
        keep(
            called,
            times,
            100,
            name=f"{called} CPU:0",
            question=called,
            parent=dtypes,
            process="dtypes",
            job=str(number),
            overrides=[f"experiment.dtype={called}"],
            params={"experiment.dtype": called},
        )
    again = archive.sweep("dtypes again", 200, "sweep dtypes")
    for dtype, factor in (("float64", 1.5), ("float32", 1.0)):
        keep(
            f"{dtype} again",
            {1: scaled(STEADY, factor), 64: STEADY},
            200,
            question=dtype,
            parent=again,
            process="again",
            overrides=[f"experiment.dtype={dtype}"],
            params={"experiment.dtype": dtype},
        )
    for number, factor in enumerate((1.0, 1.03, 0.98, 1.01)):
        keep(f"earlier {number}", {64: scaled(STEADY, factor)}, 10 * number, question="often")
    keep("often", {64: STEADY}, 300, question="often", name="often CPU:0")
    keep("often slower", {64: scaled(STEADY, 1.08)}, 310, question="often")
    keep("much slower", {64: scaled(STEADY, 1.3)}, 320, question="seldom")
    keep("busy", {64: scaled(STEADY, 1.3)}, 325, question="busy", metrics={"disturbance/others_share": 0.5})
    keep("one process", {64: [1.0]}, 330, question="one")
    keep("rare", {64: STEADY, 512: scaled(STEADY, 1e4)}, 340, question="rare", name="rare l'eau")
    other = ENVIRONMENT | {"packages": {"numpy": "2.1"}, "code": {"commit": "4567def", "dirty": True}}
    keep("rare slower", {64: scaled(STEADY, 1.08)}, 350, question="rare2", params={"experiment.dtype": "float64"},
         environment=other, overrides=["experiment.shape=square", "experiment.dtype=float64"])  # fmt: skip
    for called, factor in (("operators", 1.0), ("slow operators", 2.0)):
        times = {"relu,forward": scaled(STEADY, factor), "softmax,forward": STEADY}
        keep(called, times, 355, kind="operators", question=called, columns="operator,call")
    keep("small", {8: STEADY}, 360, question="small")
    keep("killed", None, 370, question="k", status="KILLED")
    keep("going on", {64: STEADY}, 380, question="g", status="RUNNING")
    keep("net", None, 390, kind="training", question="n", metrics={"test/accuracy": 0.9, "test/loss": 0.5, "x": 1})
    keep("better net", None, 400, kind="training", question="n", metrics={"test/accuracy": 0.95, "test/loss": 0.25})
    entries = {"entries": (1.0, 2.0, 3.0), "other entries": (1.0, 2.5, 3.0), "fewer entries": (1.0, 2.0)}
    for called, values in entries.items():
        run = keep(called, None, 365, kind="autodiff", question="d")
        for step, value in enumerate(values):
            archive.client.log_metric(run, "derivative/x", value, step=step)
    keep("rounded net", None, 385, kind="training", question="n", metrics={"test/accuracy": 0.9, "test/loss": 0.50001})
    return archive


def test_jobs_that_took_turns_are_compared_in_pairs(archive: Archive) -> None:
    """The levels differ by half from process to process, alike in both."""
    same, slower = archive.found("float32", "float64")["times"]
    assert (same["key"], same["verdict"], same["took_turns"]) == ({"n": "1"}, "same", True)
    assert (slower["key"], slower["verdict"]) == ({"n": "64"}, "slower")
    assert slower["ratio"] == pytest.approx(1.1)
    assert slower["a_seconds"] == pytest.approx(1e-6 * math.exp(np.mean(np.log(UNEVEN))))
    assert (slower["low"], slower["high"]) == (pytest.approx(1.1), pytest.approx(1.1))
    assert archive.found("float64", "float32")["times"][1]["verdict"] == "faster"


def test_a_job_that_was_resumed_is_compared_in_the_turns_that_both_had(tmp_path: Path) -> None:
    """Its first processes had turns with the other job, which has finished; the rest had them alone."""
    archive = Archive(tmp_path)
    first = [f"first.0.{number}" for number in range(1, 6)]
    archive.keep("whole", {64: UNEVEN}, turns=first)
    resumed = scaled([*UNEVEN[:3], 0.5, 0.5], 1.1)
    archive.keep("resumed", {64: resumed}, turns=[*first[:3], "second.0.1", "second.0.2"])
    (time,) = archive.found("whole", "resumed")["times"]
    assert (time["took_turns"], time["verdict"]) == (True, "slower")
    assert (time["low"], time["high"]) == (pytest.approx(1.1), pytest.approx(1.1))


def test_what_was_timed_need_not_be_a_size(archive: Archive) -> None:
    first, second = archive.found("operators", "slow operators")["times"]
    assert (first["key"], first["verdict"]) == ({"operator": "relu", "call": "forward"}, "slower")
    assert (second["key"], second["verdict"]) == ({"operator": "softmax", "call": "forward"}, "unsure")


def test_sweeps_are_compared_job_by_job(archive: Archive) -> None:
    times = archive.found("dtypes", "dtypes again")["times"]
    assert [(one["job"], one["key"]["n"]) for one in times] == [
        ("float32", "1"),
        ("float32", "64"),
        ("float64", "1"),
        ("float64", "64"),
    ]
    assert not any(one["took_turns"] for one in times)
    level = math.exp(np.mean(np.log(UNEVEN)) + np.mean(np.log(STEADY)))
    assert times[2]["ratio"] == pytest.approx(1.5 * math.exp(np.mean(np.log(STEADY))) / level)


def test_what_a_sweep_does_not_vary_is_in_its_config(tmp_path: Path) -> None:
    """However its command writes it, or does not: groups are parameters by the names of their choices."""
    archive = Archive(tmp_path)
    known = {
        "device.kind": "cpu",
        "experiment.model": "mlp",
        "experiment.sizes": "[1, 10]",
        "experiment.rate": "0.001",
    }
    words = ["device=cpu", "model=mlp", "experiment.sizes=[1,10]", "experiment.rate=1e-3"]
    commands = {"terse": [[]], "full": [words], "wide": [words, [word.partition("=")[0] + "=7" for word in words]]}
    for at, (called, jobs) in enumerate(commands.items()):
        parent = archive.sweep(called, 10 * at, called)
        for dtype in ("float32", "float64"):
            for place, job in enumerate(jobs):
                archive.keep(
                    f"{called} {dtype} {place}",
                    {64: STEADY},
                    10 * at,
                    question=f"{dtype} {place}",
                    parent=parent,
                    overrides=[f"experiment.dtype={dtype}", *job],
                    params=known,
                )
    for called in ("terse", "full"):
        for pair in ((called, "wide"), ("wide", called)):
            found = archive.found(*pair)["times"]
            assert sorted(one["job"].split()[0] for one in found) == ["float32", "float64"]


def test_what_is_known_of_the_drift_is_in_the_interval(archive: Archive) -> None:
    (found,) = archive.found("often", "often slower")["times"]
    others = np.log([1.0, 1.03, 0.98, 1.01])
    variance = 2 * np.var(np.log(STEADY), ddof=1) / 5 + 2 * np.var(others, ddof=1)
    from scipy.stats import t

    factor = math.exp(t.ppf(0.975, 3) * math.sqrt(variance))
    assert (found["verdict"], found["drift_is_known"]) == ("unsure", True)
    assert (found["low"], found["high"]) == (pytest.approx(1.08 / factor), pytest.approx(1.08 * factor))
    assert archive.found("often", "much slower")["times"][0]["verdict"] == "slower"


def test_where_nothing_is_known_of_the_drift(archive: Archive) -> None:
    done = archive.compare("rare", "rare slower")
    assert done.status == 0
    assert "the drift of the machine between the two is not in the intervals" in done.out
    assert "unsure: the two did not take turns" in done.out
    both = ",".join(archive.ids[called][:8] for called in ("rare", "rare slower"))
    assert f"python -m runner -m replay={both} tracking.dir={archive.folder / 'store'}" in done.out


def test_beside_other_programs_a_time_may_be_longer(archive: Archive) -> None:
    """Half of the machine was left: twice as long may be no difference."""
    done = archive.compare("often", "busy")
    assert (
        "Other programs took up to 50% of the machine while it measured. Only a difference beyond 100% counts"
        in done.out
    )
    assert archive.found("often", "busy")["times"][0]["verdict"] == "unsure"


def test_what_differs(archive: Archive) -> None:
    found = archive.found("rare", "rare slower")
    assert [(one["area"], one["key"], one["a"], one["b"]) for one in found["differences"]] == [
        ("config", "experiment.dtype", "float32", "float64"),
        ("code", "commit", "0123abc", "4567def"),
        ("code", "dirty", "False", "True"),
        ("packages", "numpy", "2.0", "2.1"),
    ]
    assert "No difference in: machine." in archive.compare("rare", "rare slower").out


def test_runs_that_kept_no_hash_of_their_code_say_so(archive: Archive) -> None:
    said = "Whether the same code made both cannot be known: A and B kept no hash of it."
    assert said in archive.compare("rare", "rare slower").out
    for name, code in (("rare", "one"), ("rare slower", "another")):
        archive.client.set_tag(archive.ids[name], tags.CODE, code)
    found = archive.found("rare", "rare slower")
    assert said not in found["remarks"]
    assert ("code", "hash", "one", "another") in [tuple(one.values()) for one in found["differences"]]
    for name in ("rare", "rare slower"):
        archive.client.delete_tag(archive.ids[name], tags.CODE)


def test_one_process_has_no_verdict(archive: Archive) -> None:
    (found,) = archive.found("often", "one process")["times"]
    assert (found["verdict"], found["low"]) == ("unsure", None)
    assert "experiment.timing.processes=5" in found["reason"]


@pytest.mark.parametrize(
    ("words", "status"),
    [
        (("float32", "float64"), 1),
        (("float32", "float64", "--margin", "9.9%"), 1),
        (("float32", "float64", "--margin", "11 %"), 0),
        (("float64", "float32"), 0),
        (("often", "often slower"), 0),
        (("often", "much slower"), 1),
        (("often", "one process"), 0),
    ],
)
def test_the_exit_status(archive: Archive, words: tuple[str, ...], status: int) -> None:
    done = archive.compare(*words, "--fail-on", "slower", "--json")
    assert (done.status, json.loads(done.out)["fails"]) == (status, bool(status))
    assert archive.compare(*(word for word in words[:2])).status == 0


@pytest.mark.parametrize(
    ("other", "verdicts", "says"),
    [
        (
            "better net",
            ("DIFFERS", "DIFFERS"),
            "B DIFFERS from A by more than the tolerance: test/accuracy and test/loss.",
        ),
        ("rounded net", ("equal", "within the tolerance"), "All 2 metrics with a tolerance are within it."),
    ],
)
def test_metrics_of_trainings_are_held_against_their_tolerances(
    archive: Archive, other: str, verdicts: tuple[str, str], says: str
) -> None:
    found = archive.found("net", other)
    metrics = {one["metric"]: one["verdict"] for one in found["metrics"]}
    assert (found["times"], metrics) == ([], dict(zip(("test/accuracy", "test/loss"), verdicts, strict=True)))
    assert says in archive.compare("net", other).out


def test_each_step_of_a_metric_counts_and_none_may_be_missing(archive: Archive) -> None:
    for called, step, values in (("other entries", 1, (2.0, 2.5)), ("fewer entries", 2, (3.0, None))):
        (found,) = archive.found("entries", called)["metrics"]
        assert (found["step"], found["verdict"], (found["a"], found["b"])) == (step, "DIFFERS", values)


@pytest.mark.parametrize("word", ["often CPU:0", "rare l'eau", "latest", "latest~1"])
def test_the_names_of_runs(archive: Archive, word: str) -> None:
    called = {"often CPU:0": "often", "rare l'eau": "rare", "latest": "better net", "latest~1": "net"}[word]
    other = {"latest": "net", "latest~1": "better net"}.get(word, "small")
    if other == "small":
        done = archive.compare(word, "often slower")
        assert archive.ids[called][:8] in done.out
    else:
        assert archive.found(word, other)["a"]["id"] == archive.ids[called]


def test_the_beginning_of_an_id(archive: Archive) -> None:
    assert archive.found(archive.ids["net"][:10], archive.ids["better net"][:12])["a"]["id"] == archive.ids["net"]


@pytest.mark.parametrize("words", [("float32", "float64"), ("dtypes", "dtypes again"), ("operators", "slow operators")])
def test_the_plot(archive: Archive, tmp_path: Path, words: tuple[str, ...]) -> None:
    path = tmp_path / "ratio.png"
    assert archive.compare(*words, "--plot", str(path)).status == 0
    assert path.read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("nobody", "often"), "nobody: there is no such run"),
        (("a\nb", "often"), "a b: there is no such run"),
        (("it's % \"\\", "often"), "there is no such run"),
        (("square CPU:0", "often"), "runs are called so; give the id of one: "),
        (("latest~99", "often"), "with an answer (FINISHED runs, and sweeps) is 22; name a run by its id"),
        (("often", "often"), "are the same run"),
        (("often", "net"), "is a run of matmul"),
        (("often", "small"), "have nothing in common that could be compared"),
        (("often", "killed"), "have nothing in common that could be compared"),
        (("often", "going on"), "this run is still going on"),
        (("dtypes", "often"), "is a sweep"),
        (("often",), "give two runs"),
        (("often", "often slower", "experiment.x=1"), "give two runs"),
        (("often", "often slower", "--margin", "5%"), "--margin belongs to --fail-on slower"),
        (("often", "often slower", "--fail-on", "slower", "--margin", "5"), "write it as 5%"),
        (("often", "often slower", "--fail-on", "faster"), "--fail-on: invalid choice"),
        (("often", "often slower", "--plot", "ratio.pdf"), "end it with .png"),
        (("often", "often slower", "--plot", "nowhere/ratio.png"), "cannot write nowhere/ratio.png"),
        (("net", "better net", "--fail-on", "slower"), "--fail-on: these runs have timed nothing in common"),
        (("often", "often slower", "tracking.dir=nothing"), "there are no runs in"),
        (("often", "often slower", f"tracking.dir={'x' * 300}"), "tracking.dir: cannot look into /"),
        (("often", "often slower", "tracking.dirr=x"), "tracking.dirr: no such key (did you mean tracking.dir?)"),
        (("often", "often slower", "tracking=server", "tracking.uri=http://127.0.0.1:9"), "127.0.0.1:9"),
    ],
)
def test_wrong_use(archive: Archive, words: tuple[str, ...], says: str) -> None:
    done = archive.compare(*words)
    assert (done.status, done.out) == (2, "")
    (line,) = done.err.splitlines()
    assert line.startswith("runner.compare: ")
    assert says in line
    assert not (archive.folder / "nothing").exists()
