"""Does what the words of a command line ask for: ``app.py`` prints what comes of it, ``runner.run`` returns it."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

from hydra.core.hydra_config import HydraConfig
from hydra.types import RunMode
from omegaconf import DictConfig

from experiments.reporting.commands import command
from runner import __version__
from runner.cli.arguments import Arguments, parse
from runner.cli.done import Done, going_on
from runner.cli.flags import call_hydra
from runner.cli.help import help_text
from runner.cli.plan import plan_text, without_plan
from runner.cli.replay import Replay, replay_of
from runner.cli.shells import answer
from runner.cli.single import run_alone
from runner.cli.sweep_terminal import SweepTerminal
from runner.config.composing import groups
from runner.config.error_messages import CONFIG_ERRORS, no_choice, sentence
from runner.config.plugins import taken_out
from runner.config.schema import register
from runner.errors import ExitStatus, UserError
from runner.execution.job import Job
from runner.sweep.own_keys import as_sweeps
from runner.sweep.plan import Plan
from runner.sweep.sweep import Sweep

COMPLETION = {"--shell-completion", "-sc"}


def carry_out(given: Sequence[str]) -> Done:
    """Do what the words of a command line ask for.

    Raises UserError for what the user can correct, and KeyboardInterrupt after a signal before anything was started.
    """
    if COMPLETION.intersection(given):  # a line that is only begun is no command line
        print(answer([word for word in given if word not in COMPLETION]))
        return Done()
    try:
        return _do(taken_out(given))
    except CONFIG_ERRORS as error:
        raise UserError(sentence(error, given)) from error
    except PermissionError as error:
        if not str(error.filename).endswith(".yaml"):
            raise
        raise UserError(f"{error.filename}: {error.strerror}; change its permissions, or name another") from error
    except (ValueError, TypeError) as error:
        if (problem := no_choice(given, groups())) is None:
            raise
        raise UserError(problem) from error


def _do(words: Sequence[str]) -> Done:
    arguments = parse(words)
    if arguments.wants_version:
        print(f"tensorflow-lab-bench {__version__}")
        return Done()
    register()
    arguments, is_plan = without_plan(arguments)
    replay = replay_of(arguments)
    arguments = replay.arguments if replay else arguments
    if arguments.wants_help:
        print(help_text(arguments))
        return Done()
    if is_plan:
        return _plan(arguments, replay)
    return _sweep(arguments, replay) if arguments.multirun else _hydra(arguments, replay)


def _sweep(arguments: Arguments, replay: Replay | None) -> Done:
    """Many jobs: Hydra's sweeper says which, its launcher hands them to the sweep."""
    words, replays = (replay.command, replay.replays) if replay else (arguments.overrides, None)
    if replay:
        replay.announce()
    with SweepTerminal() as terminal, Sweep(words, terminal, arguments.composing, replays) as sweep:
        try:
            done = _hydra(arguments, replay, sweep)
            sweep.refine()
        except KeyboardInterrupt:
            if not sweep.was_interrupted:
                raise
    if sweep.is_empty:
        return done
    problems = [going_on("-m", *arguments.composing, *words)] if sweep.was_interrupted else []
    return Done(sweep.exit_status, sweep.run_id, problems, store=sweep.store)


def _plan(arguments: Arguments, replay: Replay | None) -> Done:
    """Compose and check the jobs, and say what would be done."""
    words, replays = (replay.command, replay.replays) if replay else (arguments.overrides, None)
    plan = Plan(words, arguments.composing, replays)
    done = _hydra(arguments, replay, plan)
    if done.status == ExitStatus.OK and not plan.is_empty:
        multirun = ["-m"] if arguments.multirun else []
        print(plan_text(plan, [*multirun, *arguments.composing, *words]))
    return done


class _Task:
    """The function that Hydra calls with the config of a job.

    It carries the sweep, or the plan, to this project's launchers: Hydra makes them itself, and hands them only this.
    What goes wrong with a job must not pass through Hydra, which would print it and end the sweep.
    """

    def __init__(self, arguments: Arguments, replay: Replay | None, sweep: Sweep | Plan | None) -> None:
        self.arguments, self.replay = arguments, replay
        self.sweep = sweep
        self.done = [Done()]
        self.errors: list[UserError] = []

    def __call__(self, config: DictConfig) -> None:
        try:
            self.done.append(self._do(config))
        except UserError as error:
            self.errors.append(error)
        except CONFIG_ERRORS as error:
            self.errors.append(UserError(sentence(error, self.arguments.overrides)))

    def _do(self, config: DictConfig) -> Done:
        """Run or plan one job."""
        _require_one_job(self.arguments)
        job = Job(config, list(HydraConfig.get().overrides.task), flags=self.arguments.composing)
        if isinstance(self.sweep, Plan):
            self.sweep.add(job)
            return Done()
        if self.replay is None:
            return run_alone(job)
        _ = job.parts  # what is wrong with it is said before what it is
        self.replay.announce()
        job = dataclasses.replace(job, replays=self.replay.replays.run_ids[0])
        return run_alone(job, self.replay.compare)


def _hydra(arguments: Arguments, replay: Replay | None, sweep: Sweep | Plan | None = None) -> Done:
    """Let Hydra compose, and run one job or have its launcher run many."""
    task = _Task(arguments, replay, sweep)
    words = as_sweeps(arguments.overrides) if arguments.multirun else arguments.overrides
    call_hydra(arguments.known, words, task)
    if task.errors:
        raise task.errors[0]
    return max(task.done[::-1], key=lambda done: done.status)


def _require_one_job(arguments: Arguments) -> None:
    """A preset may be a grid; run alone it would silently be its first job or none of them."""
    hydra_config = HydraConfig.get()
    swept = hydra_config.sweeper.get("params") or {}
    if swept and hydra_config.mode == RunMode.RUN:
        repeated = command("-m", *arguments.in_order)
        raise UserError(f"this is a grid over {', '.join(map(str, swept))}, which needs -m: {repeated}")
