"""Addresses of servers and databases: shown without what is secret in them, and taken apart."""

from __future__ import annotations

import re
from urllib.parse import unquote

HIDDEN = "***"
"""Stands for what is not shown, and not kept."""

SECRET = re.compile(r"PASS|PWD|TOKEN|SECRET|KEY|CREDENTIAL|AUTH|USER|SIGNATURE|\bSIG\b|ODBC_CONNECT", re.IGNORECASE)
"""The names whose values are not shown, of variables and of parameters within an address."""

SECRET_PARAMETER = rf"[^=?&;#\s]*(?:{SECRET.pattern})[^=?&;#\s]*="

PARAMETER = re.compile(rf"([?&]{SECRET_PARAMETER})[^&\s]+", re.IGNORECASE)
"""A parameter with the name of a secret, in any text."""

PARAMETER_OF_ADDRESS = re.compile(rf"([;#]{SECRET_PARAMETER})[^&\s]+", re.IGNORECASE)
"""One that begins with what also stands in code."""

BEGIN = re.compile(r"[a-z][\w+.-]*://", re.IGNORECASE)
"""The begin of an address."""

OF_A_FILE = r"(?:sqlite(?:\+\w+)?|file):///"
"""The begin of a file's address: an @ belongs to the path."""

IN_A_TEXT = re.compile(rf"(?P<begin>{OF_A_FILE})|(?<=://)\S+@")
"""The user and the password of an address in a text. Up to the last @, since passwords hold all of ``/ ? # : @``."""

ADDRESS = re.compile(rf"(?P<begin>{BEGIN.pattern})?(?P<user>.*@)?(?P<rest>.*)", re.DOTALL | re.IGNORECASE)
"""What may be an address; whatever stands before an @ may be a password, a blank included."""

HOST = re.compile(r"(\[[^\]]*\]|[^:/?#]*)(:\d*)?([/?#]|$)")
"""Host and port at the begin of the rest. Where a word stands for the port, it may be a password without its host."""

IN_USE = re.compile(rf"^(?P<begin>{BEGIN.pattern})(?P<name>[^/?#:]*):?(?P<password>[^/?#]*)@", re.IGNORECASE)
"""The begin of an address as those read it who use it: the first ``/``, ``?`` or ``#`` ends user and password."""

USER, PASSWORD, TOKEN = "MLFLOW_TRACKING_USERNAME", "MLFLOW_TRACKING_PASSWORD", "MLFLOW_TRACKING_TOKEN"
"""The variables in which MLflow's client looks for credentials."""


def without_credentials(text: str) -> str:
    """Hide the users and passwords of the addresses in a text, and their parameters with the name of a secret.

    >>> without_credentials("tracking.uri=http://me:secret@host:5000/?access_token=abc&a=b")
    'tracking.uri=http://***@host:5000/?access_token=***&a=b'
    """
    without_users = IN_A_TEXT.sub(lambda found: found["begin"] or f"{HIDDEN}@", text)
    without_parameters = PARAMETER.sub(rf"\1{HIDDEN}", without_users)
    return re.sub(r"\S+://\S+", lambda found: PARAMETER_OF_ADDRESS.sub(rf"\1{HIDDEN}", found[0]), without_parameters)


def shown(address: str) -> str:
    """Return what should be one address, to show it: of what cannot be read nothing stays that may be a password.

    >>> [shown(address) for address in ("postgresql://me:a b@host/db", "me:secret@host", "postgresql://me:secret")]
    ['postgresql://***@host/db', '***@host', 'postgresql://***']
    """
    if re.match(OF_A_FILE, address):
        return without_credentials(address)
    found = ADDRESS.fullmatch(address)
    assert found  # it fits any text
    begin, rest = found["begin"] or "", found["rest"]
    if found["user"]:
        return without_credentials(f"{begin}{HIDDEN}@{rest}")
    return without_credentials(address) if HOST.match(rest) else f"{begin}{HIDDEN}"


def without_user(address: str) -> str:
    """Return an address to use: without the user and the password in it, which travel otherwise.

    >>> without_user("http://me:secret@host:5000")
    'http://host:5000'
    """
    return IN_USE.sub(r"\g<begin>", address)


def credentials_in(address: str) -> dict[str, str]:
    """Return the user and the password in an address, as the variables that MLflow's client reads.

    >>> credentials_in("http://me:p%40ss@host:5000")
    {'MLFLOW_TRACKING_USERNAME': 'me', 'MLFLOW_TRACKING_PASSWORD': 'p@ss'}
    """
    found = IN_USE.match(address)
    values = {USER: unquote(found["name"]), PASSWORD: unquote(found["password"])} if found else {}
    return {name: value for name, value in values.items() if value}
