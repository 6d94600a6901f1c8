"""What is secret in an address is not shown, and an address that is used leads where it led."""

from __future__ import annotations

import pytest

from runner.addresses import PASSWORD, USER, credentials_in, shown, without_credentials, without_user

SIGNS = [*"/@:%#?&;", "%40"]
"""What a password may hold."""


@pytest.mark.parametrize("sign", SIGNS)
@pytest.mark.parametrize("scheme", ["http", "postgresql+psycopg2"])
def test_a_password_is_hidden_whatever_it_holds(scheme: str, sign: str) -> None:
    address = f"{scheme}://me:se{sign}cret@host:5432/a?b=c"
    assert shown(address) == f"{scheme}://***@host:5432/a?b=c"
    assert without_credentials(f"x={address}, y") == f"x={scheme}://***@host:5432/a?b=c, y"


@pytest.mark.parametrize(
    ("address", "seen"),
    [
        ("https://token@host", "https://***@host"),  # a user without a password is often a token
        ("http://me:se cret@host", "http://***@host"),
        ("http://me:se\ncret@host", "http://***@host"),
        ("HTTP://me:secret@host", "HTTP://***@host"),
        ("http://[::1]:5000/a", "http://[::1]:5000/a"),
        ("https://host/?api_key=se/cr@t&a=b", "https://***@t&a=b"),
        ("https://host/?api_key=se/cret&a=b#token=secret", "https://host/?api_key=***&a=b#token=***"),
        ("mssql://host/db;pwd=secret", "mssql://host/db;pwd=***"),
        ("https://host/a?sv=1&sig=se%2Bcret", "https://host/a?sv=1&sig=***"),
        ("https://host/a?X-Amz-Signature=secret", "https://host/a?X-Amz-Signature=***"),
        ("postgresql://host/db?user=me&password=secret", "postgresql://host/db?user=***&password=***"),
        ("mssql+pyodbc:///?odbc_connect=PWD%3Dsecret", "mssql+pyodbc:///?odbc_connect=***"),
        (
            "sqlite+pysqlite:////home/me@work/optuna.db?timeout=5",
            "sqlite+pysqlite:////home/me@work/optuna.db?timeout=5",
        ),
        ("sqlite+pysqlcipher://:secret@/a.db", "sqlite+pysqlcipher://***@/a.db"),
        ("optuna.db", "optuna.db"),
        ("me:secret", "***"),
        ("me:secret@host", "***@host"),
        ("postgresql://me:secret", "postgresql://***"),
        ("postgresql:/me:secret@host", "***@host"),
    ],
)
def test_what_is_shown(address: str, seen: str) -> None:
    assert shown(address) == seen


@pytest.mark.parametrize(
    "text",
    [
        "ask NAME@ALIAS at http://host:port (see)",
        '+X = "a;KEY=b"  #KEY=c',
        "sqlite:////home/me@work/a.db",
        "file:///home/me@work/a, b@c",
    ],
)
def test_what_is_no_secret_stays(text: str) -> None:
    assert without_credentials(text) == text


@pytest.mark.parametrize("password", ["", "se%2Fcret", "se@cret", "se:cret", "100%", "%40%3A%23%3F"])
def test_user_and_password_are_taken_out(password: str) -> None:
    address = f"http://me{password and ':'}{password}@host:5000/team"
    assert without_user(address) == "http://host:5000/team"
    found = credentials_in(address)
    assert found[USER] == "me"
    assert (found.get(PASSWORD) or "") == {"se%2Fcret": "se/cret", "%40%3A%23%3F": "@:#?"}.get(password, password)


@pytest.mark.parametrize("address", ["http://host:5000/me@work", "https://host/?a=b@c", "sqlite:////home/me@work/a.db"])
def test_an_at_sign_after_the_host_is_no_user(address: str) -> None:
    assert without_user(address) == address
    assert credentials_in(address) == {}
