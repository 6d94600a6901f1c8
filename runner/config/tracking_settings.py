"""The config of the tracking store."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass, field
from urllib.parse import quote

from experiments.validators import InvalidField, require_choice
from runner.addresses import BEGIN, shown

KINDS = ("local", "server")

FOLDER_NAME_BYTES = 255
"""The longest name of a folder that most file systems allow."""

OF_A_SERVER = re.compile(r"https?://([^\\/?#\[\]]*@)?[^\\/?#@]*(/[^\\?#@]*)?")
"""An address of which all programs take the same for user and password."""

TAG = re.compile(r"[/\w.\- :]+")
"""The characters that MLflow allows in the name of a tag."""

LONGEST_NAME, LONGEST_TAG = 250, 5000
"""The longest name of a run or a tag, and the longest value of a tag, that any store of MLflow keeps whole."""

RESERVED = re.compile(
    r"(mlflow|device|settled|sweep|runner|source|code)\..*"
    r"|experiment|fingerprint|not_finite|reason|replays|sha256|run_id"
)
"""The tags that MLflow and this program set themselves."""


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
    run_name: str | None = None
    """The name of the run, of a sweep that of its parent; by default it is made of the question."""
    tags: dict[str, str] = field(default_factory=dict)
    """Tags of the run, of a sweep those of all its runs."""

    def __post_init__(self) -> None:
        require_choice(self, "kind", KINDS)
        for name in ("dir", "uri", "experiment", "run_name"):
            if signs := [sign for sign in getattr(self, name) or "" if not sign.isprintable()]:
                raise InvalidField(self, name, f"its character {signs[0]!r} cannot be seen; write it anew")
        if self.kind == "local" and not self.dir:
            raise InvalidField(self, "dir", "is empty; name a folder, such as mlruns")
        if self.kind == "local" and self.dir.startswith("~") and os.path.expanduser(self.dir) == self.dir:
            raise InvalidField(self, "dir", f"{self.dir!r} begins with the home folder of a user who does not exist")
        if self.kind == "local" and BEGIN.match(self.dir):
            raise InvalidField(
                self,
                "dir",
                f"{shown(self.dir)!r} is an address, not a folder; a server is named by "
                "tracking=server tracking.uri=http://host:port",
            )
        if self.kind == "server" or self.uri:  # it is kept with the config, used or not
            self._require_address_of_a_server(self.uri or "")
        if self.experiment is not None:
            self._require_folder_name(self.experiment)
        if self.run_name is not None and not 0 < len(self.run_name.strip()) <= LONGEST_NAME:
            raise InvalidField(self, "run_name", f"give 1 to {LONGEST_NAME} characters, or leave it out")
        for name, value in self.tags.items():
            self._require_tag(name, value)

    def _require_address_of_a_server(self, uri: str) -> None:
        if not uri.startswith(("http://", "https://")):
            value = self.uri and shown(uri)
            raise InvalidField(self, "uri", f"{value!r} is not a server's address; give tracking.uri=http://host:port")
        if " " in uri:
            raise InvalidField(self, "uri", "there is a blank in the address; within a password it is written %20")
        if not OF_A_SERVER.fullmatch(uri):
            raise InvalidField(
                self,
                "uri",
                f"{shown(uri)!r} can be read in several ways; give it without ? and #, and within a password write "
                "/ \\ ? # [ ] @ as %2F %5C %3F %23 %5B %5D %40",
            )

    def _require_tag(self, name: str, value: str) -> None:
        if RESERVED.fullmatch(name):
            raise InvalidField(self, "tags", f"{name!r} is a tag that this program or MLflow sets; choose another name")
        if not TAG.fullmatch(name) or len(name) > LONGEST_NAME or name.strip() != name:
            raise InvalidField(
                self, "tags", f"{name[:20]!r} is no tag's name; use letters, digits, _ - . / and at most {LONGEST_NAME}"
            )
        if not isinstance(value, str) or len(value) > LONGEST_TAG:  # OmegaConf lets lists pass
            raise InvalidField(self, "tags", f"the value of {name!r} is no text of at most {LONGEST_TAG} characters")

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
