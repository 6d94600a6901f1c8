"""The text of ``python -m runner --help``.

Hydra's own help lists the bare names of choices, schemas included, and copies its config store for each group, which
takes longer than everything else together.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from textwrap import indent

from omegaconf import OmegaConf

from runner.cli.arguments import Arguments
from runner.cli.shells import INSTALLED_BY
from runner.config.composing import CONF, composed
from runner.config.schema import JOINED

HEADER = """\
Asks TensorFlow a question and keeps the answer (numbers, plots, the machine) in MLflow.

  python -m runner experiment=matmul device=cpu
  python -m runner 'experiment.sizes=[1,10,100]' experiment.shape=square experiment.mode=graph
  python -m runner -m experiment.dtype=float32,float64 device.intra_op_threads=1,2    (a sweep)
  python -m runner -m experiment.dtype=float32,float64 device.intra_op_threads=1,2 sweep.resume=true    (go on with it)
  python -m runner replay=RUN    (a stored run again, and compared; RUN is an id, a name or latest)
  python -m runner -m replay=RUN,RUN    (stored configs against each other)

Then browse:  python -m runner.ui
"""

FOOTER = f"""\
conf/ explains every key. Your own folder of choices joins with --config-dir DIR.
--cfg job prints the configuration without running it; --version prints the version of this program;
--hydra-help lists Hydra's own flags. The command runner is the same as python -m runner.

A word with brackets, braces, blanks or ~ needs the shell's quotes: zsh stops at others, bash changes some.
Tab completion of groups, choices and keys, for good:
{indent(INSTALLED_BY, "  ")}"""


def help_text(arguments: Arguments) -> str:
    """Return the help for a command line: the choices, and the keys of the config that it composes.

    Raises UserError if ``--config-dir`` is no folder.
    """
    folders = [CONF, *([arguments.config_dir] if arguments.config_dir else [])]
    config = composed(arguments.overrides, arguments.config_dir)
    return "\n".join(
        [
            HEADER,
            "Choices (group=choice; a preset is added with +preset=choice):",
            *(f"  {choice:<24} {what}" for folder in folders for choice, what in _choices(folder)),
            *(f"  {f'{group}={one.name}':<24} {(one.__doc__ or '').splitlines()[0]}" for group, one in JOINED),
            "",
            "Keys of this configuration (key=value):",
            *(f"  {line}" for line in OmegaConf.to_yaml(config).splitlines()),
            "",
            FOOTER,
        ]
    )


def _choices(folder: Path) -> Iterator[tuple[str, str]]:
    """Yield each ``group=choice`` of a folder with the first line of its file's comment."""
    for path in sorted(folder.glob("*/**/*.yaml")):
        comments = (line[1:].strip() for line in path.read_text(encoding="utf-8").splitlines() if line.startswith("#"))
        what = next((comment for comment in comments if comment and not comment.startswith("@package")), "")
        yield f"{path.parent.relative_to(folder)}={path.stem}", what
