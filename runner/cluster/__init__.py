"""Where the jobs of a sweep run when not here: an engine maps a function over jobs; no death costs another's result.

submitit and ray are used directly and not through Hydra's launcher plugins: those wait for the jobs in order and
raise at the first that was killed, which loses the results of all others.
"""
