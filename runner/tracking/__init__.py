"""Keeps runs in MLflow: chooses and opens the store, writes runs, finds earlier ones.

MLflow is imported inside functions: a config error must not wait two seconds for it.
"""
