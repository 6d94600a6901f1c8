"""A linear model."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from experiments.networks.data import Data
from experiments.networks.models.ends import begin, end
from experiments.networks.models.model import Model
from experiments.validators import require_positive

if TYPE_CHECKING:
    import keras


@dataclass
class SoftmaxRegression(Model):
    """Multinomial logistic regression, or linear regression. Convex: every training should reach the same optimum.

    ``c`` is scikit-learn's inverse strength of the L2 penalty: with n training examples |w|^2 / (2 c n) is added
    to the mean loss, which makes the optimum that of ``LogisticRegression(C=c)`` on normalised inputs.
    """

    name: ClassVar[str] = "softmax_regression"

    c: float | None = 1.0
    """The inverse strength of the penalty; None for no penalty."""

    def __post_init__(self) -> None:
        require_positive(self, "c")

    def build(self, data: Data, seed: int) -> keras.Model:
        import keras

        raw, signal = begin(data)
        penalty = keras.regularizers.L2(1 / (2 * self.c * len(data.train.y))) if self.c else None
        return end(data, raw, keras.layers.Flatten()(signal), self.name, kernel_regularizer=penalty)
