"""``python -m runner.store``: looks after the store of runs: checks it, takes it over after a move, exports, prunes."""

from __future__ import annotations

import argparse
import re
import sys
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from experiments.reporting.text import listed
from runner.cli.program import Parser, run_program
from runner.cli.store_words import OF_THE_STORE, require_database, require_runs, store_of
from runner.errors import ExitStatus, UserError
from runner.tracking import deleting, health, moving, table
from runner.tracking.find_run import SHORT_ID, moment
from runner.tracking.orphans import running_here
from runner.tracking.store import LocalStore, Store, first_line

if TYPE_CHECKING:
    from mlflow import MlflowClient

PROGRAM = "python -m runner.store"

DESCRIPTION = """\
Look after a store of runs. Words that begin with tracking name the store; without one it is
mlruns in the working folder.

  check      tell what is wrong with it: missing artifacts, RUNNING runs whose process is
             gone, a store that was moved, a database of another MLflow; changes nothing
  relocate   let a store that was moved or copied keep its artifacts where it stands now;
             a copy of the database is kept beside it
  export     write a table of runs, for pandas: a row a run, with its params.KEY,
             metrics.NAME and tags.NAME
  prune      delete runs for good, with their artifacts, models and registered versions, and
             with a sweep its jobs; only tells what it would delete unless --delete is given;
             of the runs that are named, of all without a name, those that the options let pass"""

EXAMPLES = """\
  python -m runner.store check
  python -m runner.store relocate tracking.dir=/data/runs
  python -m runner.store export runs.csv --where "tags.experiment = 'matmul'"
  python -m runner.store prune --older-than 90d --where "attributes.status = 'FAILED'"
  python -m runner.store prune 3f2a91 latest --delete

CONDITION is MLflow's: attributes.status, params.`experiment.dtype`, metrics.NAME and tags.NAME,
joined by AND. RUN is a run's id, the beginning of its id, its name, or latest, latest~1, ...
Exit status: 0; 1 if check finds something wrong; 2 if the command cannot be done."""

AGE = re.compile(r"(\d+(?:\.\d+)?)d")

MOST_LINES = 20

ANY_EXPERIMENT = "0"


def main() -> int:
    """Look after the store, and return the exit status."""
    return run_program("runner.store", lambda: _do(_arguments(sys.argv[1:])))


def _arguments(words: Sequence[str]) -> argparse.Namespace:
    parser = Parser(
        prog=PROGRAM,
        description=DESCRIPTION,
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        usage="%(prog)s check|relocate|export|prune [FILE | RUN ...] [tracking.KEY=VALUE ...] [options]",
        allow_abbrev=False,
    )
    parser.add_argument("command", choices=COMMANDS, metavar="COMMAND", help=", ".join(COMMANDS))
    parser.add_argument("words", nargs="*", metavar="WORD", help="export: FILE.csv or FILE.parquet; prune: runs")
    parser.add_argument("--where", metavar="CONDITION", default="", help="export, prune: only the runs that fulfil it")
    parser.add_argument("--older-than", metavar="90d", type=_days, help="prune: only runs that began so long ago")
    parser.add_argument("--delete", action="store_true", help="prune: delete them; this cannot be undone")
    found = parser.parse_intermixed_args(list(words))
    found.store = [word for word in found.words if OF_THE_STORE.fullmatch(word)]
    found.words = [word for word in found.words if word not in found.store]
    _require_fitting(found)
    return found


def _days(text: str) -> float:
    if not (days := AGE.fullmatch(text)):
        raise argparse.ArgumentTypeError(f"{text!r} is no number of days; write it as 90d")
    return float(days[1])


def _require_fitting(given: argparse.Namespace) -> None:
    """Raise UserError if words or options do not belong to the command."""
    options = {"--where": given.where, "--older-than": given.older_than is not None, "--delete": given.delete}
    taken = {"export": ["--where"], "prune": list(options)}.get(given.command, [])
    if wrong := [option for option, is_given in options.items() if is_given and option not in taken]:
        raise UserError(f"{given.command} has no option {wrong[0]}; see {PROGRAM} --help")
    if given.command == "export" and len(given.words) != 1:
        raise UserError(f"export: give one file, such as runs.csv; here are {len(given.words)}")
    if given.command in ("check", "relocate") and given.words:
        raise UserError(f"{given.command}: {given.words[0]}: a word that begins with tracking was expected")
    if given.command == "prune" and not (given.words or given.where or given.older_than is not None):
        raise UserError("prune: say which: runs, --where or --older-than")


def _do(given: argparse.Namespace) -> int:
    return COMMANDS[given.command](store_of(given.store), given)


def _check(store: Store, given: argparse.Namespace) -> int:
    local = _local(store, "check")
    require_database(local)
    problems = list(health.problems(local))
    for problem in problems:
        print(problem)
    if not problems:
        print(f"{local.folder}: nothing is wrong")
    return ExitStatus.FAILED if problems else ExitStatus.OK


def _relocate(store: Store, given: argparse.Namespace) -> int:
    local = _local(store, "relocate")
    require_database(local)
    _, alive = running_here(_opened(local))
    if alive:
        names = listed([run.info.run_id[:SHORT_ID] for run in alive])
        raise UserError(f"relocate: {names} still RUNNING; wait for it, or stop it first")
    done = moving.relocate(local.folder, local.database)
    if done is None:
        print(f"{local.folder}: nothing to do, the store stands where its addresses say")
    else:
        old = listed([str(home) for home in done.homes])
        print(f"{local.folder} is at home now: {done.addresses} addresses began with {old}")
        print(f"the database as it was: {done.backup}")
    return ExitStatus.OK


def _export(store: Store, given: argparse.Namespace) -> int:
    require_database(store)
    client, path = _opened(store), Path(given.words[0])
    _require_condition(client, given.where)
    number = table.export(client, path, given.where)
    print(f"{path}: {number} runs")
    return ExitStatus.OK


def _prune(store: Store, given: argparse.Namespace) -> int:
    local = _local(store, "prune")
    require_runs(local)
    client = _opened(local)
    _require_condition(client, given.where)
    selected = deleting.selected(client, local, given.words, given.where, given.older_than)
    plan = deleting.plan(client, local, selected, named=bool(given.words))
    for doomed in plan.doomed[:MOST_LINES]:
        run = doomed.run
        print(f"{run.id[:SHORT_ID]}  {moment(run.start_time)}  {run.status:8}  {run.name}")
    if (more := len(plan.doomed) - MOST_LINES) > 0:
        print(f"and {more} more")
    for run_id, reason in plan.kept.items():
        print(f"{run_id[:SHORT_ID]}  stays: {reason}")
    print(
        f"{_sum_of(plan.doomed)}{' are deleted' if given.delete else ' would be deleted; --delete does so, for good'}"
    )
    if given.delete:
        deleting.delete(client, local, plan.doomed)
    return ExitStatus.OK


def _sum_of(doomed: Sequence[deleting.Doomed]) -> str:
    counts = Counter(runs=len(doomed))
    for one in doomed:
        counts.update({"logged models": len(one.models), "registered versions": len(one.versions)})
    total = sum(one.bytes for one in doomed)
    return f"{', '.join(f'{number} {what}' for what, number in counts.items())}, {total / 2**20:.1f} MiB"


def _require_condition(client: MlflowClient, condition: str) -> None:
    """Raise UserError if MLflow does not understand a condition."""
    from mlflow.exceptions import MlflowException

    try:
        client.search_runs([ANY_EXPERIMENT], condition, max_results=1)
    except MlflowException as error:
        raise UserError(f"--where: {first_line(error)}") from None


def _opened(store: Store) -> MlflowClient:
    return store.open(lambda text: print(f"runner.store: {text}", file=sys.stderr))


def _local(store: Store, command: str) -> LocalStore:
    if not isinstance(store, LocalStore):
        raise UserError(f"{command}: {store.ui} is a server, which looks after its store itself (mlflow gc, mlflow db)")
    return store


COMMANDS = {"check": _check, "relocate": _relocate, "export": _export, "prune": _prune}


if __name__ == "__main__":
    sys.exit(main())
