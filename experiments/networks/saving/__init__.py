"""Trained models on disk: saved in Keras' three formats, checked when loaded, reloaded in a fresh process."""

from experiments.networks.saving.arrays import Arrays
from experiments.networks.saving.load import load
from experiments.networks.saving.recognise import NotLoadable
from experiments.networks.saving.reload import Reloaded, reload
from experiments.networks.saving.save import SavedFile, save

__all__ = ["Arrays", "NotLoadable", "Reloaded", "SavedFile", "load", "reload", "save"]
