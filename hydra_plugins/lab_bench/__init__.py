"""The doors through which Hydra finds this project's launchers and sweepers; what they do is in runner/sweep."""
