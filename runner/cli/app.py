"""The command line: has Hydra compose the config, then runs the job or the sweep."""

from __future__ import annotations

import dataclasses
import os
import signal
import sys
from collections.abc import Sequence

import hydra
from hydra.core.hydra_config import HydraConfig
from hydra.types import RunMode
from omegaconf import DictConfig

from experiments.reporting.commands import command
from runner import __version__
from runner.cli.arguments import Arguments, parse
from runner.cli.help import help_text
from runner.cli.replay import Replay, replay_of
from runner.cli.single import run_alone
from runner.cli.standard_streams import take_over
from runner.cli.sweep_terminal import SweepTerminal
from runner.config.composing import CONF
from runner.config.error_messages import CONFIG_ERRORS, no_choice, sentence
from runner.config.plugins import taken_out
from runner.config.schema import register
from runner.environment import without_credentials
from runner.errors import ExitStatus, UserError
from runner.execution.job import Job
from runner.sweep.sweep import Sweep


def main() -> int:
    """``python -m runner``: returns the exit status."""
    os.environ["HYDRA_FULL_ERROR"] = "1"  # Hydra raises instead of printing: the sentence is ours
    os.environ["MPLBACKEND"] = "agg"  # draws files; a name that it does not know ends its import
    output = take_over()
    status = _run(sys.argv[1:])
    output.flush()
    return status if output.is_complete else status or ExitStatus.FAILED


def _run(given: Sequence[str]) -> int:
    try:
        given = taken_out(given)
        arguments = parse(given)
        if arguments.wants_version:
            print(f"tensorflow-lab-bench {__version__}")
            return ExitStatus.OK
        register()
        replay = replay_of(arguments)
        arguments = replay.arguments if replay else arguments
        if arguments.wants_help:
            print(help_text(arguments))
            return ExitStatus.OK
        return _sweep(arguments, replay) if arguments.multirun else _hydra(arguments, replay)
    except UserError as error:
        return _complain(str(error), error.exit_status)
    except CONFIG_ERRORS as error:
        return _complain(sentence(error), ExitStatus.WRONG_INPUT)
    except (ValueError, TypeError):
        groups = [folder.name for folder in CONF.iterdir() if folder.is_dir()]
        if (problem := no_choice(given, groups)) is None:
            raise
        return _complain(problem, ExitStatus.WRONG_INPUT)
    except KeyboardInterrupt:
        return _complain("interrupted before anything was started", ExitStatus.of_signal(signal.SIGINT))


def _sweep(arguments: Arguments, replay: Replay | None) -> int:
    """Many jobs: Hydra's sweeper says which, its launcher hands them to the sweep."""
    words, replays = (replay.command, replay.replays) if replay else (arguments.overrides, None)
    if replay:
        replay.announce()
    with SweepTerminal() as terminal, Sweep(words, terminal, arguments.composing, replays) as sweep:
        try:
            status = _hydra(arguments, replay, sweep)
        except KeyboardInterrupt:
            if not sweep.was_interrupted:
                raise
    return status if sweep.is_empty else sweep.exit_status


class _Task:
    """The function that Hydra calls with the config of a job.

    It carries the sweep to this project's launchers: Hydra makes them itself, and hands them only this.
    """

    def __init__(self, arguments: Arguments, replay: Replay | None, sweep: Sweep | None) -> None:
        self.arguments, self.replay = arguments, replay
        self.sweep = sweep
        self.statuses: list[int] = []

    def __call__(self, config: DictConfig) -> None:
        self.statuses.append(_status_of_job(config, self.arguments, self.replay))


def _hydra(arguments: Arguments, replay: Replay | None, sweep: Sweep | None = None) -> int:
    """Let Hydra compose, and run one job or have its launcher run many."""
    task = _Task(arguments, replay, sweep)
    sys.argv[1:] = arguments.in_order
    hydra.main(config_path=str(CONF), config_name="config", version_base="1.3")(task)()
    return max(task.statuses, default=ExitStatus.OK)


def _status_of_job(config: DictConfig, arguments: Arguments, replay: Replay | None) -> int:
    """Runs one job; what goes wrong with it must not pass through Hydra, which would end the sweep."""
    try:
        _require_one_job(arguments)
        job = Job(config, list(HydraConfig.get().overrides.task), flags=arguments.composing)
        if replay is None:
            return run_alone(job)
        _ = job.parts  # what is wrong with it is said before what it is
        replay.announce()
        return run_alone(dataclasses.replace(job, replays=replay.replays.run_ids[0]), replay.compare)
    except UserError as error:
        return _complain(str(error), error.exit_status)
    except CONFIG_ERRORS as error:
        return _complain(sentence(error), ExitStatus.WRONG_INPUT)


def _require_one_job(arguments: Arguments) -> None:
    """A preset may be a grid; run alone it would silently be its first job or none of them."""
    hydra_config = HydraConfig.get()
    swept = hydra_config.sweeper.get("params") or {}
    if swept and hydra_config.mode == RunMode.RUN:
        repeated = command("-m", *arguments.in_order)
        raise UserError(f"this is a grid over {', '.join(map(str, swept))}, which needs -m: {repeated}")


def _complain(problem: str, status: int) -> int:
    print(f"runner: {without_credentials(problem)}", file=sys.stderr)
    return status
