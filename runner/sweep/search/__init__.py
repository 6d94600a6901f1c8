"""A search: Optuna proposes the values of each job, the sweep runs it, Optuna hears what came of it."""
