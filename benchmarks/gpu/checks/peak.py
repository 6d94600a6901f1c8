"""The best rates of one device: square products in each number format, and adding arrays that fit in no cache."""

from __future__ import annotations

import json
import sys
from typing import Any

from experiments.measure import Timing, measure
from experiments.runtime import device
from experiments.runtime.roofline import measure_compute
from experiments.runtime.tensorflow_import import import_tensorflow

TF32 = "tf32"


def main(kind: str, formats: list[str], elements: int) -> None:
    placement = device.start(device.Device(kind=kind))
    tf = import_tensorflow()
    with device.scope():
        for name in formats:
            tf.config.experimental.enable_tensor_float_32_execution(name == TF32)
            limit = measure_compute(placement, "float32" if name == TF32 else name)
            _tell(what=name, rate=limit.rate / 1e12, route=limit.route)
        a, b = (tf.random.stateless_uniform([elements], seed=[0, seed]) for seed in (1, 2))
        found = measure(tf.add, (a, b), Timing(max_seconds=1.0))
        rate = 3 * 4 * elements / found.median  # two arrays read, one written
        _tell(what="memory", rate=rate / 1e9, route=f"c = a + b, {4 * elements / 2**20:,.0f} MiB each")


def _tell(**found: Any) -> None:
    print(json.dumps(found), flush=True)


if __name__ == "__main__":
    main(**json.loads(sys.argv[1]))
