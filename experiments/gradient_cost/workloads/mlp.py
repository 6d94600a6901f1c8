"""The loss of a dense network."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from experiments.gradient_cost.workloads.logsumexp import reference_logsumexp
from experiments.gradient_cost.workloads.workload import Array, Operands, Tensors, Workload, generator, tensors
from experiments.runtime.tensorflow_import import import_tensorflow
from experiments.validators import require_at_least

if TYPE_CHECKING:
    import tensorflow as tf


@dataclass
class MlpLoss(Workload):
    """The mean cross-entropy of a network of dense layers, against its weights; n is the hidden layers' width.

    ``hidden_layers`` layers of n units with tanh (not relu, so that no kink disturbs the check), then ``classes``
    logits. The data are ``batch`` seeded normal inputs of ``inputs`` numbers; a random linear map decides their
    classes. Before anything is timed, the weights are trained on these data by ``trained_steps`` steps of gradient
    descent, so that the gradient is that of a network in training.
    """

    name: ClassVar[str] = "mlp"
    title: ClassVar[str] = "dense network"
    size_is: ClassVar[str] = "units a layer"

    hidden_layers: int = 3
    batch: int = 64
    inputs: int = 64
    classes: int = 10
    trained_steps: int = 10
    learning_rate: float = 0.1

    def __post_init__(self) -> None:
        super().__post_init__()
        for name in ("hidden_layers", "batch", "inputs", "classes"):
            require_at_least(self, name, 1)
        require_at_least(self, "trained_steps", 0)
        require_at_least(self, "learning_rate", 0)

    def operands(self, size: int, dtype: str, seed: int) -> Operands:
        random = generator(size, seed)
        inputs = random.standard_normal((self.batch, self.inputs))
        labels = (inputs @ random.standard_normal((self.inputs, self.classes))).argmax(axis=1).astype(np.int32)
        widths = [self.inputs, *[size] * self.hidden_layers, self.classes]
        layers = [  # variances as X. Glorot, Y. Bengio, AISTATS 2010
            (random.standard_normal((fan_in, fan_out)) * (2 / (fan_in + fan_out)) ** 0.5, np.zeros(fan_out))
            for fan_in, fan_out in itertools.pairwise(widths)
        ]
        weights, data = tensors(dtype, *itertools.chain(*layers)), tensors(dtype, inputs, labels)
        return Operands(self._trained(weights, data), data)

    def _trained(self, weights: Tensors, data: Tensors) -> tuple[tf.Tensor, ...]:
        tf = import_tensorflow()

        def step(weights: Tensors) -> Tensors:
            with tf.GradientTape(watch_accessed_variables=False) as tape:
                tape.watch(weights)
                loss = self.value(weights, data)
            slopes = tape.gradient(loss, weights)
            return [w - self.learning_rate * slope for w, slope in zip(weights, slopes, strict=True)]

        compiled = tf.function(step, autograph=False)
        for _ in range(self.trained_steps):
            weights = compiled(list(weights))
        return tuple(weights)

    def value(self, parameters: Tensors, data: Tensors) -> tf.Tensor:
        tf = import_tensorflow()
        *hidden, (weights, bias) = zip(parameters[::2], parameters[1::2], strict=True)
        signal, labels = data
        for hidden_weights, hidden_bias in hidden:
            signal = tf.tanh(tf.matmul(signal, hidden_weights) + hidden_bias)
        logits = tf.matmul(signal, weights) + bias
        return tf.reduce_mean(tf.nn.sparse_softmax_cross_entropy_with_logits(labels, logits))

    def reference(self, parameters: Sequence[Array], data: Sequence[Array]) -> Any:
        signal, labels = data
        last = len(parameters) - 2
        for layer in range(0, last, 2):
            signal = np.tanh(signal @ parameters[layer] + parameters[layer + 1])
        logits = signal @ parameters[last] + parameters[last + 1]
        return (reference_logsumexp(logits, axis=1) - logits[np.arange(len(labels)), labels]).mean()

    def elements(self, size: int) -> int:
        weights = size * (self.inputs + size * (self.hidden_layers - 1) + self.classes)
        return 3 * weights + 8 * self.batch * (self.inputs + self.hidden_layers * size)
