"""Recording: a derivative's findings go to the recorder as metrics, tables and plots."""

from __future__ import annotations

import math
from functools import partial
from typing import Any

from experiments.autodiff.answer import AutodiffAnswer
from experiments.autodiff.execution_paths import ExecutionPath, new_call
from experiments.autodiff.graph import Drawing, draw
from experiments.autodiff.plots import step_figure, tangent_figure
from experiments.autodiff.settings import MOST_TO_COMPILE
from experiments.recorder import Recorder
from experiments.runtime.device import scope
from experiments.runtime.tensorflow_import import import_tensorflow


def record_asked(answer: AutodiffAnswer, recorder: Recorder) -> None:
    """Record the numbers of the execution path that was asked for."""
    result = answer.results[0]
    for step, value in enumerate(result.computed.value if result.computed.value is not None else []):
        _metric(recorder, "value", value, step)
    for block, checked in zip(answer.blocks, answer.checked(result), strict=True):
        for step, one in enumerate(checked):
            _metric(recorder, f"derivative/{block.name}", one.found, step)
            _metric(recorder, f"exact/{block.name}", one.truth.value, step)
            _metric(recorder, f"error/{block.name}", one.error, step)


def record_results(answer: AutodiffAnswer, recorder: Recorder) -> None:
    """Record what all execution paths so far have come to; nothing where there is none."""
    if not answer.results:
        return
    recorder.table("results", answer.rows())
    recorder.table("truth", answer.truth_rows())
    recorder.metric("check/findings", len(answer.findings()))
    if math.isfinite(largest := answer.largest_error()):
        recorder.metric("check/largest_error", largest)
    recorder.note(answer.note())


def record_figures(answer: AutodiffAnswer, operations: int, recorder: Recorder) -> None:
    """Draw and record the plots, and the graph of a derivative of about so many operations where it can be traced."""
    recorder.figure("step_size", partial(step_figure, answer))
    recorder.figure("tangent", partial(tangent_figure, answer))
    first = answer.results[0]
    if first.path.is_integer or first.computed.problem:
        return
    if operations > MOST_TO_COMPILE:
        why = f"No graph is drawn: about {operations:,} operations, and more than {MOST_TO_COMPILE:,} are not traced."
        recorder.note(f"{answer.note()}\n\n{why}")
        return
    recorder.figure("graph", partial(_record_graph, answer, recorder))


def _record_graph(answer: AutodiffAnswer, recorder: Recorder) -> None:
    """Record the computational graph in each format. Graphviz draws it, so there is no figure of Matplotlib."""
    drawing = _draw(answer)
    for path, content in drawing.files.items():
        recorder.file(path, content)
    recorder.metric("graph/operations", drawing.nodes)
    recorder.metric("graph/optimised_operations", drawing.optimised_nodes)
    recorder.note(answer.note(drawing))


def _draw(answer: AutodiffAnswer) -> Drawing:
    tf = import_tensorflow()
    names, dtype = list(answer.values), answer.asked.dtype
    plain = ExecutionPath(answer.asked.method, "eager", dtype)  # what is traced is the plain function
    with scope():
        operands = [tf.constant(value, dtype=dtype) for value in answer.values.values()]
        results = ["y", *(answer.derivative.symbol(block.name) for block in answer.blocks)]
        call = new_call(answer.expression, names, answer.derivative, plain)
        return draw(call, operands, names, answer.expression.text, results)


def _metric(recorder: Recorder, name: str, value: Any, step: int) -> None:
    if value is not None and math.isfinite(value):
        recorder.metric(name, float(value), step=step)
