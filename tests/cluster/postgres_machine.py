"""A PostgreSQL server, for tests."""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from types import TracebackType
from uuid import uuid4

import sqlalchemy

from tests.conftest import free_port

DEBIAN = Path("/usr/lib/postgresql")
"""Debian keeps the programs of each version out of the search path."""


def programs() -> Path | None:
    """The folder with initdb and pg_ctl, of Debian's newest version or else in the search path; None without one."""
    newest_first = sorted(DEBIAN.glob("*/bin"), key=lambda folder: float(folder.parent.name), reverse=True)
    in_path = shutil.which("pg_ctl")
    # A link to one program has the others beside the link's end.
    candidates = [*newest_first, *([Path(in_path).resolve().parent] if in_path else [])]
    complete = (found for found in candidates if all((found / name).exists() for name in ("initdb", "pg_ctl")))
    return next(complete, None)


class PostgresMachine:
    """A server with an empty database in a folder of its own, run by a user who is not root, which it refuses."""

    def __init__(self) -> None:
        self._port = free_port()
        self._cleanup = ExitStack()
        self.address = f"postgresql+psycopg2://postgres@127.0.0.1:{self._port}/postgres"
        """For SQLAlchemy."""

    def __enter__(self) -> PostgresMachine:
        found = programs()
        assert found is not None
        with ExitStack() as cleanup:  # what has been started when something does not start
            folder = Path(tempfile.mkdtemp(prefix="postgres-"))
            cleanup.callback(shutil.rmtree, folder)
            user = _unprivileged_user()
            if user is not None:
                shutil.chown(folder, user)
            data = str(folder / "data")
            _run([found / "initdb", "--auth=trust", "--username=postgres", "--no-sync", "-D", data], folder, user)
            options = f"-p {self._port} -c listen_addresses=127.0.0.1 -c unix_socket_directories={folder} -c fsync=off"
            control: list[Path | str] = [found / "pg_ctl", "--wait", "-D", data]
            _run([*control, "-l", str(folder / "log"), "-o", options, "start"], folder, user)
            cleanup.callback(_run, [*control, "-m", "immediate", "stop"], folder, user)
            self._cleanup = cleanup.pop_all()
        return self

    @contextmanager
    def new_database(self) -> Iterator[str]:
        """The address of an empty database of its own for one test."""
        name = f"test_{uuid4().hex}"
        server = sqlalchemy.create_engine(self.address, isolation_level="AUTOCOMMIT")
        with server.connect() as connection:
            connection.execute(sqlalchemy.text(f"CREATE DATABASE {name}"))
        yield self.address.removesuffix("/postgres") + f"/{name}"
        server.dispose()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._cleanup.close()


def _unprivileged_user() -> str | None:
    """Whom root becomes to run the server; None if we are not root."""
    if os.getuid() != 0:
        return None
    users = {entry.pw_name for entry in pwd.getpwall()}
    return "postgres" if "postgres" in users else "nobody"


def _run(command: list[Path | str], folder: Path, user: str | None) -> None:
    """Not with pipes for its output: the server would hold them open."""
    with (folder / "commands.log").open("ab") as log:
        subprocess.run(command, cwd=folder, user=user, stdout=log, stderr=log, check=True)
