"""Whether the device that was asked for is the one that computes.

``devices`` is a list of settings of a ``Device``. Each gets a fork of this process, which has imported TensorFlow and
started no device, as each job of the product does.
"""

from __future__ import annotations

import json
import multiprocessing
import sys
from collections.abc import Mapping
from typing import Any

import numpy as np

from experiments.runtime import device
from experiments.runtime.memory import free_bytes
from experiments.runtime.preload import preload
from experiments.runtime.tensorflow_import import import_tensorflow

SIDE = 256


def main(devices: list[dict[str, Any]]) -> None:
    preload(onednn=None)
    for settings in devices:  # one after the other: the one that takes all memory must be alone
        with multiprocessing.get_context("fork").Pool(1) as pool:
            print(json.dumps({"asked": settings} | pool.apply(look, (settings,))), flush=True)


def look(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Start a device in this process and compute on it; return what can be seen from outside."""
    try:
        placement = device.start(device.Device(**settings))
    except device.DeviceUnavailable as error:
        return {"refused": str(error)}
    tf = import_tensorflow()
    a = np.random.default_rng(0).standard_normal((SIDE, SIDE))
    with device.scope():
        product = tf.matmul(tf.constant(a), tf.constant(a))
    return {
        "actual": placement.actual,
        "hardware": placement.hardware,
        "result_on": product.device,
        "as_scope": product.device.endswith(placement.scope),
        "largest_error": float(np.abs(product.numpy() - a @ a).max()),
        "visible": [one.name for one in tf.config.get_visible_devices()],
        "soft_placement": tf.config.get_soft_device_placement(),
        "moved_silently": _moved_silently(tf, placement.is_gpu),
        "free_mb": (free_bytes(placement) or 0) / 1e6 if device.memory_grows() else None,
        "in_use_mb": tf.config.experimental.get_memory_info("GPU:0")["current"] / 1e6 if placement.is_gpu else None,
    }


def _moved_silently(tf: Any, is_gpu: bool) -> str:
    """Return where TensorFlow has put what its device cannot do; empty if it refuses, as it should."""
    elsewhere = "/device:GPU:0" if is_gpu else "/device:GPU:7"
    try:
        with tf.device(elsewhere):
            return str(tf.strings.upper("no GPU has a kernel for words").device)
    except (tf.errors.InvalidArgumentError, tf.errors.NotFoundError):
        return ""


if __name__ == "__main__":
    main(**json.loads(sys.argv[1]))
