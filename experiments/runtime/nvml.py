"""The card that this process computes on, as NVIDIA's driver sees it.

The driver's management library (NVML) counts all cards of the machine. TensorFlow counts those that CUDA shows to this
process, in CUDA's order: CUDA_VISIBLE_DEVICES and CUDA_DEVICE_ORDER decide. A card's address on the bus is the same to
both, so a card is found by that, and never by its number.
"""

from __future__ import annotations

import ctypes
import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Any

CUDA = "libcuda.so.1"
"""The driver's own library, in which TensorFlow's process has its devices."""

HEAT, POWER = "heat", "power"

SLOWED_BY = {HEAT: 0x20 | 0x40, POWER: 0x04 | 0x80, "its hardware": 0x08}
"""Why a card is slowed down: bits of NVML's clocks event reasons. The last one is set with heat and power, too."""


@dataclass(frozen=True)
class Reading:
    """The state of a card at one moment. NaN stands for what the driver does not tell of this card."""

    phase: str
    """``before`` a visit to a point, ``during`` it (between two blocks), or ``after`` it."""
    clock_mhz: float
    """The clock of the multiprocessors."""
    celsius: float
    watts: float
    """Of the whole card; the driver's mean over the last second since Ampere."""
    reasons: int
    """The bits of the reasons for which the clock is what it is."""

    @property
    def slowed_by(self) -> list[str]:
        """Why the card is slowed down; empty if it is not."""
        found = [reason for reason in (HEAT, POWER) if self.reasons & SLOWED_BY[reason]]
        return found or [reason for reason, bits in SLOWED_BY.items() if self.reasons & bits]


class Card:
    """One card, asked through NVML. With MIG it is the whole card, of which this process has a part."""

    def __init__(self, nvml: Any, handle: Any) -> None:
        self._nvml, self._handle = nvml, handle

    def reading(self, phase: str) -> Reading:
        """Read the card's state, which takes the driver some 0.1 ms."""
        nvml = self._nvml
        reasons = self._ask(nvml.nvmlDeviceGetCurrentClocksThrottleReasons)  # older drivers know no other name
        return Reading(
            phase,
            clock_mhz=self._ask(nvml.nvmlDeviceGetClockInfo, nvml.NVML_CLOCK_SM),
            celsius=self._ask(nvml.nvmlDeviceGetTemperature, nvml.NVML_TEMPERATURE_GPU),
            watts=self._ask(nvml.nvmlDeviceGetPowerUsage) / 1e3,
            reasons=0 if math.isnan(reasons) else int(reasons),
        )

    def joules(self) -> float:
        """Return what the whole card has used since the driver was loaded; NaN where the driver does not count it."""
        return self._ask(self._nvml.nvmlDeviceGetTotalEnergyConsumption) / 1e3

    def free_bytes(self) -> int | None:
        """Return the free memory; None where the driver does not tell."""
        try:
            return int(self._nvml.nvmlDeviceGetMemoryInfo(self._handle).free)
        except self._nvml.NVMLError:
            return None

    def _ask(self, function: Callable[..., Any], *arguments: Any) -> float:
        try:
            return float(function(self._handle, *arguments))
        except self._nvml.NVMLError:
            return math.nan


@cache
def card_of(device: str) -> Card | None:
    """Return the card that this process counts as ``GPU:1``; None for ``CPU:0``, or if there is no driver to ask."""
    kind, _, number = device.partition(":")
    if kind != "GPU":
        return None
    try:
        import pynvml
    except ImportError:
        return None
    bus_id = _bus_id(int(number))
    if bus_id is None:
        return None
    try:
        pynvml.nvmlInit()
        return Card(pynvml, pynvml.nvmlDeviceGetHandleByPciBusId(bus_id))
    except pynvml.NVMLError:
        return None


def _bus_id(number: int) -> bytes | None:
    """Return the address on the bus of a GPU as this process counts them; None without a driver."""
    try:
        cuda = ctypes.CDLL(CUDA)
    except OSError:
        return None
    device, address = ctypes.c_int(), ctypes.create_string_buffer(32)
    failed = (
        cuda.cuInit(0)
        or cuda.cuDeviceGet(ctypes.byref(device), number)
        or cuda.cuDeviceGetPCIBusId(address, len(address), device)
    )
    return None if failed else address.value
