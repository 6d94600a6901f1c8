"""The dtypes in which a network computes."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import keras

PRECISIONS = ("float32", "mixed_float16", "mixed_bfloat16", "float64")
"""Keras' dtype policies: the mixed ones compute in 16 bits and keep the weights in float32."""


def set_precision(name: str) -> None:
    """Set Keras' dtype policy for the whole process: it holds for layers that are built from now on."""
    import keras

    keras.config.set_dtype_policy(name)


def scaled(optimizer: keras.optimizers.Optimizer, precision: str) -> keras.optimizers.Optimizer:
    """Return the optimizer, wrapped in loss scaling where float16 would round small gradients to zero."""
    import keras

    return keras.optimizers.LossScaleOptimizer(optimizer) if precision == "mixed_float16" else optimizer
