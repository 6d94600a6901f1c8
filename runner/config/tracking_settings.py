"""The config of the tracking store."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import quote

from experiments.validators import InvalidField, require_choice
from runner.environment import without_credentials

KINDS = ("local", "server")

FOLDER_NAME_BYTES = 255
"""The longest name of a folder that most file systems allow."""


@dataclass
class Tracking:
    """The place that keeps runs: a local folder or a tracking server."""

    kind: str = "local"
    dir: str = "mlruns"
    """The local store: a folder with ``mlflow.db`` and ``artifacts/``; relative to the working folder."""
    uri: str | None = None
    """The tracking server, such as ``http://127.0.0.1:5000``."""
    experiment: str | None = None
    """The MLflow experiment's name; by default the name of the experiment that runs."""

    def __post_init__(self) -> None:
        require_choice(self, "kind", KINDS)
        if self.kind == "local" and not self.dir:
            raise InvalidField(self, "dir", "is empty; name a folder, such as mlruns")
        if self.kind == "server" and not (self.uri or "").startswith(("http://", "https://")):
            raise InvalidField(
                self,
                "uri",
                f"{without_credentials(repr(self.uri))} is not a server's address; give tracking.uri=http://host:port",
            )
        if self.experiment is not None:
            self._require_folder_name(self.experiment)

    def _require_folder_name(self, experiment: str) -> None:
        """A local store keeps the artifacts of an MLflow experiment in a folder with the experiment's name."""
        if not experiment.strip():
            raise InvalidField(self, "experiment", "is blank; leave it out or give the MLflow experiment a name")
        if self.kind != "local":
            return
        if experiment in (".", ".."):
            raise InvalidField(self, "experiment", f"{experiment!r} cannot be the name of a folder")
        if len(quote(experiment, safe=" ")) > FOLDER_NAME_BYTES:
            raise InvalidField(self, "experiment", f"{experiment[:20]!r}... is too long for the name of a folder")
