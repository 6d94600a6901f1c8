"""Rows, notes and figures of hand-made points, where TensorFlow cannot be imported and no device is set up."""

from __future__ import annotations

import math
import sys
import warnings
from dataclasses import replace

import numpy as np
import pytest
from matplotlib import rc_context, rcParams
from matplotlib.cbook import is_math_text
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties, findfont
from matplotlib.ft2font import FT2Font
from matplotlib.text import Text

from experiments.gradient_cost import GradientCost
from experiments.gradient_cost.answer import GradientCostAnswer
from experiments.gradient_cost.plots import cost_figure
from experiments.gradient_cost.plots import time_figure as gradient_time_figure
from experiments.gradient_cost.series import GradientCostPoint
from experiments.gradient_cost.settings import GradientCostSettings
from experiments.gradient_cost.workloads import LogSumExp
from experiments.job_result import JobResult
from experiments.matmul import Matmul
from experiments.matmul.answer import MatmulAnswer
from experiments.matmul.plots import throughput_figure, time_figure
from experiments.matmul.product import Product
from experiments.matmul.series import MatmulPoint
from experiments.matmul.settings import MatmulSettings
from experiments.measure import Measurement, Sample
from experiments.networks.data import Split
from experiments.operators import Operators
from experiments.operators.answer import OperatorsAnswer
from experiments.operators.catalogue import OPERATORS
from experiments.operators.plots import time_figure as operators_figure
from experiments.operators.series import OperatorPoint
from experiments.operators.settings import OperatorsSettings
from experiments.operators.verification import Errors
from experiments.reporting.figures import label, new_figure
from experiments.reporting.rendering import picture_of
from experiments.reporting.text import on_one_line
from experiments.runtime import device
from experiments.runtime.device import Placement
from experiments.runtime.roofline import COMPUTE, DISPATCH, Limit, Roofline
from experiments.runtime.tensorflow_import import import_tensorflow
from experiments.training import Training
from experiments.training.history import BEST_ACCURACY
from experiments.training.plots import confusion_figure, mistakes_figure
from experiments.training.session import HeldOutResult
from runner.sweep.effects import record_effects
from tests.experiments.test_crossover import job_of
from tests.experiments.test_text import HOSTILE
from tests.experiments.test_training_answer import classified

GPU = Placement("/device:GPU:0", "GPU:1", "Imaginary X1")

PNG = b"\x89PNG\r\n\x1a\n"


def drawn(figure: Figure) -> str:
    """Draw a figure; return the letters that have no font."""
    picture = picture_of(figure)
    assert picture is not None
    assert picture.png.startswith(PNG)
    return picture.without_font


@pytest.fixture(autouse=True)
def _no_tensorflow(monkeypatch):
    monkeypatch.setitem(sys.modules, "tensorflow", None)
    monkeypatch.setattr(device, "_current", None)


def measured(seconds: float) -> Measurement:
    """A call of ``seconds``, sampled once in each of seven rounds with 1 % between the fastest and the slowest."""
    samples = tuple(Sample(turn, 10, 10 * seconds * (1 + (turn - 3) / 600)) for turn in range(7))
    return Measurement(samples, first_call=20 * seconds, latency=2 * seconds, stopped="target")


def matmul_answer() -> MatmulAnswer:
    """Two square products, of which the larger one reaches half of a peak of 1 TFLOP/s."""
    times = {10: 10e-6, 1000: 4e-3}
    points = [
        MatmulPoint(Product("square", size, "float32"), "graph", "/device:GPU:0", 1e-7, measured(seconds))
        for size, seconds in times.items()
    ]
    settings = MatmulSettings(sizes=[10, 1000, 10**6], shape="square", mode="graph")
    limits = Roofline(Limit(1e12, "TensorFlow, n=4096"), Limit(1e11, "TensorFlow"), dispatch_seconds=10e-6)
    return MatmulAnswer(settings, GPU.title, points, {10**6: "out of memory"}, limits)


def operators_answer() -> OperatorsAnswer:
    """relu, and a dense layer of 1 GFLOP whose backward pass takes twice as long as its forward pass."""
    points = [
        OperatorPoint(
            operator=OPERATORS[name],
            shapes="2x3",
            flops=flops,
            device="/device:GPU:0",
            errors=Errors(output=error, gradient=2 * error),
            tolerance=1e-2,
            measurements={"forward": measured(forward), "forward_backward": measured(3 * forward)},
        )
        for name, flops, error, forward in (("relu", None, 1e-6, 1e-5), ("dense", 10**9, 1e-3, 2e-3))
    ]
    settings = OperatorsSettings(operators=["relu", "dense", "gru"])
    return OperatorsAnswer(settings, GPU.title, points, {"gru": "no kernel"}, Limit(1e12, "TensorFlow, n=4096"))


def gradient_cost_answer() -> GradientCostAnswer:
    """Ratios 3 and 6 at sizes 10 and 100: the second is above the theoretical bound."""
    points = [
        GradientCostPoint(
            size=size,
            parameters=size,
            device="/device:GPU:0",
            error=1e-6,
            hessian_error=None,
            measurements={"function": measured(1e-5), "gradient": measured(ratio * 1e-5)},
        )
        for size, ratio in ((100, 6), (10, 3))
    ]
    return GradientCostAnswer(GradientCostSettings(LogSumExp(sizes=[10, 100])), GPU.title, points, {})


def test_tensorflow_is_really_out_of_reach():
    with pytest.raises(ImportError):
        import tensorflow  # noqa: F401
    assert import_tensorflow() is None
    with pytest.raises(RuntimeError, match="start has not been called"):
        device.current()


def test_a_placement_names_its_hardware_where_there_is_one_to_name():
    assert GPU.title == "GPU:1 (Imaginary X1)"
    assert Placement("/device:CPU:0", "CPU:0", "").title == "CPU:0"


def test_the_note_of_matmul():
    note = matmul_answer().note()
    assert note.startswith(
        "**[n,n] x [n,n]** in float32, graph, on GPU:1 (Imaginary X1): "
        "10 µs at n=10, 4 ms at n=1,000; best rate 500 GFLOP/s at n=1,000, 50.0% of what this machine reaches."
    )
    assert "Not measured: n=1,000,000 - out of memory." in note
    assert note.endswith(
        "This machine's limits: 1e+03 GFLOP/s (TensorFlow, n=4096), 100 GB/s (TensorFlow), "
        "10 µs for a call with nothing to do."
    )


def test_the_rows_of_matmul():
    answer = matmul_answer()
    small, large = map(answer.row, answer.points)
    assert (small["regime"], large["regime"]) == (DISPATCH, COMPUTE)
    assert large["median_us"] == pytest.approx(4000)
    assert (large["gflops"], large["share_of_peak"]) == pytest.approx((500, 0.5))
    assert len(answer.sample_rows()) == 2 * 7


def test_the_note_and_rows_of_operators():
    answer = operators_answer()
    note = answer.note()
    assert note.startswith(
        "**2 of 3 operators** in float32, graph, on GPU:1 (Imaginary X1): "
        "dense takes longest, 6 ms forward and backward;"
    )
    assert "the best rate is 500 GFLOP/s (dense), 50.0% of this machine's 1e+03 GFLOP/s (TensorFlow, n=4096)." in note
    assert "Not measured: gru - no kernel." in note
    assert "held against NumPy in float64; 1e-02 was let pass. Farthest off were the output of dense (1.0e-03)" in note
    slow, fast = map(answer.row, answer.points)
    assert (slow["operator"], fast["operator"]) == ("dense", "relu")
    assert slow["tolerance"] == fast["tolerance"] == 1e-2
    assert slow["backward_us"] == pytest.approx(4000)
    assert slow["ratio"] == pytest.approx(3)
    assert fast["gflops"] is fast["share_of_peak"] is None


def test_the_note_and_rows_of_gradient_cost():
    answer = gradient_cost_answer()
    note = answer.note()
    assert note.startswith(
        "**log-sum-exp** in float32, graph, on GPU:1 (Imaginary X1): its gradient takes 6.00 times as long as the "
        "function at n=100; in this one process above the theoretical bound of about 5 at n=100."
    )
    assert "n counts numbers." in note
    rows = [answer.row(point) for point in answer.points]
    assert [row["n"] for row in rows] == [10, 100]
    assert [row["ratio"] for row in rows] == pytest.approx([3, 6])
    assert all(math.isfinite(row["tolerance"]) for row in rows)


@pytest.mark.parametrize(
    ("draw", "make", "title"),
    [
        (time_figure, matmul_answer, "[n,n] x [n,n]: time of a call"),
        (throughput_figure, matmul_answer, "[n,n] x [n,n]: throughput"),
        (operators_figure, operators_answer, "time of common operators"),
        (cost_figure, gradient_cost_answer, "log-sum-exp: cost of the gradient"),
        (gradient_time_figure, gradient_cost_answer, "log-sum-exp: time of a call"),
    ],
)
def test_figures_name_the_placement_they_are_given(draw, make, title):
    figure = draw(make())
    (axes,) = figure.axes
    assert axes.get_title(loc="left") == title
    assert axes.get_title(loc="right") == "float32, graph, GPU:1 (Imaginary X1)"
    drawn(figure)


def shown_in(figure: Figure) -> list[str]:
    """Draw a figure; return its texts as they are shown. Only numbers at an axis may be mathematics."""
    drawn(figure)
    texts = [text.get_text() for text in figure.findobj(Text)]
    assert not [text for text in texts if is_math_text(text) and not text.startswith(r"$\mathdefault{")]
    return [text.replace(r"\$", "$").replace("\u200e", "").strip() for text in texts]


def assert_shown(names: list[str], texts: list[str], letters: int) -> None:
    """Assert that the beginning of each name stands in a text."""
    beginnings = [on_one_line(name)[:letters] for name in names]
    assert not [name for name in beginnings if not any(name in text for text in texts)]


@pytest.mark.parametrize("names", [HOSTILE[:12], HOSTILE[12:]])
def test_classes_are_shown_as_they_stand(names):
    count = len(names)
    part = Split(np.zeros((count, 8, 8, 1)), np.arange(count))
    answer = classified(test=HeldOutResult(1.0, 5 * np.roll(np.eye(count), 1, axis=1)))
    answer.data = replace(answer.data, name="$a$|b", train=part, test=part, class_names=tuple(names))
    for draw in (confusion_figure, mistakes_figure):
        texts = shown_in(draw(answer))
        assert_shown(names, texts, letters=12)
        assert any("on $a$|b, seed" in text for text in texts)


def jobs_of(names: list[str], metrics: dict[str, float] | None = None) -> list[JobResult]:
    """Jobs of a sweep over names, with a measurement for any experiment."""
    jobs = []
    for number, name in enumerate(names, start=1):
        swept = {"experiment.dataset.path": name}
        curve = job_of(name, lambda n, number=number: 1e-6 * (n + number), sizes=[1, 10, 100, 1000])
        ratios = {"operator": "relu", "forward_us": "1", "forward_backward_us": f"{number}"}
        ratios |= {"ratio": "3", "ratio_low": "2.5", "ratio_high": "3.5"}
        rows = [row | ratios for row in curve.table("results")]
        tables = {"results": rows, "samples": curve.table("samples")}
        scores = {BEST_ACCURACY: 1 / number, "test/accuracy": 1 / number} | (metrics or {})
        jobs.append(JobResult(name, "FINISHED", swept, curve.config | swept, "CPU:0", scores, tables.__getitem__))
    return jobs


@pytest.mark.parametrize("kind", [Matmul, Operators, GradientCost, Training])
@pytest.mark.parametrize("start", range(0, 24, 6))
def test_jobs_of_a_sweep_are_shown_as_they_stand(kind, start, recorder):
    names = HOSTILE[start : start + 6]
    kind.compare(jobs_of(names), recorder)
    assert recorder.figures
    for figure in recorder.figures.values():
        assert_shown(names, shown_in(figure), letters=20)


def test_effects_show_values_as_they_stand(recorder):
    note = record_effects(jobs_of(HOSTILE[:8]), ["test/accuracy"], recorder)
    assert_shown(HOSTILE[:8], shown_in(recorder.figures["effects"]), letters=15)
    assert r"a\|b" in note


@pytest.mark.parametrize(
    ("shape", "title"),
    [
        ((8, 8, 1), ""),
        ((8, 8, 3), ""),
        ((8, 8, 2), "; shown is the mean of 2 channels"),
        ((8, 8, 4), "; shown is the mean of 4 channels"),
        ((3, 32, 32), "; shown is the mean of 32 channels"),
    ],
)
@pytest.mark.parametrize("pixel", [0.0, 255.0, math.nan, math.inf])
def test_images_of_any_number_of_channels_are_drawn(shape, title, pixel):
    x = np.random.default_rng(0).uniform(0, 255, (4, *shape))
    x[:, 0, 0, 0] = pixel
    answer = classified()
    part = Split(x, answer.data.test.y)
    answer.data = replace(answer.data, train=part, test=part)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        (heading,) = [text for text in shown_in(mistakes_figure(answer)) if "mistakes" in text]
    assert heading.endswith(f"how certain){title}")


def test_names_from_the_right_do_not_turn_a_line_around():
    assert label("dog") == "dog"
    assert label("כלב") == "\u200eכלב\u200e"  # Unicode's left-to-right mark


def has_letter(letter: str, *families: str) -> bool:
    paths = [findfont(FontProperties(family=[family])) for family in families]
    return any(FT2Font(path).get_char_index(ord(letter)) for path in paths)


def test_a_font_that_has_the_letters_is_chosen():
    """A sign of APL that is not in DejaVu Sans, but in a font that comes with Matplotlib."""
    assert not has_letter("⌶", "DejaVu Sans")
    figure, axes = new_figure("plain", "small")
    named = axes.text(0, 0, "cat ⌶", fontweight="bold")
    axes.set_xticks([0, 1], ["dog", "⌶"])
    plain = axes.text(0, 1, "dog")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert drawn(figure) == ""
    for text in (named, axes.get_xticklabels()[1]):
        assert has_letter("⌶", *text.get_fontfamily())
    assert plain.get_fontfamily() == FontProperties().get_family()


def test_a_matplotlibrc_has_no_say():
    """Least of all one that wants TeX, which may not be there, and takes names for its own language."""
    with rc_context({"text.usetex": True, "font.family": "no such font", "savefig.dpi": 1}):
        theirs = picture_of(lambda: new_figure("a_b", "50 %")[0])
        assert rcParams["text.usetex"]
    assert theirs == picture_of(lambda: new_figure("a_b", "50 %")[0])


def test_letters_without_a_font_are_told_and_warn_nobody():
    figure, axes = new_figure("𒀀", "a cuneiform sign")
    axes.set_yticks([0], ["𒀀 cat"])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert drawn(figure) == "𒀀"
