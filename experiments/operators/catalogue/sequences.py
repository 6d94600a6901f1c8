"""Embedding, attention and recurrent layers of sequences, [batch, sequence, units]."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from experiments.operators.operator import Array, Operand, Operator, Prepared, Tensor, layer, operation
from experiments.operators.size import Size
from experiments.runtime.tensorflow_import import import_tensorflow


def _embedding(table: Tensor, words: Tensor) -> Tensor:
    return import_tensorflow().nn.embedding_lookup(table, words)


def _attention(size: Size, dtype: str) -> Prepared:
    import keras

    return Prepared(keras.ops.dot_product_attention)


def _attention_reference(query: Array, key: Array, value: Array) -> Array:
    """Return softmax(Q K^T / sqrt(d)) V per head (A. Vaswani et al., NIPS 2017); all [batch, sequence, heads, d]."""
    from scipy.special import softmax

    by_head = [operand.transpose(0, 2, 1, 3) for operand in (query, key, value)]
    scores = by_head[0] @ by_head[1].transpose(0, 1, 3, 2) / math.sqrt(query.shape[-1])
    return np.asarray((softmax(scores, axis=-1) @ by_head[2]).transpose(0, 2, 1, 3))


def _sigmoid(z: Array) -> Array:
    return np.asarray(1 / (1 + np.exp(-z)))


def _lstm_reference(x: Array, kernel: Array, recurrent: Array, bias: Array) -> Array:
    """Return the states h of all steps, with Keras' order of gates: input, forget, candidate, output.

    S. Hochreiter, J. Schmidhuber, Neural Computation 9(8), 1997; forget gate: F. Gers et al., 2000.
    """
    h = c = np.zeros((x.shape[0], recurrent.shape[0]))
    states = []
    for step in range(x.shape[1]):
        into, forget, candidate, out = np.split(x[:, step] @ kernel + h @ recurrent + bias, 4, axis=-1)
        c = _sigmoid(forget) * c + _sigmoid(into) * np.tanh(candidate)
        h = _sigmoid(out) * np.tanh(c)
        states.append(h)
    return np.stack(states, axis=1)


def _gru_reference(x: Array, kernel: Array, recurrent: Array, bias: Array) -> Array:
    """Return the states h of all steps (K. Cho et al., EMNLP 2014), the reset gate applied after the product.

    Keras' order of gates is update, reset, candidate. ``bias`` is [2, 3 units]: for the inputs and for the states.
    """
    h = np.zeros((x.shape[0], recurrent.shape[0]))
    states = []
    for step in range(x.shape[1]):
        update_x, reset_x, candidate_x = np.split(x[:, step] @ kernel + bias[0], 3, axis=-1)
        update_h, reset_h, candidate_h = np.split(h @ recurrent + bias[1], 3, axis=-1)
        update = _sigmoid(update_x + update_h)
        candidate = np.tanh(candidate_x + _sigmoid(reset_x + reset_h) * candidate_h)
        h = update * h + (1 - update) * candidate
        states.append(h)
    return np.stack(states, axis=1)


def _flops_of_attention(size: Size) -> int:
    """Count 4 batch sequence^2 units: the products of queries with keys and of weights with values, without softmax.

    T. Dao, FlashAttention-2, arXiv:2307.08691, 2023, section 4.1.
    """
    return 4 * size.batch * size.sequence**2 * size.units


def _flops_of_lstm(size: Size) -> int:
    """Count the products: for each of four gates one of the input and one of the state."""
    return 4 * _flops_of_gate(size)


def _flops_of_gru(size: Size) -> int:
    """Count the products: for each of three gates one of the input and one of the state."""
    return 3 * _flops_of_gate(size)


def _flops_of_gate(size: Size) -> int:
    return 2 * 2 * size.batch * size.sequence * size.units**2


def _gate_results(size: Size) -> int:
    """Count four numbers for each of four gates, step and unit: the gradient needs them all."""
    return 4 * 4 * math.prod(size.sequences)


def _attention_results(size: Size) -> int:
    """Count the scores and weights of every pair of steps, and the output."""
    return 2 * size.batch * size.heads * size.sequence**2 + math.prod(size.sequences)


def _sequences(size: Size) -> tuple[int, ...]:
    return size.sequences


def _recurrent_layer(size: Size) -> dict[str, Any]:
    """Return all states, so that all are checked. (Keras' own initializer needs an operation that bfloat16 lacks.)"""
    return {"units": size.units, "return_sequences": True, "recurrent_initializer": "zeros"}


def _recurrent_weights(size: Size, gates: int) -> tuple[Operand, Operand]:
    weights = Operand((size.units, gates * size.units), deviation=size.units**-0.5)
    return weights, weights


def _by_head(size: Size) -> Operand:
    return Operand((size.batch, size.sequence, size.heads, size.units // size.heads))


SEQUENCES = (
    Operator(
        name="embedding",
        operands=lambda size: (
            Operand((size.vocabulary, size.units)),
            Operand((size.batch, size.sequence), below=size.vocabulary),
        ),
        prepare=operation(_embedding),
        reference=lambda table, words: table[words],
        results=lambda size: math.prod(size.sequences),
    ),
    Operator(
        name="attention",
        operands=lambda size: (_by_head(size),) * 3,
        prepare=_attention,
        reference=_attention_reference,
        flops=_flops_of_attention,
        results=_attention_results,
    ),
    Operator(
        name="lstm",
        operands=lambda size: (
            Operand(size.sequences),
            *_recurrent_weights(size, gates=4),
            Operand((4 * size.units,), deviation=0.1),
        ),
        prepare=layer("LSTM", _recurrent_layer, _sequences),
        reference=_lstm_reference,
        flops=_flops_of_lstm,
        results=_gate_results,
    ),
    Operator(
        name="gru",
        operands=lambda size: (
            Operand(size.sequences),
            *_recurrent_weights(size, gates=3),
            Operand((2, 3 * size.units), deviation=0.1),
        ),
        prepare=layer("GRU", _recurrent_layer, _sequences),
        reference=_gru_reference,
        flops=_flops_of_gru,
        results=_gate_results,
    ),
)
