"""The models to choose from."""

from experiments.networks.models.cnn import Cnn
from experiments.networks.models.keras_file import KerasFile
from experiments.networks.models.lstm import Lstm
from experiments.networks.models.mlp import Mlp
from experiments.networks.models.model import Model
from experiments.networks.models.resnet import ResNet
from experiments.networks.models.softmax_regression import SoftmaxRegression
from experiments.networks.models.transformer import Transformer

MODELS: tuple[type[Model], ...] = (Mlp, SoftmaxRegression, Cnn, ResNet, Lstm, Transformer, KerasFile)

__all__ = ["MODELS", "Cnn", "KerasFile", "Lstm", "Mlp", "Model", "ResNet", "SoftmaxRegression", "Transformer"]
