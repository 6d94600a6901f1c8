"""Random numbers in programs compiled by XLA: the same ones as from TensorFlow's kernels.

Both draw the same bits from the same seed (Philox), but a kernel makes a uniform number of the lowest bits and XLA of
the highest [seen in TensorFlow 2.21], so that dropout would drop other neurons. :func:`as_kernels_draw` makes uniform
numbers of the lowest bits. Other distributions are refused by :func:`require_same_numbers`.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from contextlib import contextmanager
from typing import Any

from experiments.experiment import Refused
from experiments.runtime.tensorflow_import import import_tensorflow

SAME = {"StatelessRandomGetKeyCounter", "StatelessRandomGetAlg", "StatelessRandomUniformFullIntV2"}
"""Random operations with the same result in both."""

FLOATS = {"float32": ("uint32", 23, 0x3F800000), "bfloat16": ("uint16", 7, 0x3F80), "float16": ("uint16", 10, 0x3C00)}
"""dtype -> integer type of the same width, bits of the mantissa, bit pattern of 1.0."""


@contextmanager
def as_kernels_draw() -> Iterator[None]:
    """Trace functions within it: their uniform numbers (Keras' dropout) are those of TensorFlow's kernels."""
    tf = import_tensorflow()
    from tensorflow.python.ops import stateless_random_ops  # where tf.nn.experimental.stateless_dropout looks it up

    original = stateless_random_ops.stateless_random_uniform

    def uniform(
        shape: Any, seed: Any, minval: Any = 0, maxval: Any = None, dtype: Any = tf.float32, **options: Any
    ) -> Any:
        if tf.as_dtype(dtype).name not in FLOATS:
            return original(shape, seed, minval, maxval, dtype, **options)
        return _uniform(tf, shape, seed, dtype) * ((1 if maxval is None else maxval) - minval) + minval

    kept = tf.random.stateless_uniform
    stateless_random_ops.stateless_random_uniform = tf.random.stateless_uniform = uniform
    try:
        yield
    finally:
        stateless_random_ops.stateless_random_uniform, tf.random.stateless_uniform = original, kept


def _uniform(tf: Any, shape: Any, seed: Any, dtype: Any) -> Any:
    """Return numbers from 0 to 1, the lowest bits as mantissa (TensorFlow's ``random_distributions_utils.h``)."""
    integer, mantissa, one = FLOATS[tf.as_dtype(dtype).name]
    drawn = tf.raw_ops.StatelessRandomGetKeyCounter(seed=seed)
    bits = tf.raw_ops.StatelessRandomUniformFullIntV2(
        shape=shape, key=drawn.key, counter=drawn.counter, alg=1, dtype=tf.uint32
    )
    lowest = tf.cast(tf.bitwise.bitwise_and(bits, tf.constant(2**mantissa - 1, tf.uint32)), integer)
    return tf.bitcast(tf.bitwise.bitwise_or(lowest, tf.constant(one, integer)), dtype) - tf.constant(1, dtype)


def require_same_numbers(kinds: Collection[str]) -> None:
    """Raise Refused if an operation of these ``kinds`` draws other numbers in XLA than in a kernel."""
    others = sorted(kind for kind in kinds if "Random" in kind and kind not in SAME)
    if others:
        raise Refused(f"XLA draws other random numbers than TensorFlow's kernels ({', '.join(others)})")
