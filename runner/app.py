"""The command line: Hydra composes the config, then the job is run."""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path

import hydra
from hydra.core.hydra_config import HydraConfig
from omegaconf import DictConfig

from runner.arguments import parse
from runner.complaint import CONFIG_ERRORS, sentence
from runner.errors import ExitStatus, UserError
from runner.help import help_text
from runner.job import conduct
from runner.schema import register

CONF = Path(__file__).parent.parent / "conf"


def main() -> int:
    """``python -m runner``: returns the exit status."""
    os.environ["HYDRA_FULL_ERROR"] = "1"  # Hydra raises instead of printing: the sentence is ours
    statuses: list[int] = []

    @hydra.main(config_path=str(CONF), config_name="config", version_base="1.3")
    def run(config: DictConfig) -> None:
        status = _status_of_job(config)
        statuses.append(status)
        if status >= ExitStatus.of_signal(signal.SIGHUP):  # Ctrl-C is meant for the whole sweep
            sys.exit(status)

    try:
        arguments = parse(sys.argv[1:])
        register()
        if arguments.wants_help:
            print(help_text(CONF, arguments))
        else:
            sys.argv[1:] = arguments.in_order
            run()
    except UserError as error:
        return _complain(str(error), error.exit_status)
    except CONFIG_ERRORS as error:
        return _complain(sentence(error), ExitStatus.WRONG_INPUT)
    except ValueError as error:
        if "Config group override" not in str(error):  # Hydra's, for a group set to null
            raise
        return _complain("a group is set to null; choose one of what --help lists", ExitStatus.WRONG_INPUT)
    except KeyboardInterrupt:
        return _complain("interrupted before anything was started", ExitStatus.of_signal(signal.SIGINT))
    return max(statuses, default=ExitStatus.OK)


def _status_of_job(config: DictConfig) -> int:
    """Runs one job; what goes wrong with it must not pass through Hydra, which would end the sweep."""
    try:
        return conduct(config, list(HydraConfig.get().overrides.task))
    except UserError as error:
        return _complain(str(error), error.exit_status)
    except CONFIG_ERRORS as error:
        return _complain(sentence(error), ExitStatus.WRONG_INPUT)


def _complain(problem: str, status: int) -> int:
    print(f"runner: {problem}", file=sys.stderr)
    return status
