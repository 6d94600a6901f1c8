"""A warning where the best device should be a GPU, but TensorFlow lacks what it needs to see it."""

from __future__ import annotations

from collections.abc import Callable

from experiments.runtime.device import Device, Placement
from experiments.runtime.gpu_driver import has_nvidia_driver


class UnusedGpu:
    """Warns once in a command: a CPU's numbers look like any others."""

    def __init__(self) -> None:
        self._is_over = False

    def warn(self, device: Device, placement: Placement, say: Callable[[str], None]) -> None:
        """Say so if ``device`` may be a GPU, there is one, and the process that has started computes on a CPU."""
        if self._is_over or device.kind != "auto" or placement.is_gpu or not has_nvidia_driver():
            return
        self._is_over = True
        say(
            "warning: this machine has an NVIDIA driver, but TensorFlow sees no GPU, so device=auto takes the CPU: "
            "install this project's extra 'gpu' (README, Start); if it is there, lab.log has what TensorFlow said"
        )
