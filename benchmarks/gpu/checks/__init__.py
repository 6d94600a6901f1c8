"""What runs in a process of its own: ``python -m benchmarks.gpu.checks.NAME JSON`` prints one JSON object a line."""
