"""The graph of a function: as TensorFlow traces it, and as TensorFlow runs it."""

from __future__ import annotations

import re
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from experiments.autodiff.graph.dataflow import Dataflow
from experiments.runtime.tensorflow_import import import_tensorflow

if TYPE_CHECKING:
    import tensorflow as tf

CAPTURED = "captured"
"""The name of a tensor that the function closes over."""


@dataclass(frozen=True)
class Graphs:
    """The two graphs of one function; their definitions are ``GraphDef`` messages."""

    traced: Dataflow
    optimised: Dataflow


def trace(
    function: Callable[..., Sequence[tf.Tensor | None]],
    operands: Sequence[tf.Tensor],
    names: Sequence[str],
    labels: Sequence[str],
) -> Graphs:
    """Trace and run ``function(*operands)`` once; ``labels`` name its results.

    The optimised graph is the one that TensorFlow reports to have run (``RunMetadata`` of ``tf.summary.trace_on``).
    A ``tf.compat.v1.Session`` also reports one, but it optimises differently: in TensorFlow 2.21 it keeps
    multiplications by 1 that a function drops. Grappler's own interface is private, and shows what it would do rather
    than what it did.

    Raises ValueError where the function returns more or fewer results than there are ``labels``.
    """
    tf = import_tensorflow()
    returned: list[str] = []

    def without_none(*tensors: Any) -> list[Any]:
        results = list(zip(labels, function(*tensors), strict=True))
        returned[:] = [label for label, result in results if result is not None]
        return [result for _, result in results if result is not None]

    specs = [
        tf.TensorSpec(operand.shape, operand.dtype, _node_name(name, position))
        for position, (operand, name) in enumerate(zip(operands, names, strict=True))
    ]
    concrete = tf.function(without_none, autograph=False).get_concrete_function(*specs)
    return Graphs(_traced(concrete, names, returned), _optimised(concrete, operands, names, returned))


def _node_name(name: str, position: int) -> str:
    """A name that TensorFlow allows, which is stricter than an expression."""
    return name if re.fullmatch(r"[A-Za-z][A-Za-z0-9_]*", name) else f"operand_{position}"


def _traced(concrete: Any, names: Sequence[str], labels: Sequence[str]) -> Dataflow:
    arguments = {tensor.op.name: _argument(names, index) for index, tensor in enumerate(concrete.inputs)}
    results = [(label, tensor.name) for label, tensor in zip(labels, concrete.outputs, strict=True)]
    return Dataflow(concrete.graph.as_graph_def(), arguments, results)


def _optimised(concrete: Any, operands: Sequence[tf.Tensor], names: Sequence[str], labels: Sequence[str]) -> Dataflow:
    definition = _definition_run(concrete, operands)
    arguments = {node.name: _argument(names, node.attr["index"].i) for node in definition.node if node.op == "_Arg"}
    returned = {node.attr["index"].i: node.input[0] for node in definition.node if node.op == "_Retval"}
    return Dataflow(definition, arguments, [(label, returned[index]) for index, label in enumerate(labels)])


def _argument(names: Sequence[str], index: int) -> str:
    return names[index] if index < len(names) else CAPTURED


def _definition_run(concrete: Any, operands: Sequence[tf.Tensor]) -> Any:
    """The GraphDef that TensorFlow optimises at a function's first call."""
    ours = {operation.name for operation in concrete.graph.get_operations()}

    def likeness(graphs: Any) -> int:
        return sum(node.name in ours for node in graphs.pre_optimization_graph.node)

    with tempfile.TemporaryDirectory() as folder:
        with _exported_trace(folder):
            concrete(*operands)
        ran = [graphs for metadata in _exported(folder) for graphs in metadata.function_graphs]
    # Writing the trace runs functions of TensorFlow's own, and some of our names come back spelt differently.
    return max(ran, key=likeness).post_optimization_graph


@contextmanager
def _exported_trace(folder: str) -> Iterator[None]:
    """Write a trace of what runs within to an event file in ``folder``."""
    tf = import_tensorflow()
    writer = tf.summary.create_file_writer(folder)
    tf.summary.trace_on(graph=True, profiler=False)
    try:
        yield
        with writer.as_default():
            tf.summary.trace_export("graph", step=0)
    finally:
        tf.summary.trace_off()
        writer.close()


def _exported(folder: str) -> Iterator[Any]:
    """The RunMetadata messages in a folder's event file."""
    tf = import_tensorflow()
    (path,) = Path(folder).iterdir()
    with tf.device("/device:CPU:0"):  # GPUs read no files
        records = [record.numpy() for record in tf.data.TFRecordDataset(str(path))]
    for record in records:
        for value in tf.compat.v1.Event.FromString(record).summary.value:
            yield tf.compat.v1.RunMetadata.FromString(value.tensor.string_val[0])
