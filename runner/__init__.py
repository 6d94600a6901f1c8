"""The conductor: Hydra, processes, MLflow.

It composes the config, starts the lab in a process of its own, and writes what comes back to
the tracking store and the terminal. It never imports TensorFlow; import-linter keeps it so.
"""
