"""What the machine can compute, and what the networks need, for benchmarks/training.py.

The process says the FLOP of each network for an example that it trains on, then, for each line on standard input, the
FLOP/s in float32 of a large product of square matrices, by TensorFlow or NumPy.
"""

from __future__ import annotations

import json
import math
import sys
from typing import Any

from benchmarks.train_execution import network
from experiments.runtime import device
from experiments.runtime.roofline import measure_compute


def main() -> None:
    placement = device.start(device.Device(kind="cpu"))
    print("ready", json.dumps({name: flops_per_example(network(name)) for name in ("mlp", "cnn")}), flush=True)
    for _ in sys.stdin:
        print(measure_compute(placement, "float32").rate, flush=True)


def flops_per_example(model: Any) -> int:
    """Return the FLOP of products and convolutions in a training step, for each of its examples.

    Each weight is multiplied and added once at each place of an output: for the output, for its own gradient, and for
    the gradient of the layer's input, which the first layer does not need.
    """
    layers = [layer for layer in model.layers if hasattr(layer, "kernel")]
    products = [2 * math.prod(layer.kernel.shape) * math.prod(layer.output.shape[1:-1]) for layer in layers]
    return int(3 * sum(products) - products[0])


if __name__ == "__main__":
    main()
