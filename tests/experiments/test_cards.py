"""What is read off a card, with a driver that is pretended: it tells states, and computes nothing."""

from __future__ import annotations

import ctypes
import math
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import count
from types import ModuleType, SimpleNamespace

import pytest

from experiments.gradient_cost import GradientCost
from experiments.gradient_cost.workloads import LogSumExp
from experiments.matmul import Matmul
from experiments.measure import Timing
from experiments.runtime import card_watch, nvml
from experiments.runtime.card_watch import CardWatch, Energy
from experiments.runtime.conditions import Conditions
from experiments.runtime.disturbance import Disturbance
from experiments.runtime.nvml import Reading, card_of
from experiments.series import measuring
from experiments.series.cards import card_columns, in_words
from experiments.testing import MemoryRecorder

THREE = Timing(processes=3, max_seconds=0.03, warmup_seconds=0.0, block_seconds=0.001, min_samples=3)

BUS_IDS = [b"0000:18:00.0", b"0000:3b:00.0", b"0000:86:00.0"]
"""Three cards, in the order of the driver."""

HOT, CAPPED, BRAKED = 0x20, 0x04, 0x08


class NVMLError(Exception):
    """What NVML raises."""


@dataclass
class Driver:
    """The cards by their bus addresses, and those that CUDA shows to this process, in its order."""

    visible: list[bytes] = field(default_factory=lambda: [BUS_IDS[2], BUS_IDS[0]])
    reasons: int = 0
    counts_energy: bool = True
    energy: Iterator[int] = field(default_factory=lambda: count(0, 500))

    def CDLL(self, name: str) -> SimpleNamespace:  # noqa: N802
        """The driver's own library: numbers of devices are those that CUDA shows."""
        assert name == nvml.CUDA

        def address(buffer, length, device):
            buffer.value = self.visible[device.value]
            return 0

        def get(device, number):
            device._obj.value = number
            return 0 if number < len(self.visible) else 101

        return SimpleNamespace(cuInit=lambda flags: 0, cuDeviceGet=get, cuDeviceGetPCIBusId=address)

    def library(self) -> ModuleType:
        """The module ``pynvml``: a handle is the number of the card."""
        found = ModuleType("pynvml")
        states = {
            "nvmlInit": lambda: None,
            "nvmlDeviceGetHandleByPciBusId": BUS_IDS.index,
            "nvmlDeviceGetMemoryInfo": lambda card: SimpleNamespace(free=1000 + card),
            "nvmlDeviceGetClockInfo": lambda card, kind: 1000 + card,
            "nvmlDeviceGetTemperature": lambda card, sensor: 60 + card,
            "nvmlDeviceGetPowerUsage": lambda card: 250_000,
            "nvmlDeviceGetCurrentClocksThrottleReasons": lambda card: self.reasons,
            "nvmlDeviceGetTotalEnergyConsumption": self.millijoules,
            "NVML_CLOCK_SM": 1,
            "NVML_TEMPERATURE_GPU": 0,
            "NVMLError": NVMLError,
        }
        vars(found).update(states)
        return found

    def millijoules(self, card: int) -> int:
        if not self.counts_energy:
            raise NVMLError("Not Supported")
        return next(self.energy)


@pytest.fixture
def driver(monkeypatch) -> Iterator[Driver]:
    pretended = Driver()
    monkeypatch.setitem(sys.modules, "pynvml", pretended.library())
    monkeypatch.setattr(ctypes, "CDLL", pretended.CDLL)
    card_of.cache_clear()
    yield pretended
    card_of.cache_clear()


def test_a_card_is_found_by_its_address_and_not_by_its_number(driver):
    """CUDA_VISIBLE_DEVICES=2,0: what TensorFlow calls GPU:0 is the driver's third card."""
    cards = [card_of(f"GPU:{number}") for number in range(2)]
    assert [card and card.free_bytes() for card in cards] == [1002, 1000]


def test_without_a_card_or_a_driver_there_is_none(driver, monkeypatch):
    assert card_of("CPU:0") is None
    assert card_of("GPU:2") is None  # CUDA shows two

    def missing(name):
        raise OSError(f"{name}: cannot open shared object file")

    monkeypatch.setattr(ctypes, "CDLL", missing)
    assert card_of("GPU:1") is None


def test_what_the_driver_does_not_tell_is_not_known(driver):
    driver.counts_energy = False
    card = card_of("GPU:0")
    assert card
    assert math.isnan(card.joules())
    assert card.reading("before") == Reading("before", 1002, 62, 250, 0)


@pytest.mark.parametrize(
    ("reasons", "slowed_by"),
    [
        (0, []),
        (0x1 | 0x2 | 0x10 | 0x100, []),  # idle, or clocks that somebody has set
        (HOT, ["heat"]),
        (BRAKED | HOT | CAPPED, ["heat", "power"]),
        (BRAKED, ["its hardware"]),
    ],
)
def test_why_a_card_is_slowed_down(reasons, slowed_by):
    assert Reading("during", 1000, 60, 250, reasons).slowed_by == slowed_by


def test_a_watch_reads_at_most_every_50_ms_between_blocks(driver, monkeypatch):
    now = iter([0.0, 0.01, 0.06, 0.06, 0.1])
    monkeypatch.setattr(card_watch, "perf_counter", now.__next__)
    watch = CardWatch(card_of("GPU:0"))
    watch.look("before")
    for _ in range(3):
        watch.look_between_blocks()
    assert [reading.phase for reading in watch.readings] == ["before", "during"]


def test_the_energy_of_a_call_is_told_only_after_a_while():
    assert math.isnan(Energy(joules=100, calls=10, seconds=0.3).per_call)
    assert (Energy(100, 10, 0.3) + Energy(50, 5, 0.3)).per_call == 10
    assert math.isnan(Energy().per_call)


def test_conditions_travel_from_one_process_to_the_next():
    here = Conditions(Disturbance(2, 4), 5e6, (Reading("during", 1000, 60, 250, HOT),), {"product": Energy(1, 2, 3)})
    assert Conditions.from_plain(here.plain()) == here
    both = here + Conditions.from_plain({"disturbance": [1.0, 2.0]})  # as earlier versions wrote it
    assert (both.disturbance.seconds, both.peak_bytes, both.readings) == (3, 5e6, here.readings)
    assert (here + here).energy == {"product": Energy(2, 4, 6)}


def test_a_card_that_was_slowed_down_in_words():
    cool = Reading("during", 1980, 60, 500, 0)
    capped, hot = Reading("during", 1700, 71, 699.8, CAPPED), Reading("during", 1200, 88, 600, HOT)
    idle = Reading("after", 345, 50, 70, HOT)
    assert in_words([cool, idle]) == []
    assert in_words([]) == []
    assert in_words([cool, capped]) == [
        "The card was slowed down for power at 1 of 2 readings between blocks: its clock was 1,700 to 1,980 MHz, "
        "at up to 71 °C and 700 W."
    ]
    (words,) = in_words([cool, capped, hot, hot])
    assert "heat at 2 and power at 1 of 4 readings" in words
    assert words.endswith("1,200 to 1,980 MHz, at up to 88 °C and 700 W. The times may be longer for it.")


def test_without_a_card_there_are_no_columns_of_one():
    assert card_columns(Conditions()) == {}


def test_every_point_tells_of_the_card(on_device, driver, monkeypatch):
    """The products run on the CPU; only the card beside it is pretended. It uses half a joule between two looks."""
    monkeypatch.setattr(measuring, "card_of", lambda device: card_of("GPU:0"))
    monkeypatch.setattr(card_watch, "PAUSE", 0.0)
    monkeypatch.setattr(card_watch, "SHORTEST", 0.0)
    driver.reasons = HOT
    recorder = MemoryRecorder()
    recorder.run_to_end(Matmul(sizes=[1, 10], timing=THREE).run)
    for row in recorder.tables["results"]:
        assert [row[f"gpu_clock_mhz_{phase}"] for phase in ("before", "during", "after", "lowest")] == [1002] * 4
        assert (row["gpu_celsius_during"], row["gpu_watts_during"]) == (62, 250)
        assert (row["gpu_slowed_share"], row["gpu_slowed_by"]) == (1, "heat")
        samples = [sample for sample in recorder.tables["samples"] if sample["n"] == row["n"]]
        calls = sum(int(sample["calls"] or 0) for sample in samples)
        assert row["product_mj_per_call"] == pytest.approx(3 * 500 / calls)
        for name in ("gpu/clock_mhz", "gpu/slowed_share", "energy/product_mj_per_call"):
            assert recorder.metrics[name, int(row["n"] or 0)] > 0
    assert recorder.notes[-1].count("The card was slowed down for heat") == 1


def test_each_call_of_a_point_has_its_own_energy(on_device, driver, monkeypatch):
    monkeypatch.setattr(measuring, "card_of", lambda device: card_of("GPU:0"))
    monkeypatch.setattr(card_watch, "SHORTEST", 0.0)
    recorder = MemoryRecorder()
    recorder.run_to_end(GradientCost(workload=LogSumExp(sizes=[5]), timing=THREE).run)
    (row,) = recorder.tables["results"]
    assert {column for column in row if column.endswith("_mj_per_call")} == {
        "function_mj_per_call",
        "gradient_mj_per_call",
    }
