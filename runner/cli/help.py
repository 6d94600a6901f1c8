"""The text of ``python -m runner --help``.

Hydra's own help lists the bare names of choices, schemas included, and copies its config store for each group, which
takes longer than everything else together.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from hydra import compose, initialize_config_dir
from omegaconf import OmegaConf

from experiments.reporting.commands import quoted
from runner.cli.arguments import Arguments
from runner.errors import UserError

HEADER = """\
Asks TensorFlow a question and keeps the answer (numbers, plots, the machine) in MLflow.

  python -m runner experiment=matmul device=cpu
  python -m runner experiment.sizes=[1,10,100] experiment.shape=square experiment.mode=graph
  python -m runner -m experiment.dtype=float32,float64 device.intra_op_threads=1,2    (a sweep)
  python -m runner -m experiment.dtype=float32,float64 device.intra_op_threads=1,2 sweep.resume=true    (go on with it)

Then browse:  python -m runner.ui
"""

FOOTER = """\
conf/ explains every key. Your own folder of choices joins with --config-dir DIR.
--cfg job prints the configuration without running it; --version prints the version of this program;
--hydra-help lists Hydra's own flags."""


def help_text(conf: Path, arguments: Arguments) -> str:
    """Return the help for a command line: the choices, and the keys of the config that it composes.

    Raises UserError if ``--config-dir`` is no folder.
    """
    folders = [conf, *([arguments.config_dir] if arguments.config_dir else [])]
    if not folders[-1].is_dir():
        raise UserError(f"--config-dir: there is no folder {folders[-1]}")
    with initialize_config_dir(str(conf), version_base="1.3"):
        searched = ",".join(quoted(str(folder)) for folder in folders[1:])
        config = compose("config", [*arguments.overrides, f"hydra.searchpath=[{searched}]"])
    return "\n".join(
        [
            HEADER,
            "Choices (group=choice; a preset is added with +preset=choice):",
            *(f"  {choice:<24} {what}" for folder in folders for choice, what in _choices(folder)),
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
