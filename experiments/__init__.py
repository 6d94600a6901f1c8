"""The lab: TensorFlow and mathematics.

Nothing in here knows Hydra, MLflow or the ``runner`` package; import-linter keeps it so.
An experiment is a dataclass (:class:`experiments.experiment.Experiment`) that hands what it
finds to a :class:`experiments.recorder.Recorder`.
"""
