"""What TensorFlow and the driver see. It starts no device."""

from __future__ import annotations

import json
import platform
import sys
from importlib import metadata
from typing import Any

from experiments.runtime.tensorflow_import import import_tensorflow
from runner import environment

DRIVER = "/proc/driver/nvidia/version"


def main() -> None:
    found = environment.describe()
    tf = import_tensorflow()
    print(
        json.dumps(
            {
                "tensorflow": tf.__version__,
                "built_for": {name: str(value) for name, value in tf.sysconfig.get_build_info().items()},
                "devices": [device.name for device in tf.config.list_physical_devices()],
                "gpus": [_details(tf, gpu) for gpu in tf.config.list_physical_devices("GPU")],
                "driver": found["gpus"],
                "machine": found["machine"],
                "system": platform.platform(),
                "python": platform.python_version(),
                "packages": found["packages"] | {name: _version(name) for name in ("torch", "jax", "nvidia-ml-py")},
                "code": found["code"],
                "variables": found["variables"],
                "cuda_libraries": _loaded("libcu", "libnv"),
            }
        )
    )


def _details(tf: Any, gpu: Any) -> dict[str, str]:
    details = tf.config.experimental.get_device_details(gpu)
    return {
        "name": str(details.get("device_name", "")),
        "compute_capability": ".".join(map(str, details.get("compute_capability", ()))),
    }


def _loaded(*beginnings: str) -> list[str]:
    """Return the files of the libraries in this process whose names begin so."""
    with open("/proc/self/maps") as maps:
        paths = {line.split(maxsplit=5)[-1].strip() for line in maps if "/" in line}
    return sorted(path for path in paths if path.rsplit("/", 1)[-1].startswith(beginnings))


def _version(package: str) -> str | None:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None


if __name__ == "__main__":
    json.loads(sys.argv[1])
    main()
