"""The experiments: TensorFlow and mathematics.

An experiment is a dataclass (:class:`experiments.experiment.Experiment`) that hands its findings to a
:class:`experiments.recorder.Recorder`. Nothing in this package may import Hydra, MLflow or ``runner``; import-linter
checks it.
"""
