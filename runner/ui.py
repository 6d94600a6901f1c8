"""``python -m runner.ui``: MLflow's UI on the store that the config names."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
import time
import urllib.request
from typing import IO

from rich.console import Console

from runner.cli.program import Parser, run_program
from runner.cli.store_words import require_database, store_of
from runner.errors import ExitStatus, StoreError, UserError
from runner.tracking import ports
from runner.tracking.making import migrate
from runner.tracking.served import announced, port_of
from runner.tracking.store import UI_HOST, UI_PORT, LocalStore, Store, quiet_mlflow

START_SECONDS = 90


def main() -> int:
    """Serve until Ctrl-C, and return the exit status."""
    return run_program("runner.ui", _do)


def _do() -> int:
    parser = Parser(
        prog="python -m runner.ui",
        description="Browse the runs that python -m runner has kept.",
        epilog="example: python -m runner.ui tracking.dir=/data/runs --port 5001",
    )
    parser.add_argument("overrides", nargs="*", metavar="KEY=VALUE", help="config, such as tracking.dir=/data/runs")
    parser.add_argument("--port", type=int, default=UI_PORT, help="port on 127.0.0.1 (default: %(default)s)")
    arguments = parser.parse_args()
    return serve(store_of(arguments.overrides), arguments.port)


def serve(store: Store, port: int) -> int:
    """Serve a local store until a signal arrives. Raises UserError if that is impossible."""
    if not isinstance(store, LocalStore):
        raise UserError(f"the tracking server has a UI of its own: open {store.ui}")
    require_database(store)
    _require_free(store, port)
    migrate(store.database, lambda text: print(f"runner.ui: {text}", file=sys.stderr))
    _say_if_moved(store)
    for number in (signal.SIGTERM, signal.SIGHUP):  # they end it as Ctrl-C does
        if signal.getsignal(number) is not signal.SIG_IGN:  # nohup stays in force
            signal.signal(number, signal.default_int_handler)
    console = Console(highlight=False)
    with tempfile.TemporaryFile() as log:
        return _serve_until_signal(store, port, log, console)


def _serve_until_signal(store: LocalStore, port: int, log: IO[bytes], console: Console) -> int:
    server = subprocess.Popen(_command(store, port), env=_environment(), stdout=log, stderr=log, start_new_session=True)
    try:
        with console.status("MLflow is starting ..."):
            up = _wait_until_up(server, port)
        if not up:
            log.seek(0)
            print(log.read().decode(errors="replace"), file=sys.stderr)
            raise UserError("MLflow's server did not start; what it said stands above")
        with announced(store.folder, port):
            console.print(_address(port), soft_wrap=True)
            console.print("Ctrl-C ends it.")
            return server.wait()
    except KeyboardInterrupt:
        return ExitStatus.OK
    finally:
        _end(server)


def _say_if_moved(store: LocalStore) -> None:
    """Say so where only the runs can be shown: their artifacts are looked for at the store's old place."""
    try:
        store.require_home()
    except StoreError as moved:
        print(f"runner.ui: without artifacts: {moved}", file=sys.stderr)


def _command(store: LocalStore, port: int) -> list[str]:
    """Return the command of a server whose button New makes MLflow experiments that write into the store, as ours do.

    One worker: MLflow's default of four, and its job runners, cost 2 GB and twenty seconds.
    """
    server = [sys.executable, "-m", "mlflow", "server", "--backend-store-uri", store.uri]
    artifacts = ["--default-artifact-root", store.artifact_root]
    return [*server, *artifacts, "--host", UI_HOST, "--port", str(port), "--workers", "1"]


def _environment() -> dict[str, str]:
    quiet_mlflow()
    return os.environ | {"MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false"}


def _require_free(store: LocalStore, port: int) -> None:
    """Raise UserError unless a server can listen at a port; where this store is served there already, say so."""
    try:
        if ports.is_free(port):
            return
    except (OSError, OverflowError) as error:
        raise UserError(f"port {port} cannot be used ({error}); choose another with --port") from None
    if port_of(store.folder) == port:
        raise UserError(f"this store is served already: {_address(port)}")
    raise _taken(port)


def _taken(port: int) -> UserError:
    return UserError(f"port {port} is taken ({ports.listener(port)}); choose another: --port {ports.next_free(port)}")


def _address(port: int) -> str:
    return f"http://{UI_HOST}:{port}/#/experiments?workflowType=machine_learning"


def _wait_until_up(server: subprocess.Popen[bytes], port: int) -> bool:
    """Return whether the server has come up. Raises UserError if another program has taken its port meanwhile.

    Only the server itself counts: another one would answer as well, from another store.
    """
    deadline = time.monotonic() + START_SECONDS
    while server.poll() is None and time.monotonic() < deadline:
        if not ports.answers(port):
            time.sleep(0.1)
        elif not ports.is_of(server.pid, port):
            raise _taken(port)
        elif _is_healthy(port):
            return True
    if ports.answers(port):
        raise _taken(port)
    return False


def _is_healthy(port: int) -> bool:
    try:
        with urllib.request.urlopen(f"http://{UI_HOST}:{port}/health", timeout=1):
            return True
    except OSError:
        time.sleep(0.1)
        return False


def _end(server: subprocess.Popen[bytes]) -> None:
    """End the server and its worker, which form a process group of their own."""
    for number in (signal.SIGTERM, signal.SIGKILL):
        try:
            os.killpg(server.pid, number)
            server.wait(timeout=5)
        except ProcessLookupError:
            return
        except subprocess.TimeoutExpired:
            continue


if __name__ == "__main__":
    sys.exit(main())
