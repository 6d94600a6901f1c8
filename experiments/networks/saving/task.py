"""What lies in the folder through which a process and the fresh one it begins speak."""

from __future__ import annotations

TASK, INPUTS, REPORT = "task.json", "inputs.npz", "report.json"
"""What is to be done, with which inputs; how it went. The outputs are ``<format>.npz``."""
