"""The resources that the jobs of one scheduler share."""

from __future__ import annotations

from dataclasses import dataclass

from runner.execution.context import Context
from runner.execution.fork_servers import ForkServers
from runner.execution.gpus import GpuPool
from runner.execution.limits import Limits
from runner.execution.view import View


@dataclass(frozen=True)
class Resources:
    """What each job is handed, and hands on to its workers."""

    context: Context
    """The store, and facts about the machine."""
    servers: ForkServers
    """They fork the workers."""
    limits: Limits
    view: View
    """Shows the user what goes on."""
    gpus: GpuPool
