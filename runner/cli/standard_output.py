"""Standard output whose failure does not end a run."""

from __future__ import annotations

import errno
import os
import sys
from contextlib import suppress
from typing import Any, TextIO


class StandardOutput:
    """A stream that drops its text once writing has failed, because the pipe is closed or the disk is full."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
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
                print(f"runner: standard output: {error.strerror}; the work goes on in silence", file=sys.stderr)
