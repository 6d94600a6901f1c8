"""What a note says of where its intervals come from."""

import pytest

from experiments.measure.measurement import Measurement, Sample
from experiments.series.intervals import origin_of_intervals


def having(processes, samples=6):
    """A measurement with so many samples in each process."""
    found = [Sample(0, 1, 1e-6 * (1 + place), process) for process in range(processes) for place in range(samples)]
    return Measurement(tuple(found), 1.0, 1.0, "target")


@pytest.mark.parametrize(
    ("counts", "words"),
    [
        ([1, 1], "hold within this one process; another one may be off by more."),
        ([5, 5], "follow from the spread between 5 processes."),
        ([3, 5], "follow from the spread between 3 to 5 processes."),
        ([1, 5], "follow from the spread between 5 processes; those of a single process hold within it alone."),
    ],
)
def test_the_origin_of_intervals(counts, words):
    measurements = [having(count) for count in counts]
    assert origin_of_intervals(measurements) == [f"The 95 % intervals {words}"]


def test_what_has_no_interval_needs_no_origin():
    assert origin_of_intervals([having(1, samples=5)]) == []
