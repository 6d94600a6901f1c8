"""Fitting a Gaussian mixture."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from experiments.gradient_cost.workloads.logsumexp import logsumexp, reference_logsumexp
from experiments.gradient_cost.workloads.workload import Array, Operands, Tensors, Workload, generator, tensors
from experiments.runtime.tensorflow_import import import_tensorflow
from experiments.validators import require_at_least

if TYPE_CHECKING:
    import tensorflow as tf

GAMMA, M = 1.0, 0
"""The parameters of the Wishart prior in ADBench's data."""


@dataclass
class GaussianMixture(Workload):
    """The log-posterior of a mixture of k Gaussians in d dimensions, for n points.

    ADBench's objective (Srajer, Kukelova, Fitzgibbon, A benchmark of selected algorithmic differentiation
    tools on some problems in computer vision and machine learning, Optim. Methods Softw. 33, 2018, section 3.1;
    gradbench, evals/gmm). Parameters: weights alpha [k], means mu [k, d], logarithms q [k, d] of the diagonals
    of the precisions' factors Q, and their entries l [k, d (d-1) / 2] below it, column by column. Data: x [n, d].
    ::

        - n d log(2 pi) / 2 + sum_i logsumexp_k(alpha_k + sum(q_k) - |Q_k (x_i - mu_k)|^2 / 2)
        - n logsumexp(alpha) + log Wishart prior of the Q_k
    """

    name: ClassVar[str] = "gmm"
    title: ClassVar[str] = "Gaussian mixture"
    size_is: ClassVar[str] = "points"

    d: int = 8
    k: int = 10

    def __post_init__(self) -> None:
        super().__post_init__()
        require_at_least(self, "d", 1)
        require_at_least(self, "k", 1)

    def operands(self, size: int, dtype: str, seed: int) -> Operands:
        """Draw as ADBench's generator does: means uniform, all else standard normal."""
        random, d, k = generator(size, seed), self.d, self.k
        alpha, mu, q = random.standard_normal(k), random.uniform(size=(k, d)), random.standard_normal((k, d))
        below, x = random.standard_normal((k, d * (d - 1) // 2)), random.standard_normal((size, d))
        return Operands(tensors(dtype, alpha, mu, q, below), tensors(dtype, x))

    def value(self, parameters: Tensors, data: Tensors) -> tf.Tensor:
        tf = import_tensorflow()
        (alpha, mu, q, below), (x,) = parameters, data
        n, d = x.shape
        factors = _factors(tf.exp(q), below, d)
        centered = x[None, :, :] - mu[:, None, :]
        squares = tf.reduce_sum(tf.square(tf.matmul(centered, factors, transpose_b=True)), axis=2)
        terms = (alpha + tf.reduce_sum(q, axis=1))[:, None] - 0.5 * squares
        likelihood = tf.reduce_sum(logsumexp(terms, axis=0)) - n * logsumexp(alpha, axis=0)
        size_of_factors = tf.reduce_sum(tf.square(tf.exp(q))) + tf.reduce_sum(tf.square(below))
        prior = M * tf.reduce_sum(q) - 0.5 * GAMMA**2 * size_of_factors
        return likelihood + prior + _constant(int(n), d, self.k)

    def reference(self, parameters: Sequence[Array], data: Sequence[Array]) -> Any:
        from scipy.special import multigammaln

        (alpha, mu, q, below), (x,) = parameters, data
        n, d = x.shape
        freedom = d + M + 1
        terms, prior = [], 0.0
        for component in range(len(alpha)):
            centered, diagonal = x - mu[component], np.exp(q[component])
            rotated, rest = centered * diagonal, below[component]
            for column in range(d):
                entries, rest = rest[: d - 1 - column], rest[d - 1 - column :]
                rotated[:, column + 1 :] += entries * centered[:, column : column + 1]
            terms.append(alpha[component] + q[component].sum() - (rotated**2).sum(axis=1) / 2)
            prior += M * q[component].sum() - GAMMA**2 * ((diagonal**2).sum() + (below[component] ** 2).sum()) / 2
            prior += freedom * d * (np.log(GAMMA) - np.log(2) / 2) - multigammaln(freedom / 2, d)
        likelihood = reference_logsumexp(np.array(terms), axis=0).sum() - n * reference_logsumexp(alpha, axis=0)
        return likelihood + prior - n * d * np.log(2 * np.pi) / 2

    def elements(self, size: int) -> int:
        return 8 * size * self.k * self.d


def _factors(diagonals: tf.Tensor, below: tf.Tensor, d: int) -> tf.Tensor:
    """Return lower triangular matrices [k, d, d] from diagonals [k, d] and the entries ``below`` [k, d (d-1) / 2]."""
    tf = import_tensorflow()
    columns, rows = np.triu_indices(d, 1)
    places = (rows * d + columns)[:, None].astype(np.int32)
    flat = tf.scatter_nd(places, tf.transpose(below), [d * d, tf.shape(below)[0]])
    return tf.linalg.set_diag(tf.reshape(tf.transpose(flat), [-1, d, d]), diagonals)


def _constant(n: int, d: int, k: int) -> float:
    """Return the terms that do not depend on the parameters: the factors of the normal density and of the prior."""
    freedom = d + M + 1
    multigamma = d * (d - 1) / 4 * math.log(math.pi) + sum(math.lgamma((freedom - j) / 2) for j in range(d))
    prior = freedom * d * (math.log(GAMMA) - 0.5 * math.log(2)) - multigamma
    return k * prior - 0.5 * n * d * math.log(2 * math.pi)
