"""Keeping runs in MLflow: which store, how it is opened, how a run is written.

MLflow is imported inside functions: a config error must not wait two seconds for it.
"""
