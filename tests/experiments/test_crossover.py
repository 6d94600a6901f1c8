"""Where one curve overtakes another, on series whose crossover is known."""

import math

import numpy as np
import pytest

from experiments.job_result import JobResult
from experiments.matmul.crossover import AHEAD, APART, CROSSOVER, UNCERTAIN, crossovers
from experiments.matmul.curves import curve_of
from experiments.matmul.refinement import sizes_between

SIZES = [1, 10, 100, 1000, 10_000]


def job_of(
    name,
    seconds_of,
    sizes=SIZES,
    noise=0.0,
    processes=5,
    samples=5,
    seed=0,
    status="FINISHED",
    device="CPU:0",
    swept=None,
    turns=None,
    drift=1.0,
    of_one_process=(),
):
    """A job that took ``seconds_of(n)`` a call; its tables are text.

    Each of its ``processes`` has a level of its own, off by the relative ``noise``, and each of the ``samples`` of a
    process is off from it by as much again. The machine's ``drift`` is a factor for each process. The sizes
    ``of_one_process`` have the first process alone.
    """
    generator = np.random.default_rng(seed)
    tables = {
        "results": [{"n": "99999", "status": "not measured: needs 9 GB of memory", "median_us": ""}],
        "samples": [],
    }
    for n in sizes:
        levels = seconds_of(n) * np.exp(noise * generator.standard_normal((processes, 1)))
        seconds = levels * np.exp(noise * generator.standard_normal((processes, samples)))
        seconds = (seconds * np.reshape(drift, (-1, 1)))[: 1 if n in of_one_process else processes]
        typical = np.exp(np.mean(np.log(np.median(seconds, axis=1))))
        tables["results"].append({"n": f"{n}", "status": "measured", "median_us": f"{typical * 1e6}"})
        tables["samples"] += [
            {"n": f"{n}", "process": f"{process}", "round": "0", "calls": "7", "seconds": f"{7 * one}"}
            for process, of_process in enumerate(seconds)
            for one in of_process
        ]
    swept = swept or {}
    config = {"experiment.shape": "square", "experiment.dtype": "float32", "experiment.mode": "eager", **swept}
    turns = turns or ([f"{process}" for process in range(processes)] if processes > 1 else [])
    return JobResult(name, status, swept, config, device, {}, lambda table: tables.get(table, []), turns)


def crossover(first, second):
    (found,) = crossovers([(first, second)])
    return found


def curve(name, seconds_of, **how):
    return curve_of(job_of(name, seconds_of, **how))


def steep(n):
    """As fast as :func:`shallow` at n = 300."""
    return 1e-6 * (n / 300) ** 0.9


def shallow(n):
    return 1e-6 * (n / 300) ** 0.2


def test_a_curve_is_read_from_the_tables_in_order_of_size():
    found = curve("cpu", steep, sizes=[100, 1, 10], noise=0.1, processes=2, samples=4)
    assert found.n.tolist() == [1, 10, 100]
    assert [len(samples) for samples in found.samples] == [8, 8, 8]
    assert [len(levels) for levels in found.levels] == [2, 2, 2]
    assert found.seconds == pytest.approx([math.sqrt(np.prod(levels)) for levels in found.levels])
    assert curve("none", steep, sizes=[]) is None


@pytest.mark.parametrize("swapped", [False, True])
def test_a_known_crossover_is_found_between_the_sizes(swapped):
    curves = [curve("steep", steep), curve("shallow", shallow)]
    found = crossover(*(curves[::-1] if swapped else curves))
    assert found.outcome == CROSSOVER
    assert found.faster.label == "shallow"
    assert found.n == pytest.approx(300)
    assert found.interval == (100, 1000)
    assert found.speedup == pytest.approx((10_000 / 300) ** 0.7)
    assert found.in_words().startswith("shallow is faster than steep from somewhere between n = 100 and n = 1,000 on, ")


def test_the_interval_holds_the_crossover_in_95_percent_of_experiments():
    sizes = [10, 100, 200, 240, 270, 290, 310, 330, 370, 450, 900, 10_000]
    found = [
        crossover(
            curve("steep", steep, sizes=sizes, noise=0.05, seed=2 * i),
            curve("shallow", shallow, sizes=sizes, noise=0.05, seed=2 * i + 1),
        )
        for i in range(200)
    ]
    intervals = [one.interval for one in found if one.outcome == CROSSOVER]
    assert len(intervals) > 190
    assert np.mean([low <= 300 <= high for low, high in intervals]) >= 0.95
    assert np.median([high / low for low, high in intervals]) < 2


def test_who_is_ahead_at_every_size_is_said():
    found = crossover(curve("slow", lambda n: 2 * steep(n), noise=0.01), curve("fast", steep, noise=0.01, seed=1))
    assert (found.outcome, found.faster.label) == (AHEAD, "fast")
    assert math.isnan(found.n)
    assert found.in_words().startswith(
        "No crossover found in n = 1 to 10,000: fast is faster than slow at every size, "
    )


def test_noise_between_equals_is_no_crossover():
    for seed in range(50):
        found = crossover(
            curve("one", steep, noise=0.3, seed=2 * seed), curve("two", steep, noise=0.3, seed=2 * seed + 1)
        )
        assert found.outcome in (UNCERTAIN, AHEAD)
        ends = "wherever the two can be told apart" if found.outcome == AHEAD else "cannot be told apart at the largest"
        assert ends in found.in_words()


def test_a_lead_that_is_lost_in_noise_at_the_end_is_none():
    def meets_at_the_end(n):
        return steep(n) * (1 if n == SIZES[-1] else 2)

    found = crossover(curve("one", meets_at_the_end, noise=0.1), curve("two", steep, noise=0.1, seed=1))
    assert found.outcome == UNCERTAIN
    assert found.faster is None


def test_of_two_crossings_the_last_counts_and_both_are_told():
    def waves(n):
        return steep(n) * (2 if n in (10, 100) else 0.5)

    found = crossover(curve("plain", steep, noise=0.01), curve("waves", waves, noise=0.01, seed=1))
    assert found.n == pytest.approx(math.sqrt(100 * 1000), rel=0.05)
    assert (found.faster.label, found.lead_changes) == ("waves", 2)
    assert "The lead changes 2 times; this is the last." in found.in_words()


def test_only_common_sizes_count():
    early, late = curve("steep", steep, sizes=[1, 10, 100]), curve("shallow", shallow, sizes=[1, 100, 1000, 10_000])
    found = crossover(early, late)
    assert found.first.n.tolist() == found.second.n.tolist() == [1, 100]
    assert (found.outcome, found.faster.label) == (AHEAD, "steep")
    apart = crossover(early, curve("shallow", shallow, sizes=[1000, 10_000]))
    assert apart.outcome == APART
    assert apart.in_words() == "steep and shallow have no size in common."


def test_one_process_each_gives_a_crossover_without_a_verdict():
    found = crossover(curve("steep", steep, processes=1, samples=1), curve("shallow", shallow, processes=1, samples=1))
    assert found.n == pytest.approx(300)
    assert found.in_words().startswith("shallow took less time than steep from somewhere between n = 100 and n = 1,000")
    assert found.in_words().endswith("One process gives no verdict: another one may differ.")


RESUMED = {"turns": ["0", "1", "2", "3", "another"], "drift": [1, 1, 1, 1, 1.3], "noise": 0.001, "seed": 1}
"""A job of which the last process was made up for when the machine was slower."""


@pytest.mark.parametrize(("faster_at", "leads"), [(10_000, "resumed"), (1, "whole")], ids=["upper end", "lower end"])
def test_sizes_and_speedups_are_those_of_the_pairs_that_the_verdict_is_from(faster_at, leads):
    """In pairs the resumed job is 3 % faster at one size; over all its processes it is slower there, too."""

    def resumed(n):
        return steep(n) * (1 / 1.03 if n == faster_at else 2)

    found = crossover(curve("whole", steep, noise=0.001), curve("resumed", resumed, **RESUMED))
    assert (found.outcome, found.faster.label) == (CROSSOVER, leads)
    assert found.interval == ((1000, 10_000) if faster_at == 10_000 else (1, 10))
    assert found.interval[0] <= found.n <= found.interval[1]
    assert found.speedup == pytest.approx(1.03 if leads == "resumed" else 2, rel=0.01)


def test_who_is_ahead_has_a_speedup_above_one():
    found = crossover(curve("whole", steep, noise=0.001), curve("resumed", lambda n: steep(n) / 1.03, **RESUMED))
    assert (found.outcome, found.faster.label) == (AHEAD, "resumed")
    assert "1.03x at the largest" in found.in_words()


def test_a_size_of_one_process_is_left_out_and_the_others_keep_their_verdicts():
    found = crossover(
        curve("steep", steep, noise=0.01), curve("shallow", shallow, noise=0.01, seed=1, of_one_process=[10, 10_000])
    )
    assert (found.outcome, found.faster.label, found.interval) == (CROSSOVER, "shallow", (100, 1000))
    assert found.in_words().startswith("shallow is faster than steep from somewhere between n = 100 and n = 1,000")
    assert found.in_words().endswith("n = 1,000. Left out: n = 10 and 10,000, where one process gives no verdict.")
    assert sizes_between(found)


def test_only_the_last_change_is_narrowed_and_each_size_inside_counts_by_itself():
    sizes = [10, 100, 250, 290, 310, 350, 1000]
    found = crossover(
        curve("steep", steep, sizes=sizes, noise=0.002), curve("shallow", shallow, sizes=sizes, noise=0.002, seed=1)
    )
    assert found.interval == (290, 310)
    assert found.n == pytest.approx(300, rel=0.01)
    assert found.in_words().startswith("shallow is faster than steep from n = 300 (95 % interval 290 to 310) on, ")
