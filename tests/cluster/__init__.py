"""Tests against a real Slurm, a real Ray and a real PostgreSQL, started on this machine."""
