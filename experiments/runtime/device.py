"""The device that this process computes on.

TensorFlow fixes threads, oneDNN, visible devices and GPU memory for the life of a process. So the device is
process-wide state: call :func:`start` once, before anything else uses TensorFlow, and :func:`current` anywhere.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from experiments.experiment import Refused
from experiments.runtime.keras_variables import set_keras_variables
from experiments.runtime.tensorflow_import import import_tensorflow
from experiments.validators import require_at_least, require_between, require_choice

if TYPE_CHECKING:
    import tensorflow as tf

KINDS = ("auto", "cpu", "gpu")

MOST_THREADS = 1024
"""The most threads to ask for: TensorFlow starts all at once, and hangs silently if the system refuses one."""


class DeviceUnavailable(RuntimeError):
    """The requested device does not exist; the message says which do and what to change."""


@dataclass
class Device:
    """The requested device and the settings of the whole process; None means TensorFlow's default."""

    kind: str = "auto"
    index: int = 0
    gpus: int = 1
    """The number of GPUs that the process sees, from ``index`` on; only replicas use more than the first."""
    intra_op_threads: int | None = None
    inter_op_threads: int | None = None
    onednn: bool | None = None
    tf32: bool | None = None
    deterministic: bool = False
    """Whether TensorFlow takes only such kernels as give the same bits each time."""
    memory_growth: bool = True
    logical_cpus: int = 1

    def __post_init__(self) -> None:
        require_choice(self, "kind", KINDS)
        require_at_least(self, "index", 0)
        require_at_least(self, "gpus", 1)
        require_between(self, "intra_op_threads", 1, MOST_THREADS)
        require_between(self, "inter_op_threads", 1, MOST_THREADS)
        require_between(self, "logical_cpus", 1, MOST_THREADS)

    @property
    def requested(self) -> str:
        """The requested device as one word: ``cpu``, ``gpu``, ``auto``, ``gpu:1``."""
        return f"{self.kind}:{self.index}" if self.index else self.kind


@dataclass(frozen=True)
class Placement:
    """Where this process computes."""

    scope: str
    """TensorFlow's name for it inside this process, e.g. ``/device:GPU:0``."""
    actual: str
    """The machine's name for it, e.g. ``GPU:1``: a process sees only the one GPU it uses, as its first."""
    hardware: str
    """What it is, e.g. ``NVIDIA A100-SXM4-40GB``; empty for a CPU."""

    @property
    def title(self) -> str:
        """The device with its hardware where that is known: ``GPU:0 (NVIDIA A100-SXM4-40GB)`` or ``CPU:0``."""
        return f"{self.actual} ({self.hardware})" if self.hardware else self.actual

    @property
    def is_gpu(self) -> bool:
        return self.actual.startswith("GPU")

    def require(self, result: tf.Tensor) -> None:
        """Raises Refused unless ``result`` was computed here.

        Soft placement, were it ever on, would put it elsewhere without a word.
        """
        if not result.device.endswith(self.scope):
            raise Refused(f"the result was computed on {result.device}, not on {self.actual}")


_current: Placement | None = None
_settings: Device | None = None


def current() -> Placement:
    """Return the placement that :func:`start` has set up. Raises RuntimeError before that."""
    if _current is None:
        raise RuntimeError("experiments.runtime.device.start has not been called in this process")
    return _current


def settings() -> Device:
    """The settings with which :func:`start` was called in this process."""
    if _settings is None:
        raise RuntimeError("experiments.runtime.device.start has not been called in this process")
    return _settings


@contextmanager
def scope() -> Iterator[None]:
    """Return a context in which TensorFlow computes on the :func:`current` placement.

    Where it has to be deterministic and cannot, what TensorFlow raises becomes a Refused.
    """
    tf = import_tensorflow()
    try:
        with tf.device(current().scope):
            yield
    except (tf.errors.OpError, RuntimeError) as error:
        if not settings().deterministic or isinstance(error, Refused) or "determinis" not in str(error).lower():
            raise
        reason = str(error).strip().splitlines()[0]
        raise Refused(f"device.deterministic=true, and TensorFlow cannot do this that way: {reason}") from error


def scope_of_libraries() -> AbstractContextManager[None]:
    """Return a context for libraries, which also need operations that have no GPU kernel, such as ``tf.data``.

    Such an operation fails when it is pinned to a GPU with soft placement off. On a GPU this context pins nothing:
    TensorFlow takes the GPU for every operation that has a kernel for it, and the CPU for the others.
    """
    if not current().is_gpu:
        return scope()
    unpinned: AbstractContextManager[None] = import_tensorflow().device(None)
    return unpinned


def set_onednn(onednn: bool | None) -> None:
    """Switch oneDNN on or off, or leave it with None. TensorFlow reads the setting when it is imported."""
    if onednn is not None:
        os.environ["TF_ENABLE_ONEDNN_OPTS"] = str(int(onednn))


def start(device: Device) -> Placement:
    """Import TensorFlow, set it up for ``device``, and check by a computation that it is used.

    Raises DeviceUnavailable if TensorFlow does not see the device.
    """
    set_keras_variables()
    set_onednn(device.onednn)
    tf = import_tensorflow()
    tf.config.set_soft_device_placement(False)
    if device.intra_op_threads is not None:
        tf.config.threading.set_intra_op_parallelism_threads(device.intra_op_threads)
    if device.inter_op_threads is not None:
        tf.config.threading.set_inter_op_parallelism_threads(device.inter_op_threads)
    if device.tf32 is not None:
        tf.config.experimental.enable_tensor_float_32_execution(device.tf32)
    if device.deterministic:
        tf.config.experimental.enable_op_determinism()
        tf.random.set_seed(0)  # an operation that draws raises without a seed; experiments set their own

    placement = _claim(tf, device)
    with tf.device(placement.scope):
        placement.require(tf.random.stateless_uniform([1], seed=[0, 0]))
    global _current, _settings
    _current, _settings = placement, device
    return placement


def _claim(tf: Any, device: Device) -> Placement:
    gpus = tf.config.list_physical_devices("GPU")
    kind = device.kind if device.kind != "auto" else ("gpu" if gpus else "cpu")
    if kind == "gpu":
        return _claim_gpu(tf, device, gpus)
    return _claim_cpu(tf, device)


def _claim_gpu(tf: Any, device: Device, gpus: list[Any]) -> Placement:
    if not gpus:
        build = "" if tf.test.is_built_with_cuda() else " (and this build of it has no CUDA)"
        raise DeviceUnavailable(
            f"device=gpu, but TensorFlow {tf.__version__} sees no GPU here, only {_names(tf, 'CPU')}{build}. "
            "Install the NVIDIA driver and this project's extra 'gpu' (tensorflow[and-cuda]), "
            "or choose device=cpu or device=auto"
        )
    used = gpus[device.index : device.index + device.gpus]
    if len(used) < device.gpus:
        several = f" and device.gpus={device.gpus}" if device.gpus > 1 else ""
        raise DeviceUnavailable(f"device.index={device.index}{several}, but TensorFlow sees only {_names(tf, 'GPU')}")
    tf.config.set_visible_devices(used, "GPU")
    for gpu in used:
        tf.config.experimental.set_memory_growth(gpu, device.memory_growth)
    hardware = tf.config.experimental.get_device_details(used[0]).get("device_name", "")
    return Placement("/device:GPU:0", f"GPU:{device.index}", hardware)


def _claim_cpu(tf: Any, device: Device) -> Placement:
    tf.config.set_visible_devices([], "GPU")  # a CPU run takes no GPU memory
    if device.index >= device.logical_cpus:
        raise DeviceUnavailable(
            f"device.index={device.index}, but TensorFlow sees only {_names(tf, 'CPU')}: it counts all cores "
            f"as one CPU. device.logical_cpus={device.index + 1} splits it"
        )
    if device.logical_cpus > 1:
        (cpu,) = tf.config.list_physical_devices("CPU")
        parts = [tf.config.LogicalDeviceConfiguration() for _ in range(device.logical_cpus)]
        tf.config.set_logical_device_configuration(cpu, parts)
    return Placement(f"/device:CPU:{device.index}", f"CPU:{device.index}", "")


def _names(tf: Any, kind: str) -> str:
    return ", ".join(found.name.removeprefix("/physical_device:") for found in tf.config.list_physical_devices(kind))


def describe() -> dict[str, Any]:
    """Return TensorFlow's version, build and settings, for the run's ``environment.json``."""
    tf = import_tensorflow()
    placement = current()
    return {
        "version": tf.__version__,
        "git_version": tf.version.GIT_VERSION,
        "compiler": tf.version.COMPILER_VERSION,
        "build": dict(tf.sysconfig.get_build_info()),
        "physical_devices": [found.name for found in tf.config.list_physical_devices()],
        "device": placement.actual,
        "device_hardware": placement.hardware,
        "soft_placement": tf.config.get_soft_device_placement(),
        "intra_op_threads": tf.config.threading.get_intra_op_parallelism_threads() or "default",
        "inter_op_threads": tf.config.threading.get_inter_op_parallelism_threads() or "default",
        "onednn": os.environ.get("TF_ENABLE_ONEDNN_OPTS", "default"),
        "tf32": tf.config.experimental.tensor_float_32_execution_enabled(),
        "deterministic": settings().deterministic,
        "memory_growth": memory_grows(),
    }


def memory_grows() -> bool:
    """Return whether TensorFlow takes GPU memory as it needs it, rather than all at the start."""
    tf = import_tensorflow()
    return all(tf.config.experimental.get_memory_growth(gpu) for gpu in tf.config.get_visible_devices("GPU"))
