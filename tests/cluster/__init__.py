"""Tests of what runs jobs elsewhere: a real Slurm, a real Ray and a real PostgreSQL on this machine."""
