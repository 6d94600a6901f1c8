"""Signals that ask a command to end."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from types import FrameType

from runner.execution.worker import SIGNALS


@dataclass
class Interruption:
    """A signal handler. The first signal asks the jobs to hand over what they have, the second one ends them."""

    number: signal.Signals | None = None
    """The first signal that came."""
    pass_on: Callable[[bool], None] = lambda again: None
    """Called at each signal, with whether an earlier one came: interrupts the jobs that go on, or ends them."""
    is_writing: bool = False
    """Whether the store may keep the command waiting: the second signal then raises KeyboardInterrupt."""
    _raises: bool = False

    def __call__(self, number: int, frame: FrameType | None) -> None:
        """Handle a signal."""
        again, self.number = self.number is not None, self.number or signal.Signals(number)
        self.pass_on(again)
        if self._raises or (again and self.is_writing):
            raise KeyboardInterrupt

    @contextmanager
    def raising(self) -> Iterator[None]:
        """Let the first signal raise KeyboardInterrupt within this context, also one that came before it."""
        self._raises = True
        if self.number is not None:
            raise KeyboardInterrupt
        try:
            yield
        finally:
            self._raises = False

    @contextmanager
    def writing(self) -> Iterator[None]:
        """Let the second signal, and each one after it, raise KeyboardInterrupt within this context."""
        self.is_writing = True
        try:
            yield
        finally:
            self.is_writing = False

    @contextmanager
    def dispensable(self) -> Iterator[None]:
        """Let these signals end this context without an error: the command can do without what is written there."""
        with suppress(KeyboardInterrupt), self.writing():
            yield


@contextmanager
def interruptible() -> Iterator[Interruption]:
    """Handle Ctrl-C, SIGTERM and SIGHUP within this context, so that interrupted jobs can still be recorded."""
    interruption = Interruption()
    heard = [number for number in SIGNALS if signal.getsignal(number) is not signal.SIG_IGN]  # nohup stays in force
    before = {number: signal.signal(number, interruption) for number in heard}
    try:
        yield interruption
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
