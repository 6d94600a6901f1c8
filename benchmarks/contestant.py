"""Processes that take turns: each answers a line with a number, and is idle until the next one."""

from __future__ import annotations

import os
import random
import statistics
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Self

ROOT = Path(__file__).parent.parent


class Answering:
    """A process that says ``ready`` when it is, with what there is to know, and then a number for each line."""

    def __init__(
        self, what: str, command: Sequence[str], onednn: bool = True, stderr: int | None = subprocess.DEVNULL
    ) -> None:
        self.what = what
        environment = os.environ | {"TF_ENABLE_ONEDNN_OPTS": str(int(onednn)), "TF_CPP_MIN_LOG_LEVEL": "3"}
        self.process = subprocess.Popen(
            [sys.executable, *command],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=stderr,
            text=True,
            cwd=ROOT,
            env=environment,
        )
        self.told = self._answer().removeprefix("ready").strip()
        self.answers: list[float] = []

    def take_turn(self) -> None:
        assert self.process.stdin
        self.process.stdin.write("\n")
        self.process.stdin.flush()
        self.answers.append(float(self._answer()))

    def _answer(self) -> str:
        assert self.process.stdout
        answer = self.process.stdout.readline()
        if not answer:
            raise RuntimeError(f"{self.what} has ended by itself; is what it needs installed (the extra 'peers')?")
        return answer

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        assert self.process.stdin
        self.process.stdin.close()
        self.process.wait(timeout=60)


class Contestant(Answering):
    """A process that trains on ``count`` examples when told to, and answers with the seconds."""

    def __init__(
        self,
        what: str,
        command: Sequence[str],
        count: int,
        onednn: bool = True,
        stderr: int | None = subprocess.DEVNULL,
    ) -> None:
        super().__init__(what, command, onednn, stderr)
        self.count = count

    @property
    def rates(self) -> list[float]:
        """Examples per second of each epoch."""
        return [self.count / seconds for seconds in self.answers]

    @property
    def rate(self) -> float:
        return statistics.median(self.rates)


def take_turns(processes: Sequence[Answering], rounds: int) -> None:
    """Let each of them answer so many times, in an order that changes from round to round."""
    order = random.Random(0)
    for _ in range(rounds):
        for process in order.sample(processes, len(processes)):
            process.take_turn()
