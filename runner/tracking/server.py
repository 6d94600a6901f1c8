"""Asks a tracking server what it takes, without MLflow's import of two seconds."""

from __future__ import annotations

import os
from base64 import b64encode
from configparser import ConfigParser
from configparser import Error as ConfigParserError
from pathlib import Path
from typing import TYPE_CHECKING, Any

from experiments.reporting import text
from runner.addresses import PASSWORD, TOKEN, USER, credentials_in, shown, without_user
from runner.errors import StoreError
from runner.tracking.needs import Needs

if TYPE_CHECKING:
    from requests import Response, Session

API = "/api/2.0/mlflow/"

SECONDS = 5
"""The seconds in which a server must answer."""

OTHER_MEANS = ("MLFLOW_TRACKING_AUTH", "MLFLOW_TRACKING_AWS_SIGV4")
"""Variables with which MLflow's client signs its requests in ways that only it knows."""

CREDENTIALS_FILE = Path("~/.mlflow/credentials")
"""The file in which MLflow's client looks for user and password."""

DENIED = (401, 403)


class Server:
    """The server at an address, asked with the credentials that MLflow's client would send."""

    def __init__(self, address: str) -> None:
        """``address`` may hold a user and a password."""
        self._address = address
        self._shown = shown(without_user(address))

    def check(self, needs: Needs) -> None:
        """Raise StoreError unless the server answers, lets us in, and takes what is needed."""
        with _session() as session:
            found = self._ask(session, "GET", "experiments/search", params={"max_results": 1})
            if any(os.environ.get(name) for name in OTHER_MEANS):
                return
            self._require_entry(found)
            if not _is_api(found):
                raise StoreError(
                    f"tracking.uri: {self._shown} answers, but not as an MLflow server does ({_why(found)})"
                )
            if needs.models:
                self._require_logged_models(session)
            if needs.versions:
                self._require_registry(session)

    def _require_logged_models(self, session: Session) -> None:
        body = {"experiment_ids": ["0"], "max_results": 1}
        found = self._ask(session, "POST", "logged-models/search", json=body)
        self._require_entry(found)
        if not _is_api(found):
            raise StoreError(
                f"tracking.uri: {self._shown} cannot keep the trained models of this experiment ({_why(found)}): "
                "it has no logged models, which came with MLflow 3; upgrade the server, or use tracking=local"
            )

    def _require_registry(self, session: Session) -> None:
        found = self._ask(session, "GET", "registered-models/search", params={"max_results": 1})
        self._require_entry(found)
        if not _is_api(found):
            raise StoreError(
                f"tracking.uri: the model registry of {self._shown} does not answer ({_why(found)}), and this "
                "experiment registers models; repair it, use tracking=local, or register nothing "
                "(experiment.registered_name=null)"
            )

    def _ask(self, session: Session, method: str, endpoint: str, **arguments: Any) -> Response:
        try:
            address = f"{self._address}{API}{endpoint}"
            return session.request(method, address, timeout=SECONDS, **_certificates(), **arguments)
        except (OSError, ValueError) as error:  # those of requests are OSErrors
            raise StoreError(
                f"tracking.uri: no answer from {self._shown} ({_cause(error)}); start it with 'mlflow server', "
                "correct the address, or use tracking=local"
            ) from None

    def _require_entry(self, found: Response) -> None:
        if found.status_code not in DENIED:
            return
        source = self._source_of_credentials()
        advice = (
            f"it turns down those in {source}: correct them"
            if source
            else f"set {USER} and {PASSWORD}, or {TOKEN}, in the environment"
        )
        raise StoreError(f"tracking.uri: {self._shown} wants credentials (HTTP {found.status_code}); {advice}")

    def _source_of_credentials(self) -> str:
        """Return where the credentials that were sent come from; empty if there were none."""
        if credentials_in(self._address):
            return "tracking.uri"
        if all(_user_and_password()):
            is_set = os.environ.get(USER) and os.environ.get(PASSWORD)
            return f"{USER} and {PASSWORD}" if is_set else str(CREDENTIALS_FILE)
        return TOKEN if os.environ.get(TOKEN) else ""


def _session() -> Session:
    """Return a session that sends what MLflow's client sends. Credentials in the address go before these headers."""
    import requests

    session = requests.Session()
    user, password = _user_and_password()
    if user and password:
        encoded = b64encode(f"{user}:{password}".encode()).decode()
        session.headers["Authorization"] = f"Basic {encoded}"
    elif token := os.environ.get(TOKEN):
        session.headers["Authorization"] = f"Bearer {token}"
    return session


def _certificates() -> dict[str, Any]:
    """Return how MLflow's client is told to check the server's certificate, and to show its own."""
    is_insecure = os.environ.get("MLFLOW_TRACKING_INSECURE_TLS", "").lower() in ("true", "1")
    authority = os.environ.get("MLFLOW_TRACKING_SERVER_CERT_PATH")
    return {"verify": authority or not is_insecure, "cert": os.environ.get("MLFLOW_TRACKING_CLIENT_CERT_PATH")}


def _user_and_password() -> tuple[str | None, str | None]:
    kept = ConfigParser(interpolation=None)
    try:
        kept.read(CREDENTIALS_FILE.expanduser())
    except (ConfigParserError, UnicodeDecodeError):  # what they say would show the password
        raise StoreError(
            f"{CREDENTIALS_FILE}: MLflow cannot read it; write the lines [mlflow], {USER.lower()} = NAME and "
            f"{PASSWORD.lower()} = PASSWORD, or move it away"
        ) from None
    in_file = dict(kept["mlflow"]) if kept.has_section("mlflow") else {}
    return (
        os.environ.get(USER) or in_file.get(USER.lower()),
        os.environ.get(PASSWORD) or in_file.get(PASSWORD.lower()),
    )


def _is_api(found: Response) -> bool:
    """Return whether an answer is one of MLflow's API, and no error."""
    try:
        return found.ok and isinstance(found.json(), dict)
    except ValueError:
        return False


def _why(found: Response) -> str:
    """Return an answer's status, with what the server says if that is MLflow."""
    try:
        said = text.on_one_line(str(found.json()["message"]))
    except (ValueError, KeyError, TypeError):
        said = ""
    return f"HTTP {found.status_code}{said and ': '}{text.shortened(said, 200)}"


def _cause(error: BaseException) -> str:
    """Return the innermost reason of a failed request: those around it repeat the address, password and all."""
    if isinstance(error, ValueError):
        return "this is no valid address"
    while (inner := error.__cause__ or error.__context__) is not None:
        error = inner
    return text.one_line(getattr(error, "strerror", None) or error)
