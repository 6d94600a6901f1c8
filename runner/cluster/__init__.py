"""Clusters for the jobs of a sweep: a function is mapped over jobs, and a job that dies costs no other's result.

submitit and ray are used directly, not through Hydra's launcher plugins. Those wait for the jobs in order and raise
at the first one that was killed, which loses the results of all others.
"""
