"""Clustering."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from experiments.gradient_cost.workloads.workload import Array, Operands, Tensors, Workload, generator, tensors
from experiments.runtime.tensorflow_import import import_tensorflow
from experiments.validators import InvalidField, require_at_least

if TYPE_CHECKING:
    import tensorflow as tf

BLOCK = 2**16
"""Points that NumPy works on at a time, to save memory."""


@dataclass
class KMeans(Workload):
    """The sum over n points of the squared distance to the nearest of k centroids, in d dimensions.

    gradbench, evals/kmeans, after Bottou and Bengio, Convergence properties of the k-means algorithms, NIPS
    1994. Parameters: centroids [k, d]; data: points [n, d]. The Hessian is diagonal, twice the number of
    points of each centroid, so that one product with a vector of ones gives all of it. The function has a kink where
    a point is equally near to two centroids.
    """

    name: ClassVar[str] = "kmeans"
    title: ClassVar[str] = "k-means"
    size_is: ClassVar[str] = "points"
    analytic: ClassVar[bool] = False
    hessian_is_diagonal: ClassVar[bool] = True

    d: int = 8
    k: int = 10

    def __post_init__(self) -> None:
        super().__post_init__()
        require_at_least(self, "d", 1)
        require_at_least(self, "k", 1)
        if self.k > min(self.sizes):
            raise InvalidField(self, "k", f"{self.k} centroids are too many for n={min(self.sizes)} points")

    def operands(self, size: int, dtype: str, seed: int) -> Operands:
        """Draw points uniformly in the unit cube; the last k are the centroids, too, so that each has a point."""
        points = generator(size, seed).uniform(size=(size, self.d))
        return Operands(tensors(dtype, points[-self.k :]), tensors(dtype, points))

    def value(self, parameters: Tensors, data: Tensors) -> tf.Tensor:
        tf = import_tensorflow()
        (centroids,), (points,) = parameters, data
        distances = tf.reduce_sum(tf.square(points[:, None, :] - centroids[None, :, :]), axis=2)
        return tf.reduce_sum(tf.reduce_min(distances, axis=1))

    def reference(self, parameters: Sequence[Array], data: Sequence[Array]) -> Any:
        return sum(nearest.sum() for nearest in (d.min(axis=1) for d in _distances(parameters[0], data[0])))

    def reference_hessian(self, parameters: Sequence[Array], data: Sequence[Array]) -> Sequence[Array]:
        (centroids,) = parameters
        owners = np.concatenate([distances.argmin(axis=1) for distances in _distances(centroids, data[0])])
        counts = np.bincount(owners, minlength=len(centroids))
        return [2.0 * np.repeat(counts[:, None], centroids.shape[1], axis=1)]

    def elements(self, size: int) -> int:
        return 6 * size * self.k * self.d


def _distances(centroids: Array, points: Array) -> list[Array]:
    """Return the squared distances, a list of blocks [points, centroids]."""
    starts = range(0, len(points), BLOCK)
    return [((points[start : start + BLOCK, None] - centroids) ** 2).sum(axis=2) for start in starts]
