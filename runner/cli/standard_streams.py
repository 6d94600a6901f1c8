"""Standard output and standard error whose failure does not end a run."""

from __future__ import annotations

import codecs
import errno
import io
import os
import sys
from contextlib import suppress
from typing import Any, TextIO, cast

STAND_INS = {"µ": "u", "±": "+-", "²": "^2", "…": "..."}
"""For signs of ours that a console's encoding may lack; any other becomes a question mark."""


class StandardStream:
    """A stream that takes any text, whatever becomes of it.

    What its encoding does not have is replaced. Once writing has failed, because the pipe is closed or the disk is
    full, its text is dropped.
    """

    def __init__(self, stream: TextIO, name: str) -> None:
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors=_stand_ins.__name__)
        self._stream, self._name = stream, name
        self.is_complete = True
        """False once text was lost that somebody wanted to read."""

    def write(self, text: str) -> int:
        try:
            self._stream.write(text)
        except OSError as error:
            self._fall_silent(error)
        return len(text)

    def flush(self) -> None:
        try:
            self._stream.flush()
        except OSError as error:
            self._fall_silent(error)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)

    def _fall_silent(self, error: OSError) -> None:
        os.dup2(os.open(os.devnull, os.O_WRONLY), self._stream.fileno())  # takes what is still buffered
        if error.errno != errno.EPIPE:  # a closed pipe: its reader, such as head, has read enough
            self.is_complete = False
            with suppress(OSError):  # a terminal that is gone takes both
                print(f"runner: {self._name}: {error.strerror}; the work goes on in silence", file=sys.stderr)


def _stand_ins(error: UnicodeError) -> tuple[str, int]:
    assert isinstance(error, UnicodeEncodeError)
    missing = error.object[error.start : error.end]
    return "".join(STAND_INS.get(sign, "?") for sign in missing), error.end


codecs.register_error(_stand_ins.__name__, _stand_ins)


def take_over() -> StandardStream:
    """Let no failure of standard output and standard error end this process; return standard output."""
    _open_closed()
    output = StandardStream(_or_nowhere(sys.stdout), "standard output")
    error = StandardStream(_or_nowhere(sys.stderr), "standard error")
    sys.stdout, sys.stderr = cast(TextIO, output), cast(TextIO, error)
    os.environ["PYTHONIOENCODING"] = "utf-8"  # of the processes that are started from here: they print to files
    return output


def _open_closed() -> None:
    """Open the streams that the shell has closed, before a database gets the number that prints go to."""
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            os.set_inheritable(os.open(os.devnull, os.O_RDWR), True)  # the lowest free number


def _or_nowhere(stream: TextIO | None) -> TextIO:
    return stream or open(os.devnull, "w", encoding="utf-8")  # None where the shell has closed it
