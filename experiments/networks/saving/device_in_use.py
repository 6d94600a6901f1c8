"""The settings with which this process computes, for another process to compute alike."""

from __future__ import annotations

import os

from experiments.runtime import device
from experiments.runtime.tensorflow_import import import_tensorflow


def device_in_use() -> device.Device:
    """Read back from TensorFlow; what it left to itself stays so."""
    tf = import_tensorflow()
    kind, _, index = device.current().actual.partition(":")
    onednn = os.environ.get("TF_ENABLE_ONEDNN_OPTS")
    return device.Device(
        kind=kind.lower(),
        index=int(index),
        intra_op_threads=tf.config.threading.get_intra_op_parallelism_threads() or None,
        inter_op_threads=tf.config.threading.get_inter_op_parallelism_threads() or None,
        onednn=None if onednn is None else onednn == "1",
        tf32=tf.config.experimental.tensor_float_32_execution_enabled(),
        memory_growth=True,  # two processes share the GPU for a moment
        logical_cpus=len(tf.config.list_logical_devices("CPU")),
    )
