"""Many jobs: composed and checked before the first starts, run under one parent, answered together."""
