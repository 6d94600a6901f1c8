"""The best rates of one device: square products in each number format, and adding arrays that fit in no cache."""

from __future__ import annotations

import json
import sys
from typing import Any

from experiments.measure import Timing, measure
from experiments.reporting.text import first_line
from experiments.runtime import device
from experiments.runtime.roofline import measure_compute
from experiments.runtime.tensorflow_import import import_tensorflow

TF32, MEMORY = "tf32", "memory"


def main(kind: str, formats: list[str], elements: int) -> None:
    placement = device.start(device.Device(kind=kind))
    tf = import_tensorflow()
    with device.scope():
        for name in [*formats, MEMORY]:
            try:
                rate, route = _memory(elements) if name == MEMORY else _compute(placement, name)
            except tf.errors.OpError as error:  # no kernel on this card, or too little memory
                _tell(what=name, problem=first_line(error))
            else:
                _tell(what=name, rate=rate, route=route)


def _compute(placement: device.Placement, name: str) -> tuple[float, str]:
    """Return TFLOP/s of the best product, and which it was."""
    import_tensorflow().config.experimental.enable_tensor_float_32_execution(name == TF32)
    limit = measure_compute(placement, "float32" if name == TF32 else name)
    return limit.rate / 1e12, limit.route


def _memory(elements: int) -> tuple[float, str]:
    """Return GB/s of adding float32 arrays: two are read, one is written."""
    tf = import_tensorflow()
    a, b = (tf.random.stateless_uniform([elements], seed=[0, seed]) for seed in (1, 2))
    found = measure(tf.add, (a, b), Timing(max_seconds=1.0))
    return 3 * 4 * elements / found.median / 1e9, f"c = a + b, {4 * elements / 2**20:,.0f} MiB each"


def _tell(**found: Any) -> None:
    print(json.dumps(found), flush=True)


if __name__ == "__main__":
    main(**json.loads(sys.argv[1]))
