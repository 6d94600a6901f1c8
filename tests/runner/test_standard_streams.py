"""Standard streams that cannot show everything, or are not there."""

from __future__ import annotations

import subprocess
import sys
from io import BytesIO, TextIOWrapper

import pytest

from runner.cli.standard_streams import StandardStream
from tests.conftest import ROOT
from tests.waiting import PATIENCE

CHILD = """
import os, subprocess, sys
from runner.cli.standard_streams import take_over
output = take_over()
opened = os.open(os.devnull, os.O_RDONLY)
print("a word")
print("a word", file=sys.stderr)
code = "import sys; print('a word'); sys.exit(None in (sys.stdin, sys.stdout, sys.stderr))"
child = subprocess.run([sys.executable, "-c", code])
output.flush()
os._exit(child.returncode or (not output.is_complete) or opened < 3)
"""
"""Opens a file and starts a process, as a run does."""


@pytest.mark.parametrize(
    ("encoding", "shown"),
    [
        ("ascii", b"44.9 us +- 3 %, Z?hler ?, ?\n"),
        ("latin-1", b"44.9 \xb5s \xb1 3 %, Z\xe4hler ?, ?\n"),
        ("cp1252", b"44.9 \xb5s \xb1 3 %, Z\xe4hler ?, ?\n"),
        ("utf-8", "44.9 µs ± 3 %, Zähler 猫, ?\n".encode()),
    ],
)
def test_a_console_without_the_letters(encoding, shown):
    console = TextIOWrapper(BytesIO(), encoding)
    stream = StandardStream(console, "standard output")
    print("44.9 µs ± 3 %, Zähler 猫, \udcff", file=stream)
    stream.flush()
    assert console.buffer.getvalue() == shown


@pytest.mark.parametrize("closed", [">&-", "2>&-", "<&-", "<&- >&- 2>&-"])
def test_streams_that_the_shell_has_closed(closed):
    done = subprocess.run(
        ["sh", "-c", f'"$0" -c "$1" {closed}', sys.executable, CHILD], cwd=ROOT, capture_output=True, timeout=PATIENCE
    )
    assert (done.returncode, b"Traceback" in done.stderr) == (0, False), done.stderr
