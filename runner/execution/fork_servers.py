"""All the fork servers of a command."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory

from runner.config.validation import Parts
from runner.execution.fork_server import ForkServer


class ForkServers:
    """One server for each value of ``device.onednn``, started when it is first needed."""

    def __init__(self) -> None:
        self._scratch = TemporaryDirectory(prefix="lab-", ignore_cleanup_errors=True)
        self._servers: dict[bool | None, ForkServer] = {}

    @property
    def folder(self) -> Path:
        """A folder for logs, which exists until the servers are closed."""
        return Path(self._scratch.name)

    def of(self, parts: Parts) -> ForkServer:
        """Return the server for a job. A new server imports the job's experiment for all its forks."""
        onednn = parts.device.onednn
        if onednn in self._servers and not self._servers[onednn].is_alive():
            self.drop(self._servers[onednn])
        if onednn not in self._servers:
            log = self.folder / f"server-{onednn}.log"
            experiment = type(parts.experiment)
            self._servers[onednn] = ForkServer(onednn, [experiment.__module__, *experiment.imports], log)
        return self._servers[onednn]

    def drop(self, server: ForkServer) -> None:
        """Close a server that hangs or is gone; the next worker gets a new one."""
        for onednn in [onednn for onednn, known in self._servers.items() if known is server]:
            self._servers.pop(onednn).close()

    def close(self) -> None:
        """End all servers."""
        for server in self._servers.values():
            server.close()
        self._servers.clear()
        self._scratch.cleanup()
