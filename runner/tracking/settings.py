"""The config of the tracking store."""

from __future__ import annotations

from dataclasses import dataclass

from experiments.fields import InvalidField, require_choice

KINDS = ("local", "server")


@dataclass
class Tracking:
    """Where runs are kept."""

    kind: str = "local"
    dir: str = "mlruns"
    """The local store: a folder with ``mlflow.db`` and ``artifacts/``; relative to the working folder."""
    uri: str | None = None
    """The tracking server, such as ``http://127.0.0.1:5000``."""
    experiment: str | None = None
    """The MLflow experiment's name; by default that of the experiment that runs."""

    def __post_init__(self) -> None:
        require_choice(self, "kind", KINDS)
        if self.kind == "local" and not self.dir:
            raise InvalidField(self, "dir", "is empty; name a folder, such as mlruns")
        if self.kind == "local" and set(self.dir) & set("?%"):
            raise InvalidField(self, "dir", f"{self.dir!r} has a ? or %, which mean something in a database's address")
        if self.kind == "server" and not (self.uri or "").startswith(("http://", "https://")):
            raise InvalidField(
                self, "uri", f"{self.uri!r} is not a server's address; give tracking.uri=http://host:port"
            )
        if self.experiment is not None and not self.experiment.strip():
            raise InvalidField(self, "experiment", "is blank; leave it out or give the MLflow experiment a name")
