"""The datasets: their splits, and the messages on files that cannot be used."""

import gzip
import urllib.error
import zipfile

import numpy as np
import pytest

from experiments.experiment import Refused
from experiments.networks.datasets import (
    DATASETS,
    BreastCancer,
    Cifar10,
    Diabetes,
    Digits,
    FashionMnist,
    Iris,
    Mnist,
    Npz,
    Wine,
)
from experiments.runtime.keras_variables import USERS_HOME
from experiments.validators import InvalidField

BUNDLED = [Digits(), Iris(), Wine(), BreastCancer(), Diabetes()]

each_bundled = pytest.mark.parametrize("dataset", BUNDLED, ids=lambda dataset: dataset.name)


def arrays(**changes):
    """A valid file's arrays: four classes, images of 5 x 4 pixels. ``changes`` replaces arrays; None removes one."""
    random = np.random.default_rng(0)
    good = {
        "x_train": random.integers(0, 256, (40, 5, 4)).astype(np.uint8),
        "y_train": np.arange(40) % 4,
        "x_test": random.integers(0, 256, (8, 5, 4)).astype(np.uint8),
        "y_test": np.arange(8) % 4,
    }
    return {key: value for key, value in (good | changes).items() if value is not None}


X, Y, X_TEST, Y_TEST = arrays().values()


@pytest.fixture
def npz(tmp_path):
    """Write a file, and load it as a dataset."""

    def load(changes=(), **fields):
        np.savez(tmp_path / "mine.npz", **arrays(**dict(changes)))
        return Npz(path=str(tmp_path / "mine.npz"), **fields).load(seed=0)

    return load


def rows(x):
    return {row.tobytes() for row in x}


@each_bundled
def test_a_seed_decides_the_split_and_nothing_else_does(dataset):
    once = dataset.load(seed=3)
    np.random.seed(77)
    again, other = dataset.load(seed=3), dataset.load(seed=4)
    for part in ("train", "validation", "test"):
        np.testing.assert_array_equal(getattr(once, part).x, getattr(again, part).x)
        np.testing.assert_array_equal(getattr(once, part).y, getattr(again, part).y)
    assert rows(once.test.x) != rows(other.test.x)


@each_bundled
def test_the_parts_are_all_examples_once(dataset):
    data, x = dataset.load(seed=0), dataset.arrays()[0]
    parts = (data.train, data.validation, data.test)
    together = np.concatenate([part.x.reshape(len(part.x), -1) for part in parts])
    assert sorted(map(tuple, together)) == sorted(map(tuple, x.reshape(len(x), -1).astype(np.float32)))
    assert [round(len(part.y) / len(together), 2) for part in parts] == [0.7, 0.1, 0.2]
    assert all(part.x.dtype == np.float32 for part in parts)
    assert data.remarks == ()


@each_bundled
def test_classes_are_in_proportion(dataset):
    data = dataset.load(seed=0)
    if data.task == "regression":
        assert (data.outputs, data.class_names, data.train.y.dtype) == (1, (), np.float64)
        return
    assert data.train.y.dtype == np.int64
    train, test = (np.bincount(part.y, minlength=data.outputs) / len(part.y) for part in (data.train, data.test))
    np.testing.assert_allclose(train, test, atol=0.02)


def test_digits_are_raw_images():
    data = Digits().load(seed=0)
    assert (data.input_shape, data.outputs, data.is_image) == ((8, 8, 1), 10, True)
    assert (data.train.x.min(), data.train.x.max()) == (0, 16)
    assert "Alpaydin" in data.source


def test_a_limit_keeps_validation_and_test_and_grows_by_adding():
    whole, few, more = (Digits(limit=limit).load(seed=0) for limit in (None, 50, 100))
    np.testing.assert_array_equal(few.test.x, whole.test.x)
    np.testing.assert_array_equal(few.validation.x, whole.validation.x)
    assert len(few.train.y) == 50
    np.testing.assert_array_equal(few.train.x, more.train.x[:50])
    assert set(np.bincount(more.train.y)) <= {9, 10, 11}
    assert len(Digits(limit=10**6).load(seed=0).train.y) == len(whole.train.y)
    assert len(Diabetes(limit=7).load(seed=0).train.y) == 7


@pytest.mark.parametrize(
    ("dataset", "fields", "field", "says"),
    [
        (Digits, {"limit": 0}, "limit", "0 is not a number of at least 1"),
        (Digits, {"validation_share": 0.0}, "validation_share", "0.0 is not a share; shares are above 0 and below 1"),
        (Digits, {"test_share": float("nan")}, "test_share", "nan is not a share; shares are above 0 and below 1"),
        (Iris, {"validation_share": 0.5, "test_share": 0.5}, "test_share", "leave nothing to train with"),
        (Npz, {}, "path", "names no file"),
        (Npz, {"path": "a.npz", "task": "clustering"}, "task", "'clustering' is not one of classification, regression"),
        (Npz, {"path": "a.npz", "task": "regression", "class_names": ["a"]}, "class_names", "has no classes"),
    ],
)
def test_invalid_fields(dataset, fields, field, says):
    with pytest.raises(InvalidField) as caught:
        dataset(**fields)
    assert caught.value.field == field
    assert says in str(caught.value)


def test_a_share_too_small_for_the_classes():
    with pytest.raises(Refused, match="are 2, too few to split 150 examples of 3 classes"):
        Iris(test_share=0.0134, validation_share=0.0134).load(seed=0)


def test_a_share_of_nothing():
    with pytest.raises(Refused, match="of 442 examples are 0, which leaves nothing"):
        Diabetes(test_share=0.001).load(seed=0)


def test_a_good_file(npz):
    data = npz()
    assert (data.input_shape, data.is_image, data.class_names) == ((5, 4, 1), True, ("0", "1", "2", "3"))
    assert [len(part.y) for part in (data.train, data.validation, data.test)] == [36, 4, 8]
    np.testing.assert_array_equal(data.test.x[..., 0], arrays()["x_test"])
    assert "mine.npz, sha256 " in data.source


def test_names_of_classes_come_from_the_config_or_the_file(npz):
    names = ["a", "b", "c", "d"]
    assert npz(class_names=names).class_names == ("a", "b", "c", "d")
    assert npz({"class_names": np.array(names[::-1])}).class_names == ("d", "c", "b", "a")


def test_a_table_and_labels_in_a_column(npz):
    data = npz({"x_train": np.ones((40, 3)), "x_test": np.ones((8, 3)), "y_train": (np.arange(40) % 4)[:, None]})
    assert (data.input_shape, data.is_image, data.train.y.shape) == ((3,), False, (36,))


def test_targets_of_a_regression(npz):
    data = npz({"y_train": np.linspace(0, 1, 40), "y_test": np.linspace(0, 1, 8)}, task="regression")
    assert (data.task, data.outputs, data.train.y.dtype) == ("regression", 1, np.float64)
    np.testing.assert_array_equal(data.test.y, np.linspace(0, 1, 8))


@pytest.mark.parametrize("dtype", [bool, np.uint8, np.int64, np.uint64, np.float16, np.float64, np.longdouble])
def test_classes_in_any_dtype(npz, dtype):
    data = npz({"y_train": (Y % 2).astype(dtype), "y_test": (Y_TEST % 2).astype(dtype)})
    assert (data.train.y.dtype, data.class_names) == (np.int64, ("0", "1"))
    np.testing.assert_array_equal(data.test.y, Y_TEST % 2)


@pytest.mark.parametrize(
    ("given", "names"),
    [
        ([b"bird", b"cat", "日本".encode(), b"b'"], ("bird", "cat", "日本", "b'")),
        ([[b"a"], [b"b"], [b"c"], [b"d"]], ("a", "b", "c", "d")),
        ([["a"], ["b"], ["c"], ["d"]], ("a", "b", "c", "d")),
        ([4, 5, 6, 7], ("4", "5", "6", "7")),
    ],
)
def test_names_of_classes_in_any_dtype(npz, given, names):
    assert npz({"class_names": np.array(given)}).class_names == names


SECONDS = np.random.default_rng(0).uniform(0, 60, size=(1000, 1))


def table(column, **more):
    """The arrays of a file with one feature, and a class for each half of it."""
    column = np.asarray(column)
    y = (column[:, 0] > np.median(column[:, 0])).astype(int)
    return {"x_train": column, "y_train": y, "x_test": column[:90], "y_test": y[:90]} | more


@pytest.mark.parametrize(
    ("column", "dtype"),
    [
        (SECONDS, "float32"),
        (SECONDS.astype(np.uint8), "float32"),
        ((1990 + SECONDS).astype(int), "float32"),
        (1.7e9 + 1e6 * SECONDS, "float32"),
        (1.7e9 + SECONDS, "float64"),
        (-1.7e9 + 1e-3 * SECONDS, "float64"),
        ((1.7e9 + SECONDS).astype(np.int64), "float64"),
        ((1e9 * (1.7e9 + SECONDS)).astype(np.uint64), "float64"),
        (1e-40 * SECONDS, "float64"),
        (1e200 * SECONDS, "float64"),
        (np.hstack([SECONDS, np.full_like(SECONDS, 20241231)]), "float32"),  # where nothing varies nothing is lost
    ],
)
def test_inputs_have_the_dtype_that_keeps_them_apart(npz, column, dtype):
    data = npz(table(column))
    assert (data.train.x.dtype.name, data.test.x.dtype.name, data.remarks) == (dtype, dtype, ())
    if dtype == "float64":
        np.testing.assert_array_equal(data.test.x, column[:90].astype(np.float64))
    seen = data.input_moments.standardised(data.train.x).astype(np.float32)
    varies = seen.std(axis=0, dtype=np.float64) > 0
    np.testing.assert_allclose(seen.std(axis=0, dtype=np.float64)[varies], 1, rtol=1e-6)
    np.testing.assert_allclose(seen.mean(axis=0, dtype=np.float64), 0, atol=1e-5)


def with_outlier(column, value):
    return np.vstack([column, [[value]]])


@pytest.mark.parametrize(
    ("column", "says"),
    [
        (
            (1.7e9 + SECONDS).astype(np.float32),
            "Feature 0: neighbouring numbers of float32 are 128 apart there, and the deviation is 0; subtract",
        ),
        (1.7e18 + SECONDS, "Feature 0: neighbouring numbers of float64 are 256 apart there, and the deviation is 0;"),
        (with_outlier(SECONDS, 1e20), "different numbers are only 2 to a network, as they differ by too little beside"),
        (with_outlier(SECONDS.astype(np.float32), 1e20), "leave outliers out, or take logarithms."),
        (np.exp(10 * SECONDS), "different numbers are only"),
        (1e-315 * SECONDS, "900 different numbers are only 1 to a network, as they differ by too little for float64;"),
        (
            10**19 + SECONDS.astype(np.uint64),
            "too little for float64; subtract what all have in common before you save",
        ),
    ],
)
def test_what_cannot_be_told_apart_is_said(npz, column, says):
    (remark,) = npz(table(column, y_train=np.arange(len(column)) % 2)).remarks
    assert says in remark


def test_targets_that_cannot_be_told_apart_are_said(npz):
    coarse = {"y_train": (1.7e9 + SECONDS[:, 0]).astype(np.float32), "y_test": np.zeros(90)}
    (remark,) = npz(table(SECONDS, **coarse), task="regression").remarks
    assert remark.startswith("Target: neighbouring numbers of float32 are 128 apart there")


def test_an_example_out_of_reach(npz):
    with pytest.raises(
        Refused, match=r"an example for the test holds 1e\+300, but those for training have the mean 31"
    ):
        npz(table(SECONDS, x_test=with_outlier(SECONDS[:89], 1e300)))


@pytest.mark.parametrize(
    ("shape", "is_said"),
    [((3, 32, 32), True), ((1, 28, 28), True), ((4, 20, 30), True), ((32, 32, 3), False), ((2, 2, 2), False)],
)
def test_images_that_may_have_their_channels_first(npz, shape, is_said):
    remarks = npz({"x_train": np.ones((40, *shape), np.uint8), "x_test": np.ones((8, *shape), np.uint8)}).remarks
    assert len(remarks) == is_said
    assert all(
        remark.endswith("if its channels come first, say experiment.dataset.channels_first=true.") for remark in remarks
    )


def objects(n):
    return np.array([None] * n, dtype=object)


def with_one(x, value):
    spoiled = x.astype(np.float64)
    spoiled[7].flat[2] = value
    return spoiled


@pytest.mark.parametrize(
    ("changes", "fields", "says"),
    [
        ({"x_test": None, "y_test": None}, {}, "has no x_test, y_test; it has x_train, y_train"),
        ({"x_train": objects(40)}, {}, "x_train holds Python objects, which are not loaded"),
        ({"x_train": X.astype(str)}, {}, "x_train holds <U3, but inputs are numbers"),
        ({"x_train": X * 1j}, {}, "x_train holds complex128, but inputs are numbers"),
        ({"x_train": with_one(X, np.nan)}, {}, "x_train holds NaN, first in example 7"),
        ({"x_test": with_one(X_TEST, np.inf)}, {}, "x_test holds infinity or a number beyond float64, first in"),
        ({"x_train": X * np.longdouble("1e400")}, {}, "x_train holds infinity or a number beyond float64, first in"),
        ({"x_train": X[:, 0, 0]}, {}, "x_train has the shape [40], but inputs are [n, features]"),
        ({"x_train": X[:, None, None]}, {}, "x_train has the shape [40, 1, 1, 5, 4], but inputs are"),
        ({"x_train": X[:0], "y_train": Y[:0]}, {}, "x_train is empty: its shape is [0, 5, 4]"),
        ({"x_train": X[:, :, :0]}, {}, "x_train is empty: its shape is [40, 5, 0]"),
        ({"y_test": Y_TEST[:0]}, {}, "y_test is empty"),
        ({"x_test": X_TEST[:, :4]}, {}, "an example has the shape [5, 4, 1] in x_train, but [4, 4, 1] in x_test"),
        ({"y_train": Y[:39]}, {}, "x_train has 40 examples, but y_train has 39 labels"),
        ({"y_test": Y_TEST[:7]}, {}, "x_test has 8 examples, but y_test has 7 labels"),
        ({"y_train": np.ones((40, 4))}, {}, "y_train has the shape [40, 4], but labels are one number an example"),
        ({"y_train": Y + 0.5}, {}, "y_train holds 0.5, but classes are whole numbers from 0; if they are targets"),
        ({"y_train": np.where(Y, Y, np.nan)}, {}, "y_train holds nan, but classes are whole numbers from 0"),
        ({"y_train": Y.astype(str)}, {}, "y_train holds <U21, but classes are whole numbers from 0; numpy.search"),
        ({"y_train": Y - 1.0}, {}, "y_train holds the class -1.0, but classes are whole numbers from 0; numpy.search"),
        ({"y_train": Y.astype(np.uint64) + 2**63}, {}, "y_train holds the class 9223372036854775808, but"),
        ({"y_train": Y + 1}, {}, "y_train holds the class 4 but not 0; classes are whole numbers from 0 without"),
        ({"y_train": np.where(Y == 2, 9, Y)}, {}, "y_train holds the class 9 but not 2"),
        ({"y_test": Y_TEST + 3}, {}, "y_test holds classes that y_train does not have: 4, 5, 6"),
        ({"y_train": Y * 0, "y_test": Y_TEST * 0}, {}, "y_train holds a single class, 0; there is nothing to tell"),
        ({"y_train": np.arange(40)}, {}, "class 0 has a single example, which no two parts can share"),
        (
            {"y_train": np.where(Y, np.nan, 1.0)},
            {"task": "regression"},
            "y_train holds NaN, infinity or numbers beyond",
        ),
        ({"y_train": Y.astype(str)}, {"task": "regression"}, "y_train holds <U21, but targets of a regression are"),
        ({"class_names": np.array([b"\xe4", b"b", b"c", b"d"])}, {}, "class_names holds bytes that are not UTF-8"),
        ({}, {"class_names": ["a"]}, "class_names has 1 names, but there are 4 classes"),
        ({}, {"class_names": ["a", "b", "b", "c"]}, "class_names has the same name twice"),
    ],
)
def test_a_bad_file(npz, changes, fields, says):
    with pytest.raises(Refused) as caught:
        npz(changes, **fields)
    path, _, sentence = str(caught.value).partition(".npz: ")
    assert path.endswith("mine")
    assert sentence.startswith(says)
    assert "\n" not in sentence


def _text(path):
    path.write_text("no arrays here")


def _nothing(path):
    path.write_bytes(b"")


def _one_array(path):
    with path.open("wb") as file:
        np.save(file, np.arange(3))


def _half(path):
    np.savez(path, **arrays())
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def _flipped(path):
    np.savez_compressed(path, **arrays())
    with zipfile.ZipFile(path) as archive:
        start = archive.getinfo("x_train.npy").header_offset + 200
    content = bytearray(path.read_bytes())
    content[start : start + 20] = b"\xff" * 20
    path.write_bytes(content)


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda path: None, "cannot be read (No such file or directory)"),
        (lambda path: path.mkdir(), "cannot be read (Is a directory)"),
        (_text, "is not a whole .npz file"),
        (_nothing, "is not a whole .npz file"),
        (_half, "is not a whole .npz file"),
        (_one_array, "is a single array"),
        (_flipped, "x_train is damaged"),
    ],
)
def test_a_file_that_is_none(tmp_path, make, says):
    path = tmp_path / "mine.npz"
    make(path)
    with pytest.raises(Refused) as caught:
        Npz(path=str(path)).load(seed=0)
    assert str(caught.value).startswith(f"{path}: {says}")
    assert "\n" not in str(caught.value)


def test_names_are_different():
    names = [dataset.name for dataset in DATASETS]
    assert len(set(names)) == len(names) == 11


@pytest.fixture
def cache(tmp_path, monkeypatch, on_device):
    """An empty Keras cache, and no network."""
    from keras.src.utils import file_utils

    def no_network(*arguments):
        raise urllib.error.URLError("Temporary failure in name resolution")

    monkeypatch.setenv(USERS_HOME, str(tmp_path))
    monkeypatch.setattr(file_utils, "urlretrieve", no_network)
    monkeypatch.setattr(file_utils.config, "_KERAS_DIR", "")  # to be as before when the test is done
    return tmp_path / "datasets"


@pytest.mark.parametrize("dataset", [Mnist(), FashionMnist(), Cifar10()], ids=lambda dataset: dataset.name)
def test_without_a_network(cache, dataset, capsys):
    with pytest.raises(Refused) as caught:
        dataset.load(seed=0)
    message = str(caught.value)
    assert message.startswith(f"{dataset.name} is not here and cannot be downloaded (URL fetch failure on http")
    assert f" at {cache / dataset.cache}, or choose dataset=npz" in message
    assert "\n" not in message
    assert capsys.readouterr().out == ""


def test_files_in_keras_cache_are_enough(cache):
    """Keras' own loader reads the files."""
    random, folder = np.random.default_rng(0), cache / "fashion-mnist"
    folder.mkdir(parents=True)
    for part, count in (("train", 200), ("t10k", 50)):
        labels, images = np.arange(count, dtype=np.uint8) % 10, random.integers(0, 256, (count, 28, 28), np.uint8)
        (folder / f"{part}-labels-idx1-ubyte.gz").write_bytes(gzip.compress(bytes(8) + labels.tobytes()))
        (folder / f"{part}-images-idx3-ubyte.gz").write_bytes(gzip.compress(bytes(16) + images.tobytes()))
    data = FashionMnist(limit=30).load(seed=0)
    assert [len(part.y) for part in (data.train, data.validation, data.test)] == [30, 20, 50]
    assert (data.input_shape, data.class_names[9], data.is_image) == ((28, 28, 1), "ankle boot", True)
    np.testing.assert_array_equal(data.test.y, np.arange(50) % 10)


def test_colour_images_have_labels_in_a_column(monkeypatch, on_device):
    from keras.datasets import cifar10

    x, y = np.zeros((100, 32, 32, 3), np.uint8), (np.arange(100) % 10)[:, None]
    monkeypatch.setattr(cifar10, "load_data", lambda: ((x, y), (x, y)))
    data = Cifar10().load(seed=0)
    assert (data.input_shape, data.outputs, data.test.y.shape) == ((32, 32, 3), 10, (100,))


def test_the_advice_on_labels_works(npz):
    words = np.array(["bird", "cat", "dog", "eel"])
    numbered = {"y_train": np.searchsorted(np.unique(words[Y]), words[Y])}
    numbered["y_test"] = np.searchsorted(np.unique(words[Y]), words[Y_TEST])
    np.testing.assert_array_equal(npz(numbered).test.y, Y_TEST)
