"""Runs experiments: Hydra, processes, MLflow.

Composes the config, starts each job in a process of its own, and writes what comes back to the tracking store and the
terminal. Never imports TensorFlow; import-linter checks that.
"""

__version__ = "0.1.0"
