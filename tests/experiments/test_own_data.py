"""Data of a user's own: tables with gaps and categories, folders of images, NumPy files as people have them."""

from __future__ import annotations

import re
import shutil

import numpy as np
import pytest
from PIL import Image

from experiments.experiment import Refused
from experiments.networks.datasets import Arrays, Csv, Images, Npz
from experiments.validators import InvalidField

CITIES = ("Köln", "Bern", "Rio de Janeiro", "")


@pytest.fixture
def table(tmp_path):
    """Write a CSV file of 200 rows: two columns of numbers with gaps, a city, a code, and a kind that follows x."""

    def write(name: str = "mine.csv", target: str = "kind", **columns: list[str]) -> str:
        random = np.random.default_rng(0)
        x = random.normal(size=200)
        cells = {
            "x": [f"{value:.3f}" if n % 7 else "" for n, value in enumerate(x)],
            "age": [f"{age}" if n % 11 else "NA" for n, age in enumerate(random.integers(1, 90, 200))],
            "home town": [CITIES[n % 4] for n in range(200)],
            "code": [f"{n % 3 + 1}" for n in range(200)],
            target: ["größer" if value > 0 else "kleiner" for value in x],
        } | columns
        path = tmp_path / name
        lines = [",".join(cells), *(",".join(row) for row in zip(*cells.values(), strict=True))]
        path.write_text("\n".join(lines) + "\n", encoding="utf-8")
        return str(path)

    return write


def test_a_table_with_gaps_and_categories(table):
    data = Csv(path=table(), target="kind", categorical=["code"]).load(seed=0)
    assert (data.task, data.class_names, data.is_image) == ("classification", ("größer", "kleiner"), False)
    assert [len(part.y) for part in (data.train, data.validation, data.test)] == [140, 20, 40]
    assert data.input_shape == (1 + 1 + 4 + 3,)  # two numbers, four homes (none is one), three codes
    assert np.isfinite(data.train.x).all()
    assert set(np.unique(data.train.x[:, 2:])) == {0.0, 1.0}
    assert (data.train.x[:, 2:6].sum(axis=1) == 1).all()
    numbers = data.train.x[:, 0]
    filled = np.unique(numbers, return_counts=True)[1].max()
    assert filled > 10  # the gaps of x: all of them the mean of the others
    assert any("Values are missing in x, age and home town" in remark for remark in data.remarks)
    assert data.test_rows is not None
    assert data.test_rows.dtype.names == ("x", "age", "home town", "code")
    assert {*data.test_rows["home town"]} <= {*CITIES}


def test_a_gap_becomes_the_mean_of_the_training_rows_alone(table):
    data = Csv(path=table(), target="kind").load(seed=0)
    assert data.test_rows is not None
    gaps = np.isnan(data.test_rows["x"])
    assert gaps.any()
    values, counts = np.unique(data.train.x[:, 0], return_counts=True)
    mean = values[counts.argmax()]
    np.testing.assert_allclose(mean, data.train.x[data.train.x[:, 0] != mean, 0].mean(), atol=1e-5)
    assert (data.test.x[gaps, 0] == mean).all()


def test_a_test_set_in_a_file_of_its_own_and_a_category_that_training_does_not_have(table):
    own = table("test.csv", **{"home town": ["Oslo"] * 200})
    data = Csv(path=table(), target="kind", test_path=own).load(seed=0)
    assert [len(part.y) for part in (data.train, data.validation, data.test)] == [180, 20, 200]
    assert (data.test.x[:, 2:6] == 0).all()
    assert "test.csv" in data.source


def test_rows_of_the_test_file_without_a_target_are_told(table):
    own = table("test.csv", kind=["", "", *["größer", "kleiner"] * 99])
    data = Csv(path=table(), target="kind", test_path=own).load(seed=0)
    assert len(data.test.y) == 198
    assert "Rows of the test file without a 'kind' are left out: 2 of 200." in data.remarks


@pytest.mark.parametrize(
    ("kind", "says"),
    [
        ([""] * 200, "has no value of the column 'kind': there is nothing to test with"),
        (["kleiner", "winzig"] * 100, "has the class 'winzig', which the training rows do not have"),
    ],
)
def test_a_test_file_whose_target_does_not_fit(table, kind, says):
    with pytest.raises(Refused, match=rf"test\.csv: {says}"):
        Csv(path=table(), target="kind", test_path=table("test.csv", kind=kind)).check()


@pytest.mark.parametrize(
    ("target", "fields", "task"),
    [
        ([str(n % 3) for n in range(200)], {}, "classification"),
        ([str(n) for n in range(200)], {}, "regression"),
        ([f"{n / 7}" for n in range(200)], {}, "regression"),
        ([str(n % 3) for n in range(200)], {"task": "regression"}, "regression"),
    ],
)
def test_what_kind_of_target(table, target, fields, task):
    data = Csv(path=table(kind=target), target="kind", **fields).load(seed=0)
    assert data.task == task
    assert data.train.y.dtype == (np.int64 if task == "classification" else np.float64)


def test_a_number_is_one_class_however_it_is_written(table):
    """Programs write a column of whole numbers with gaps as 1.0."""
    data = Csv(path=table(kind=["0", "1", "1.0", "0.0"] * 50), target="kind").load(seed=0)
    assert data.class_names == ("0", "1")
    tested = Csv(path=table(kind=["0", "1"] * 100), target="kind", test_path=table("test.csv", kind=["1.0", "0"] * 100))
    assert set(tested.load(seed=0).test.y.tolist()) == {0, 1}
    with pytest.raises(Refused, match="has a single class in the column 'kind'"):
        Csv(path=table(kind=["1", "1.0"] * 100), target="kind").load(seed=0)


def test_rows_without_a_target_and_columns_without_a_name_or_value_are_left_out(table):
    path = table(**{"": [str(n) for n in range(200)], "empty": [""] * 200, "kind": ["", *["a", "b"] * 99, "a"]})
    data = Csv(path=path, target="kind").load(seed=0)
    assert sum(len(part.y) for part in (data.train, data.validation, data.test)) == 199
    said = " ".join(data.remarks)
    assert "Rows without a 'kind' are left out: 1 of 200." in said
    assert "has no name" in said
    assert "The column 'empty' is empty" in said


@pytest.mark.parametrize(
    ("columns", "fields", "says"),
    [
        ({}, {"target": "knd"}, r"mine.csv: has no column 'knd' \(experiment.dataset.target\) \(did you mean kind\?\)"),
        ({}, {"ignored": ["z"]}, r"has no column 'z' \(experiment.dataset.ignored\); it has x, age, home town, code"),
        (
            {"born": ["2001-02-03"] * 200},
            {},
            r"holds dates in born \(2001-02-03\), which are not supported: .*\[born\]",
        ),
        ({"note": [f"n{n}" for n in range(200)]}, {}, r"names or prose in note \(200 different .*ignored=\[note\]"),
        (
            {},
            {"numeric": ["home town"]},
            "holds 'Köln' in the column 'home town' of numbers, in row 1 below the header",
        ),
        ({"x": ["inf"] * 200}, {}, "holds 'inf' in the column 'x' of numbers"),
        ({"kind": ["a"] * 200}, {}, "has the same value in every row of the column 'kind'"),
        ({"kind": [""] * 200}, {}, "has no value of the column 'kind'"),
        ({"x": ["7", *['"1,5"'] * 199]}, {}, r"a comma in x \(1,5\): write them like 1234.5, .*categorical=\[x\]"),
        ({"kind": ['"1,500.2"', "2"] * 100}, {}, r"a comma in kind \(1,500.2\): .*task=classification"),
        (
            {"kind": ["a"] * 200},
            {"task": "regression", "target": "home town"},
            "holds 'Köln' in the column 'home town'",
        ),
        ({}, {"separator": ";"}, "has a single column; say experiment.dataset.separator=','"),
        ({}, {"test_path": "no.csv"}, r"^no.csv: cannot be read \(No such file or directory\)"),
    ],
)
def test_a_table_that_cannot_be_learnt_from(table, columns, fields, says):
    dataset = Csv(**{"path": table(**columns), "target": "kind"} | fields)
    with pytest.raises(Refused, match=says):
        dataset.check()


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "No columns to parse"),
        (b"x,kind\n", "has a header, but no rows"),
        (b"x;kind\n1,5;a\n2,5;b\n", "has a single column; say experiment.dataset.separator=';'"),
        (b"x,kind\n1,5,a\n2,5,b\n", "has rows with more values than its header has names"),
        (b"x,kind\n1,a\n1,2,b\n", "Expected 2 fields in line 3, saw 3"),
        (b"\xef\xbb\xbfkind,x, 'y',\"kind\",,\n", "has several columns called 'kind'; give each a name of its own"),
        ("x,kind\nä,1\n".encode("latin-1"), "is not text in UTF-8"),
    ],
)
def test_a_file_that_is_no_table(tmp_path, content, says):
    path = tmp_path / "mine.csv"
    path.write_bytes(content)
    with pytest.raises(Refused, match=f"mine.csv: .*{says}"):
        Csv(path=str(path), target="kind").check()


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"path": ""}, "path"),
        ({"target": " "}, "target"),
        ({"separator": ", "}, "separator"),
        ({"numeric": ["a"], "categorical": ["a"]}, "numeric"),
        ({"numeric": ["a"], "ignored": ["a"]}, "ignored"),
        ({"test_share": 0.5, "validation_share": 0.5}, "test_share"),
    ],
)
def test_invalid_fields_of_a_table(fields, field):
    with pytest.raises(InvalidField) as caught:
        Csv(**{"path": "a.csv", "target": "b"} | fields)
    assert caught.value.field == field


@pytest.fixture
def folder(tmp_path):
    """Make a folder of 30 images of two classes, of several sizes, grey and in colour, one of them deeper."""
    random = np.random.default_rng(0)
    for number in range(30):
        label = ("Äpfel", "pears")[number % 2]
        height, width = random.integers(8, 20, 2)
        is_grey = number % 3 == 0
        pixels = random.integers(0, 120, (height, width) if is_grey else (height, width, 3)) + 120 * (number % 2)
        path = tmp_path / label / ("more" if number == 5 else "") / f"{number}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(pixels.astype(np.uint8)).save(path)
    (tmp_path / "pears" / "readme.txt").write_text("all of them")
    return tmp_path


@pytest.mark.parametrize(("color_mode", "channels"), [("rgb", 3), ("grayscale", 1)])
def test_a_folder_of_images(folder, on_device, color_mode, channels):
    dataset = Images(path=str(folder), image_size=[12, 10], color_mode=color_mode)
    dataset.check()
    data = dataset.load(seed=0)
    assert (data.input_shape, data.is_image) == ((12, 10, channels), True)
    assert data.class_names == tuple(sorted(("Äpfel", "pears")))
    assert sum(len(part.y) for part in (data.train, data.validation, data.test)) == 30
    brightness = data.train.x.mean(axis=(1, 2, 3))
    assert ((brightness > 120) == (data.train.y == data.class_names.index("pears"))).all()
    said = " ".join(data.remarks)
    assert "no images by their names are left out: 1." in said
    assert "different sizes are resized" in said


KINDS = {
    "a.png": "RGB", "b.png": "L", "c.png": "P", "a.jpg": "RGB", "b.jpg": "L", "c.jpg": "CMYK",
    "a.gif": "P", "b.gif": "L", "a.bmp": "RGB", "b.bmp": "P", "c.bmp": "L", "d.bmp": "1",
}  # fmt: skip
"""Files in the modes of Pillow, palettes among them."""


@pytest.mark.parametrize("color_mode", ["rgb", "grayscale"])
def test_an_image_is_the_same_in_every_kind_of_file(tmp_path, on_device, color_mode):
    """Each is dark on the left and orange on the right; GIFs go on with a white picture."""
    pixels = np.zeros((8, 8, 3), np.uint8)
    pixels[:, 4:] = (255, 102, 0)  # a colour of the usual palette
    for name, mode in KINDS.items():
        for label in ("one", "two"):
            (tmp_path / label).mkdir(exist_ok=True)
            white = [Image.new("L", (8, 8), 255)] if name.endswith("gif") else []
            more = {"save_all": True, "append_images": white} if white else {}
            Image.fromarray(pixels).convert(mode).save(tmp_path / label / name, **more)
    dataset = Images(path=str(tmp_path), image_size=[8, 8], color_mode=color_mode, test_path=str(tmp_path))
    dataset.check()
    found = dict(zip(sorted(KINDS), dataset.load(seed=0).test.x[: len(KINDS)].astype(int), strict=True))
    grey = pixels @ [0.299, 0.587, 0.114]
    for name, mode in KINDS.items():
        if mode == "1":  # black and white, dithered
            assert set(np.unique(found[name])) == {0, 255}
            continue
        expected = pixels if color_mode == "rgb" and mode not in "L" else grey[..., None]
        difference = np.abs(found[name] - expected)  # a JPEG's colours run into each other
        assert difference.max() < (40 if name.endswith("jpg") else 2), name


def _parted(folder):
    """Put the classes into a folder for training and another for the test, as many archives have them."""
    classes = [*folder.iterdir()]
    for part in ("train", "test"):
        for of_class in classes:
            shutil.copytree(of_class, folder / part / of_class.name)
    for of_class in classes:
        shutil.rmtree(of_class)


@pytest.mark.parametrize(
    ("spoil", "says"),
    [
        (lambda folder: (folder / "cherries").mkdir(), "has no image in cherries"),
        (
            lambda folder: (folder / "pears" / "x.png").write_bytes(b"\x89PNG\r\n\x1a\nbroken"),
            "x.png is no whole image",
        ),
        (lambda folder: (folder / "pears").rename(folder / ".pears"), "has one folder in it, Äpfel;"),
        (_parted, "has no classes but parts, test and train, each with a folder pears: .*path=.*train"),
    ],
)
def test_a_folder_that_cannot_be_learnt_from(folder, spoil, says):
    spoil(folder)
    with pytest.raises(Refused, match=says):
        Images(path=str(folder)).check()


def test_a_folder_that_is_not_there():
    with pytest.raises(Refused, match=r"/no/such: cannot be read \(No such file or directory\)"):
        Images(path="/no/such").check()


def test_an_image_that_ends_too_early_is_named(folder, on_device):
    random = np.random.default_rng(0)
    path = folder / "pears" / "cut.jpg"
    Image.fromarray(random.integers(0, 255, (40, 40, 3)).astype(np.uint8)).save(path)
    path.write_bytes(path.read_bytes()[:600])
    with pytest.raises(Refused, match=r"cut\.jpg is no whole image"):
        Images(path=str(folder)).check()


@pytest.mark.parametrize("kind", ["png", "bmp"])
def test_an_image_that_breaks_off_in_the_middle_is_named_when_it_is_read(folder, on_device, kind):
    random = np.random.default_rng(0)
    path = folder / "pears" / f"x.{kind}"
    Image.fromarray(random.integers(0, 255, (40, 40, 3)).astype(np.uint8)).save(path)
    path.write_bytes(path.read_bytes()[:600])
    with pytest.raises(Refused, match=rf"x\.{kind} is no whole image"):
        Images(path=str(folder), color_mode="grayscale").load(seed=0)


def _npz(path, **changes):
    x = np.random.default_rng(0).integers(0, 255, (60, 6, 5)).astype(np.uint8)
    arrays = {"x_train": x[:40], "y_train": np.arange(40) % 3, "x_test": x[40:], "y_test": np.arange(20) % 3} | changes
    np.savez(path, **arrays)
    return str(path)


@pytest.mark.parametrize(
    ("train", "test", "names"),
    [
        (np.eye(3)[np.arange(40) % 3], np.eye(3)[np.arange(20) % 3], ("0", "1", "2")),
        (np.arange(40) % 3 + 1, np.arange(20) % 3 + 1, ("1", "2", "3")),
        (np.array(["c", "a", "b"])[np.arange(40) % 3], np.array(["c", "a", "b"])[np.arange(20) % 3], ("a", "b", "c")),
        (np.array([b"c", b"a"])[np.arange(40) % 2], np.array([b"c", b"a"])[np.arange(20) % 2], ("a", "c")),
    ],
)
def test_labels_as_people_have_them(tmp_path, train, test, names):
    data = Npz(path=_npz(tmp_path / "mine.npz", y_train=train, y_test=test)).load(seed=0)
    assert data.class_names == names
    first = names.index("c") if "c" in names else 0
    assert data.test.y[0] == first
    assert sorted(np.unique(data.train.y)) == list(range(len(names)))


def test_a_tab_as_a_shell_hands_it_over():
    assert Csv(path="mine.csv", target="kind", separator=r"\t").separator == "\t"


def test_names_given_in_another_order_stay_with_their_labels(tmp_path):
    y = np.array(["cat", "dog"])
    path = _npz(tmp_path / "mine.npz", y_train=y[np.arange(40) % 2], y_test=y[np.arange(20) % 2])
    data = Npz(path=path, class_names=["dog", "cat"]).load(seed=0)
    assert [data.class_names[label] for label in data.test.y[:2]] == ["cat", "dog"]


def given(*found, kind="classification"):
    """A dataset of one's own, with these arrays."""

    class Given(Arrays):
        name = "given"
        task = kind

        def arrays(self):
            return found

    return Given()


@pytest.mark.parametrize(
    ("y", "names", "known_as"),
    [
        (np.array(["b", "a"])[np.arange(40) % 2], [], ("a", "b")),
        (np.arange(40) % 2, [["low", "high"]], ("low", "high")),
        ([1, 2] * 20, [], ("1", "2")),
    ],
)
def test_a_dataset_of_one_s_own_is_arrays(y, names, known_as):
    data = given(np.arange(80.0).reshape(40, 2), y, *names).load(seed=0)
    assert (data.class_names, data.is_image, data.source) == (known_as, False, "dataset=given")
    assert [len(part.y) for part in (data.train, data.validation, data.test)] == [28, 4, 8]


def test_a_regression_of_one_s_own():
    data = given([[float(n)] for n in range(40)], range(40), kind="regression").load(seed=0)
    np.testing.assert_array_equal(data.test.x[:, 0], data.test.y)


@pytest.mark.parametrize(
    ("found", "says"),
    [
        ((np.full((40, 2), np.nan), np.arange(40) % 2), "dataset=given: x holds NaN, first in example 0"),
        ((np.ones((40, 2)), np.zeros(40)), "dataset=given: y holds a single class, 0; there is nothing to tell apart"),
        ((np.ones((40, 2)), np.arange(39) % 2), "dataset=given: x has 40 examples, but y has 39 labels"),
        ((np.ones((40, 2)), np.arange(40) / 2), "y holds 0.5, but classes are whole numbers from 0; if they are"),
    ],
)
def test_arrays_of_one_s_own_are_checked(found, says):
    with pytest.raises(Refused, match=re.escape(says)):
        given(*found).load(seed=0)


def test_objects_are_refused_with_what_to_do(tmp_path):
    labels = np.array(["a", "b"] * 20, dtype=object)
    path = _npz(tmp_path / "mine.npz", y_train=labels)
    with pytest.raises(Refused, match=r"y_train holds Python objects.*save numpy.array\(y_train.tolist\(\)\)"):
        Npz(path=path).check()


def test_channels_first_if_said_so_and_any_number_of_them(tmp_path):
    x = np.random.default_rng(0).integers(0, 255, (60, 7, 6, 5)).astype(np.uint8)
    path = _npz(tmp_path / "mine.npz", x_train=x[:40], x_test=x[40:])
    data = Npz(path=path, channels_first=True).load(seed=0)
    assert data.input_shape == (6, 5, 7)
    np.testing.assert_array_equal(data.test.x[0], x[40].transpose(1, 2, 0))
    with pytest.raises(Refused, match="has no channels that could come first"):
        Npz(path=_npz(tmp_path / "other.npz"), channels_first=True).check()
