"""The flags of ``python -m runner``: those of Hydra that lead somewhere here, and which of them go together."""

from __future__ import annotations

import argparse
import io
import os
import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext, redirect_stderr
from typing import NoReturn

from hydra import version
from hydra._internal.utils import _run_hydra, get_args_parser
from omegaconf import DictConfig

from experiments.validators import suggestion
from runner.config.composing import CONF, groups
from runner.errors import UserError

REPLAYED = "replay=RUN runs a stored config again, --config-dir DIR adds choices of your own"

REFUSED = {
    "config_name": f"--config-name: there is only one primary config; {REPLAYED}",
    "config_path": f"--config-path: there is only one folder with a primary config; {REPLAYED}",
    "experimental_rerun": f"--experimental-rerun: Hydra leaves no pickles here; {REPLAYED}",
}
"""Hydra's flags that would run something that no printed command could repeat."""

DOING = {
    "run": "--run",
    "multirun": "--multirun",
    "cfg": "--cfg",
    "info": "--info",
    "shell_completion": "--shell-completion",
    "hydra_help": "--hydra-help",
}
"""The flags that say what is to be done with the config."""

FULL_ERROR = "HYDRA_FULL_ERROR"

OF_ONE_JOB = {"--cfg", "--info"}


class _Parser(argparse.ArgumentParser):
    """Raises UserError, where argparse would print its usage and exit."""

    def error(self, message: str) -> NoReturn:
        raise UserError(f"{message}; python -m runner --help tells more")


def parse_flags(words: Sequence[str]) -> argparse.Namespace:
    """Return the flags among the words of a command line, as Hydra's parser names them, and ``overrides``.

    Raises UserError for a flag that does not exist, and for flags that do not go together.
    """
    parser = _parser()
    known, unknown = parser.parse_known_intermixed_args(words)
    if unknown:
        raise UserError(f"{unknown[0]}: no such flag{_meant(unknown[0], all_flags())}")
    if not (known.version or known.help):
        _require_together(known)
    return known


def all_flags() -> list[str]:
    """Return the long flags that can be given."""
    found = re.findall(r"--[a-z-]+", _parser().format_usage())
    return [flag for flag in found if flag[2:].replace("-", "_") not in REFUSED]


def _parser() -> _Parser:
    parser = _Parser(parents=[get_args_parser()], conflict_handler="resolve", add_help=False, allow_abbrev=False)
    parser.add_argument("--version", action="store_true")  # instead of Hydra's, which prints the version of Hydra
    return parser


def _meant(word: str, flags: Sequence[str]) -> str:
    """Return what may have been meant by a word with dashes: a flag, or an override."""
    name = re.sub(r"^-+", "", word).partition("=")[0]
    if name in groups():
        return f"; write {name}=CHOICE, without dashes"
    return suggestion(word, flags) or "; python -m runner --help lists the flags"


def _require_together(known: argparse.Namespace) -> None:
    """Raise UserError for a flag that is refused, needs another one, or excludes another one."""
    for name, reason in REFUSED.items():
        if getattr(known, name) is not None:
            raise UserError(reason)
    doing = [flag for name, flag in DOING.items() if getattr(known, name) not in (None, False)]
    if known.multirun and OF_ONE_JOB.intersection(doing):
        raise UserError("--cfg and --info show one job: leave out -m, and give each key one value")
    if len(doing) > 1:
        raise UserError(f"{' and '.join(doing)}: give one of them, since each says what is to be done")
    for flag in ("resolve", "package"):
        if getattr(known, flag) and not known.cfg:
            raise UserError(f"--{flag}: belongs to --cfg, which prints the configuration; write --cfg job --{flag}")


def call_hydra(flags: argparse.Namespace, overrides: Sequence[str], task: Callable[[DictConfig], None]) -> None:
    """Let Hydra do what the flags say, with ``task`` for each config that it composes.

    It is ``hydra.main`` without ``sys.argv``, which is that of a notebook where one calls. Raises what Hydra raises,
    and UserError for a package that is not there.
    """
    version.setbase("1.3")
    words = [] if flags.hydra_help else list(overrides)  # that help is of no config
    given = argparse.Namespace(**{**vars(flags), "overrides": words})
    try:
        with _raising(), redirect_stderr(io.StringIO()) if flags.package else nullcontext():
            _run_hydra(given, _parser(), task, config_path=str(CONF), config_name="config")
    except SystemExit as end:  # of --hydra-help, or of --package
        if end.code:
            raise UserError(f"--package: there is no {flags.package} in this configuration") from None


@contextmanager
def _raising() -> Iterator[None]:
    """Let Hydra raise instead of printing: the sentence is ours."""
    before = os.environ.get(FULL_ERROR)
    os.environ[FULL_ERROR] = "1"
    try:
        yield
    finally:
        del os.environ[FULL_ERROR]
        os.environ |= {FULL_ERROR: before} if before is not None else {}
