"""Broken files: each is refused in one line before TensorFlow starts, and no pickle is ever unpickled."""

from __future__ import annotations

import io
import json
import pickle
import zipfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from experiments.experiment import Refused
from experiments.networks.datasets import Csv, Npz
from experiments.networks.models.keras_file import KerasFile
from experiments.networks.saving.recognise import KERAS_MEMBERS

ANY = settings(deadline=None, max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])


def _refusal(choice) -> str | None:
    """What is said of the files of a choice, in one line; None if they can be used."""
    try:
        choice.check()
    except Refused as error:
        said = str(error)
    else:
        return None
    assert len(said.splitlines()) == 1
    return said


def _npz(path: Path) -> Npz:
    return Npz(path=str(path))


def _csv(path: Path) -> Csv:
    return Csv(path=str(path), target="y")


def _keras(path: Path) -> KerasFile:
    return KerasFile(path=str(path))


def _whole_npz() -> bytes:
    file = io.BytesIO()
    x, y = np.arange(12.0).reshape(6, 2), np.arange(6) % 2
    np.savez_compressed(file, x_train=x, y_train=y, x_test=x, y_test=y)
    return file.getvalue()


def _zip(members: dict[str, bytes]) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return file.getvalue()


def _whole_keras() -> bytes:
    return _zip(
        {name: b"{}" * 50 if name.endswith(".h5") else b'{"class_name": "Functional"}' for name in KERAS_MEMBERS}
    )


WHOLE = {_npz: _whole_npz(), _keras: _whole_keras(), _csv: b"a,b,y\n" + b"1.5,x,0\n2.5,z,1\n" * 10}


@pytest.mark.parametrize("kind", WHOLE, ids=["npz", "keras", "csv"])
def test_the_whole_files_that_are_broken_here_are_right(tmp_path, kind):
    path = tmp_path / "file"
    path.write_bytes(WHOLE[kind])
    assert _refusal(kind(path)) is None


@pytest.mark.parametrize("kind", WHOLE, ids=["npz", "keras", "csv"])
@ANY
@given(
    content=st.one_of(st.binary(max_size=300), st.text(alphabet='ay,;\n"\t01.\0\ufeffé', max_size=200).map(str.encode))
)
def test_any_bytes(tmp_path, kind, content):
    path = tmp_path / "file"
    path.write_bytes(content)
    _refusal(kind(path))


@pytest.mark.parametrize("kind", [_npz, _keras, _csv], ids=["npz", "keras", "csv"])
@ANY
@given(data=st.data())
def test_a_whole_file_with_wrong_bytes_or_cut_off(tmp_path, kind, data):
    content = bytearray(WHOLE[kind])
    for _ in range(data.draw(st.integers(0, 4))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    path = tmp_path / "file"
    path.write_bytes(content[: data.draw(st.integers(0, len(content)))])
    _refusal(kind(path))


class _Bomb:
    """A pickle of this writes a file when it is unpickled."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self):
        return Path.touch, (self.path,)


@pytest.fixture
def traces(tmp_path):
    return tmp_path / "unpickled"


def test_pickles_are_never_unpickled(tmp_path, traces):
    bomb = pickle.dumps(_Bomb(traces))
    path = tmp_path / "file"
    for kind in WHOLE:
        path.write_bytes(bomb)
        assert _refusal(kind(path))
    objects = np.empty(6, dtype=object)
    objects[:] = [_Bomb(traces)] * 6
    np.savez(tmp_path / "objects.npz", x_train=objects, y_train=objects, x_test=objects, y_test=objects)
    assert "Python objects, which are not loaded" in str(_refusal(_npz(tmp_path / "objects.npz")))
    path.write_bytes(_zip(dict.fromkeys(KERAS_MEMBERS, bomb)))
    assert _refusal(_keras(path))
    assert not traces.exists()
    pickle.loads(bomb)
    assert traces.exists()  # it would have been seen


def test_archives_that_hold_more_than_the_memory(tmp_path, monkeypatch):
    """A few kilobytes of zeros that become 64 MiB, on a machine with less."""
    file = io.BytesIO()
    np.savez_compressed(file, **dict.fromkeys(("x_train", "y_train", "x_test", "y_test"), np.zeros(2**21)))
    path = tmp_path / "file"
    path.write_bytes(file.getvalue())
    assert path.stat().st_size < 2**20
    small = type("Memory", (), {"available": 2**20})
    monkeypatch.setattr("psutil.virtual_memory", lambda: small)
    assert "GiB of memory are free" in str(_refusal(_npz(path)))
    path.write_bytes(_zip({name: bytes(2**26 + 1) if name == "config.json" else b"{}" for name in KERAS_MEMBERS}))
    assert "has more than 64 MiB" in str(_refusal(_keras(path)))


def test_an_array_that_says_it_is_larger_than_it_is(tmp_path):
    header = (
        b"\x93NUMPY\x01\x00\x76\x00"
        + b"{'descr': '<f8', 'fortran_order': False, 'shape': (999999999999,), }".ljust(117)
        + b"\n"
    )
    path = tmp_path / "file"
    path.write_bytes(_zip({f"{name}.npy": header for name in ("x_train", "y_train", "x_test", "y_test")}))
    assert "is damaged" in str(_refusal(_npz(path)))


def test_an_array_for_which_there_is_no_memory(tmp_path, monkeypatch):
    """It is whole, so nobody is to mend it."""

    def no_memory(*arguments, **words):
        raise MemoryError("Unable to allocate 3 GiB")

    path = tmp_path / "file.npz"
    np.savez(path, **dict.fromkeys(("x_train", "y_train", "x_test", "y_test"), np.arange(8.0)))
    monkeypatch.setattr(np.lib.npyio.NpzFile, "__getitem__", no_memory)
    assert "needs more memory than there is for this job" in str(_refusal(_npz(path)))


@pytest.mark.parametrize(
    "config", ["[" * 50_000, "[" * 500 + "]" * 500, json.dumps({"a": "x" * 10**6}), "\ud800", "nan"]
)
def test_descriptions_of_models_that_are_none(tmp_path, config):
    path = tmp_path / "file"
    members = {
        name: config.encode(errors="surrogatepass") if name == "config.json" else b"{}" for name in KERAS_MEMBERS
    }
    path.write_bytes(_zip(members))
    _refusal(_keras(path))
