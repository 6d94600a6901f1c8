"""Commands of this program in the form in which they can be pasted into a POSIX shell."""

from __future__ import annotations

import re
import shlex

PLAIN = re.compile(r"(?!(?i:true|false|null|nan|inf)$)(?:[A-Za-z_/]|\.\.?/)[A-Za-z0-9_/.:@-]*")
"""Text that Hydra reads as it stands, and never as a number."""

QUOTE = '"'
"""In commands: the shell's own quotes around the word are then single ones."""


def command(*words: str, module: str = "runner") -> str:
    """Return ``python -m MODULE WORDS``, each word quoted where the shell needs it."""
    return shlex.join(["python", "-m", module, *words])


def override(key: str, value: object) -> str:
    r"""Return ``key=value`` for :func:`command`, with the value as Hydra reads it: text, a number, a list, ...

    >>> print(command("experiment=deployment", override("experiment.source", "models:/Zahlen, alle")))
    python -m runner experiment=deployment 'experiment.source="models:/Zahlen, alle"'
    """
    return f"{key}={_written(value)}"


def _written(value: object) -> str:
    if isinstance(value, str):
        return value if PLAIN.fullmatch(value) else quoted(value, QUOTE)
    if isinstance(value, list | tuple):
        return f"[{','.join(map(_written, value))}]"
    if isinstance(value, dict):
        return f"{{{','.join(f'{_written(key)}:{_written(one)}' for key, one in value.items())}}}"
    if value is None or isinstance(value, bool):
        return "null" if value is None else str(value).lower()
    return repr(value)


def quoted(text: str, quote: str = "'") -> str:
    r"""Return a text in the quotes of Hydra's grammar. Backslashes count there only before a quote.

    >>> print(quoted("l'eau"), quoted("10 %"))
    'l\'eau' '10 %'
    """

    def escaped(found: re.Match[str]) -> str:
        return found[1] * 2 + (f"\\{quote}" if found[2] else "")

    return quote + re.sub(rf"(\\*)({quote}|\Z)", escaped, text) + quote
