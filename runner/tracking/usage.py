"""What a trained model tells its user: how to load it, what it takes and gives, and how to ask it once it is served."""

from __future__ import annotations

import json
import math
import shlex
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from runner.messages import ModelRecord

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from experiments.recorder import Arrays

    Array = npt.NDArray[np.generic]

LONGEST = 400
"""The letters up to which an example is written down; a longer one is read from the model's files."""

MOST_NAMES = 12
"""Inputs are named up to this number of them."""

EXAMPLE, SERVING_EXAMPLE = "input_example.json", "serving_input_example.json"
"""The model's examples among its files: as they are, and as the body of a request."""

PORT = 5001
"""Beside MLflow's UI, which has 5000."""


class _NotANumber(float):
    """NaN as it is written in Python with NumPy."""

    def __new__(cls) -> _NotANumber:
        return super().__new__(cls, "nan")

    def __repr__(self) -> str:
        return "np.nan"


def usage(model: ModelRecord, address: str, store: str) -> str:
    """Return Markdown: the model's inputs and outputs, five lines of Python for each way to load it, and a request.

    ``address`` is MLflow's of the model (``models:/digits-mlp/3``), ``store`` that of the store without credentials.
    """
    named = f"**Load it**: it is `{address}` in the store `{store}`."
    taken = f"It takes {_in_words(model.inputs)} and gives {_in_words(model.outputs)}."
    said = " ".join(part for part in (named, taken, model.card.meaning) if part)
    serve = "**Serve it**, and ask it from another terminal:"
    return "\n\n".join([said, *_programs(model, address, store), serve, _served(model, address, store)])


def _programs(model: ModelRecord, address: str, store: str) -> list[str]:
    """Return the programs that load the model and predict."""
    file = f'mlflow.artifacts.download_artifacts({_quoted(address)}) + "/data/model.keras"'
    ways = (
        ("mlflow", f"mlflow.pyfunc.load_model({_quoted(address)})", "model.predict(example)"),
        ("mlflow", f"mlflow.tensorflow.load_model({_quoted(address)})", "model(example)"),
        ("keras, mlflow", f"keras.models.load_model({file})", "model(example)"),
    )
    return [
        _code(
            "python",
            f"import {packages}, numpy as np",
            f"mlflow.set_tracking_uri({_quoted(store)})",
            f"model = {load}",
            f"example = {_example(model.inputs, address)}",
            f"print({ask})",
        )
        for packages, load, ask in ways
    ]


def _served(model: ModelRecord, address: str, store: str) -> str:
    """Return the commands that serve the model, and ask it."""
    where = f"MLFLOW_TRACKING_URI={shlex.quote(store)}"
    request = f"curl -H 'Content-Type: application/json' http://127.0.0.1:{PORT}/invocations -d"
    body = json.dumps({"inputs": _plain(_row(model.inputs), missing=None)}, ensure_ascii=False)
    asked = [f"{request} {shlex.quote(body)}"]
    if len(body) > LONGEST:
        fetch = f"{where} mlflow artifacts download -u {shlex.quote(f'{address}/{SERVING_EXAMPLE}')} -d ."
        asked = [fetch, f"{request} @{SERVING_EXAMPLE}"]
    serve = f"{where} mlflow models serve -m {shlex.quote(address)} --env-manager local --port {PORT}"
    return _code("bash", serve, *asked)


def _example(inputs: Arrays, address: str) -> str:
    """Return one real example as Python; a long one is read from the files of the model at ``address``."""
    row = _plain(_row(inputs), missing=_NotANumber())
    if isinstance(row, Mapping):
        written = ", ".join(f"{_quoted(name)}: np.array({values!r})" for name, values in row.items())
        written = f"{{{written}}}"
    else:
        written = f"np.array({row!r})"
    if len(written) <= LONGEST:
        return written
    read = f"mlflow.artifacts.load_dict({_quoted(f'{address}/{EXAMPLE}')})"
    if isinstance(row, Mapping):
        return f"{{name: np.array(values[:1]) for name, values in {read}.items()}}"
    return f"np.array({read})[:1]"


def _row(inputs: Arrays) -> Any:
    """Return the first example without a missing value, or the first of all: arrays of one row."""
    import numpy as np

    arrays = list(inputs.values()) if isinstance(inputs, Mapping) else [inputs]
    whole = np.all([_is_whole(array) for array in arrays], axis=0)
    at = int(np.argmax(whole))
    if isinstance(inputs, Mapping):
        return {name: array[at : at + 1] for name, array in inputs.items()}
    return inputs[at : at + 1]


def _is_whole(array: Array) -> Any:
    import numpy as np

    is_missing = np.isnan(array) if array.dtype.kind == "f" else array == ("" if array.dtype.kind == "U" else None)
    return ~np.asarray(is_missing).reshape(len(array), -1).any(axis=1)


def _plain(row: Any, missing: float | None) -> Any:
    """Return lists of Python's numbers and texts, with as few digits as tell a number of its dtype."""
    if isinstance(row, Mapping):
        return {name: _plain(values, missing) for name, values in row.items()}
    if row.ndim:
        return [_plain(value, missing) for value in row]
    if row.dtype.kind == "f":
        return missing if math.isnan(row) else float(str(row))
    return row.item()


def _in_words(arrays: Arrays) -> str:
    if not isinstance(arrays, Mapping):
        return _shape(arrays)
    named = [f"`{name}` ({_shape(array)})" for name, array in arrays.items()]
    more = f" and {len(named) - MOST_NAMES} more" if len(named) > MOST_NAMES else ""
    return ", ".join(named[:MOST_NAMES]) + more


def _shape(array: Array) -> str:
    dtype = "text" if array.dtype.kind == "U" else array.dtype.name
    return f"{dtype} [{', '.join(['n', *map(str, array.shape[1:])])}]"


def _quoted(text: str) -> str:
    """Return a text as Python writes it, between double quotes."""
    return json.dumps(text, ensure_ascii=False)


def _code(language: str, *lines: str) -> str:
    return "\n".join([f"```{language}", *lines, "```"])
