"""Images per second of each execution, compared with PyTorch and JAX: ``python -m benchmarks.training``.

It needs the extra ``peers``, takes ten minutes on an idle machine and writes to benchmarks/README.md. Every contestant
has a process of its own. They take turns epoch by epoch, so that a busy machine slows all of them.
"""

from __future__ import annotations

import os
import random
import statistics
import subprocess
import sys
from contextlib import ExitStack
from datetime import date

from benchmarks.__main__ import HERE, where
from experiments.reporting.markdown import markdown_table
from runner.environment import package_version

BEGIN, END = "<!-- training: written by python -m benchmarks.training -->", "<!-- end of training -->"

COUNT, BATCH = 8000, 128
ROUNDS = 15
ROUNDS_OF_THE_SLOW, SLOW_SECONDS = 3, 20.0
"""A contestant whose epochs take longer than this takes part in fewer rounds: it is far from any goal."""
GOALS = {"mlp": {"fit": 3.0, "PyTorch, eager": 1.0, "JAX, scan": 0.77}, "cnn": {"fit": 1.3, "PyTorch, eager": 1.0}}
OURS, ONEDNN_OFF = ("fit", "epoch", "epoch_xla", "auto"), "device.onednn=false"


class Contestant:
    """One process that trains an epoch when told to."""

    def __init__(
        self,
        network: str,
        what: str,
        command: tuple[str, ...],
        onednn: bool = True,
        count: int = COUNT,
        stderr: int | None = subprocess.DEVNULL,
    ) -> None:
        self.what = what
        self.seconds: list[float] = []
        environment = os.environ | {"TF_ENABLE_ONEDNN_OPTS": str(int(onednn)), "TF_CPP_MIN_LOG_LEVEL": "3"}
        arguments = (network, str(count), str(BATCH))
        self.process = subprocess.Popen(
            [sys.executable, *command[:2], *arguments, *command[2:]],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=stderr,
            text=True,
            cwd=HERE.parent,
            env=environment,
        )
        self.told = self._answer().removeprefix("ready").strip()

    def train(self) -> None:
        assert self.process.stdin
        self.process.stdin.write("\n")
        self.process.stdin.flush()
        self.seconds.append(float(self._answer()))

    @property
    def is_slow(self) -> bool:
        return statistics.median(self.seconds) > SLOW_SECONDS

    def _answer(self) -> str:
        assert self.process.stdout
        answer = self.process.stdout.readline()
        if not answer:
            raise RuntimeError(f"{self.what} has ended by itself; is what it needs installed (the extra 'peers')?")
        return answer

    def __enter__(self) -> Contestant:
        return self

    def __exit__(self, *_: object) -> None:
        assert self.process.stdin
        self.process.stdin.close()
        self.process.wait(timeout=60)


def main() -> None:
    rows, notes = [], []
    for network in GOALS:
        contestants = _race(network)
        rows += _rows(network, contestants)
        notes += [f"- {network}, {c.what}: {c.told}" for c in contestants if c.told]
    peers = f"torch {package_version('torch')}, jax {package_version('jax')}"
    figures = f"Read on {date.today()}: {where()}, {peers}.\n\n{markdown_table(rows)}\n\n" + "\n".join(notes)
    readme = HERE / "README.md"
    before, _, rest = readme.read_text().partition(BEGIN)
    _, _, after = rest.partition(END)
    readme.write_text(f"{before}{BEGIN}\n\n{figures}\n\n{END}{after}")
    print(figures)


def _race(network: str) -> list[Contestant]:
    with ExitStack() as stack:
        contestants = [stack.enter_context(contestant) for contestant in _contestants(network)]
        order = random.Random(0)
        for number in range(ROUNDS):
            for contestant in order.sample(contestants, len(contestants)):
                if number < ROUNDS_OF_THE_SLOW or not contestant.is_slow:
                    contestant.train()
    return contestants


def _contestants(network: str) -> list[Contestant]:
    """Start the contestants one after the other, so that ``auto`` chooses undisturbed."""
    module = ("-m", "benchmarks.train_execution")
    return [
        *(Contestant(network, name, (*module, name)) for name in OURS),
        Contestant(network, f"auto, {ONEDNN_OFF}", (*module, "auto"), onednn=False),
        Contestant(network, "PyTorch, eager", ("-u", str(HERE / "handwritten" / "train_torch.py"))),
        Contestant(network, "JAX, scan", ("-u", str(HERE / "handwritten" / "train_jax.py"))),
    ]


def _rows(network: str, contestants: list[Contestant]) -> list[dict[str, str]]:
    found = {contestant.what: statistics.median(contestant.seconds) for contestant in contestants}
    return [
        {
            "network": network,
            "what": contestant.what,
            "images/s": f"{COUNT / found[contestant.what]:,.0f}",
            "epochs": str(len(contestant.seconds)),
            "from - to": f"{COUNT / max(contestant.seconds):,.0f} - {COUNT / min(contestant.seconds):,.0f}",
            **{
                f"over {peer} (goal)": _ratio(found[peer] / found[contestant.what], GOALS[network].get(peer))
                for peer in ("fit", "PyTorch, eager", "JAX, scan")
            },
        }
        for contestant in contestants
    ]


def _ratio(ratio: float, goal: float | None) -> str:
    return f"{ratio:.2f} ({goal:g})" if goal else f"{ratio:.2f}"


if __name__ == "__main__":
    main()
