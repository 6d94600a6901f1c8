"""The files through which a process and the fresh process that it starts exchange a task and its outcome."""

from __future__ import annotations

TASK, INPUTS, REPORT = "task.json", "inputs.npz", "report.json"
"""What to do, with which inputs, and how it went. The outputs are in ``<format>.npz``."""
