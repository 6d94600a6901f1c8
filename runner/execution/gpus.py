"""The GPUs that the jobs of a command share out among themselves: one for each process."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from experiments.runtime.device import Device
from runner.errors import UserError


class GpuPool:
    """The GPUs that nobody has, by their numbers; without any, a job takes the device that its config names."""

    def __init__(self, indices: Sequence[int] | None) -> None:
        """``indices`` is the value of ``hydra.launcher.gpus``."""
        self._is_used = indices is not None
        self._free = list(indices or ())

    def can_serve(self, device: Device) -> bool:
        """Whether a job with these settings need not wait for a GPU."""
        return bool(self._free) or not self._needs_one(device)

    def take(self, device: Device) -> int | None:
        """Take the GPU that was free for longest; None for a job that needs none of these."""
        return self._free.pop(0) if self._needs_one(device) else None

    def give_back(self, gpu: int | None) -> None:
        """Let others have a GPU again. Its process has ended."""
        if gpu is not None:
            self._free.append(gpu)

    def _needs_one(self, device: Device) -> bool:
        return self._is_used and device.kind != "cpu"


def on_gpu(device: Device, gpu: int | None) -> Device:
    """Return the settings of a process that has this GPU."""
    return device if gpu is None else replace(device, kind="gpu", index=gpu)


def require_one_gpu(device: Device) -> None:
    """Raise UserError if a job itself says which GPUs it takes, where the launcher chooses one."""
    for key, usual in (("index", 0), ("gpus", 1)):
        if (value := getattr(device, key)) != usual:
            raise UserError(
                f"device.{key}={value}: hydra.launcher.gpus gives each job one GPU of its own choice; "
                "leave out one of the two"
            )
