"""LiteRT (formerly TensorFlow Lite): converted by TensorFlow, run by its own small runtime without TensorFlow."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from experiments.deployment.backends.backend import (
    BackendFailed,
    BackendInputs,
    Client,
    Inputs,
    Outputs,
    ServingBackend,
)
from experiments.reporting.text import first_line
from experiments.runtime.device import Device
from experiments.runtime.tensorflow_import import import_tensorflow

OPERATION, SCOPES = re.compile(r"'(tf\.\w+)'"), re.compile(r'"([\w.-]+/[\w./-]+)')
"""What the converter's messages name: operations, and the scopes that they are in, one for each layer."""

NUMBER = re.compile(r"_\d+$")
"""What TensorFlow appends to the name of a scope."""

LOOP = "tf.TensorList"
"""The beginning of the names of operations that collect what a loop computes, such as a recurrent layer's."""

SINGLE_EXAMPLES = (
    "LiteRT cannot convert this model for batches of any size, so the file takes one example, "
    "and the client asks for those of a batch one after the other"
)


class LiteRTFloat32(ServingBackend):
    """Weights and arithmetic in float32."""

    name = "litert_float32"
    title = "LiteRT float32"
    artifact = "model_float32.tflite"
    requires = ("ai_edge_litert",)

    @staticmethod
    def make(model: Any, given: BackendInputs, target: Path) -> None:
        target.write_bytes(_converted(model, given))

    def start(self, artifact: Path, device: Device) -> float | None:
        self._path, self._threads = str(artifact), device.intra_op_threads
        self._interpreter()
        return None

    def remark(self) -> str:
        return SINGLE_EXAMPLES if _is_for_single_examples(self._interpreter()) else ""

    def client(self) -> Client:
        """Return an interpreter of its own: two threads must not call the same one.

        Source: the note on threads in https://www.tensorflow.org/api_docs/python/tf/lite/Interpreter
        """
        interpreter = self._interpreter()
        (taken,), (given,) = interpreter.get_input_details(), interpreter.get_output_details()
        shape: tuple[int, ...] = ()

        def predict(inputs: Inputs) -> Outputs:
            nonlocal shape
            if inputs.shape != shape:  # memory is planned for one batch size
                interpreter.resize_tensor_input(taken["index"], inputs.shape)
                interpreter.allocate_tensors()
                shape = inputs.shape
            interpreter.set_tensor(taken["index"], _quantized(inputs, taken))
            interpreter.invoke()
            return _dequantized(interpreter.get_tensor(given["index"]), given)

        def predict_each(inputs: Inputs) -> Outputs:
            return np.concatenate([predict(inputs[i : i + 1]) for i in range(len(inputs))])

        return predict_each if _is_for_single_examples(interpreter) else predict

    def _interpreter(self) -> Any:
        from ai_edge_litert.interpreter import Interpreter

        return Interpreter(model_path=self._path, num_threads=self._threads)


class LiteRTDynamic(LiteRTFloat32):
    """Weights in int8; activations are quantised during the call (dynamic range)."""

    name = "litert_dynamic"
    title = "LiteRT dynamic range"
    artifact = "model_dynamic_range.tflite"

    @staticmethod
    def make(model: Any, given: BackendInputs, target: Path) -> None:
        def quantize(converter: Any) -> None:
            converter.optimizations = [import_tensorflow().lite.Optimize.DEFAULT]

        target.write_bytes(_converted(model, given, quantize))


class LiteRTInt8(LiteRTFloat32):
    """Everything in int8, including inputs and outputs; their ranges come from the calibration inputs.

    Source: https://www.tensorflow.org/lite/performance/post_training_quantization, "Full integer quantization"
    """

    name = "litert_int8"
    title = "LiteRT int8"
    artifact = "model_int8.tflite"

    @staticmethod
    def make(model: Any, given: BackendInputs, target: Path) -> None:
        tf = import_tensorflow()
        typical = np.load(given.calibration)

        def representative() -> Iterator[list[Inputs]]:
            for example in typical:
                yield [example[None]]

        def quantize(converter: Any) -> None:
            converter.optimizations = [tf.lite.Optimize.DEFAULT]
            converter.representative_dataset = representative
            converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
            if np.issubdtype(typical.dtype, np.floating):  # integers, such as word numbers, stay what they are
                converter.inference_input_type = tf.int8
            converter.inference_output_type = tf.int8

        # TensorFlow 2.21 crashes when it calibrates a loop.
        target.write_bytes(_converted(model, given, quantize, loops_one_by_one=False))


def _converted(
    model: Any,
    given: BackendInputs,
    set_up: Callable[[Any], None] = lambda converter: None,
    *,
    loops_one_by_one: bool = True,
) -> bytes:
    """Convert a model for batches of any size; where LiteRT cannot, for single examples.

    ``set_up`` chooses the kind of numbers. Loops, as those of recurrent layers, can only be converted for single
    examples, and without ``loops_one_by_one`` not even that is tried. Raises BackendFailed.
    """
    converter = import_tensorflow().lite.TFLiteConverter
    batched: tuple[Callable[[], Any], ...] = (lambda: model, lambda: _of_one_example(model, given))
    for made in batched:
        try:
            conversion = converter.from_keras_model(made())
            set_up(conversion)
            converted: bytes = conversion.convert()
        except Exception as error:
            problem = error
            if LOOP in str(error) and not loops_one_by_one:
                break
        else:
            return converted
    raise BackendFailed(_reason(problem, model)) from problem


def _of_one_example(model: Any, given: BackendInputs) -> Any:
    """Return a model around ``model`` that takes a batch of one."""
    import keras

    example = np.load(given.calibration, mmap_mode="r")[:1]
    taken = keras.Input(batch_shape=example.shape, dtype=model.inputs[0].dtype)
    return keras.Model(taken, model(taken))


def _reason(error: Exception, model: Any) -> str:
    """Name the operations that LiteRT does not have, and the first layer that needs one."""
    said = str(error)
    operations = ", ".join(dict.fromkeys(OPERATION.findall(said)))
    if not operations:
        return f"{type(error).__name__}: {first_line(error)[:300]}"
    layer = _named_in(said, model)
    dtype = getattr(layer, "compute_dtype", "float32")
    todo = "build the model without it" if dtype == "float32" else "build it in float32"
    if LOOP in operations:
        todo = "build it with unroll=True"
    needed = f", which its layer {layer.name!r} ({type(layer).__name__}) needs in {dtype}" if layer is not None else ""
    return f"LiteRT cannot convert {operations}{needed}; {todo}, or serve it in another way"


def _named_in(said: str, model: Any) -> Any:
    """Return the first layer of the model that the converter's message names, or None."""
    layers = {layer.name: layer for layer in getattr(model, "operations", model.layers)}
    scopes = [scope for path in SCOPES.findall(said) for scope in path.split("/")]
    return next((layers[name] for scope in scopes for name in (NUMBER.sub("", scope), scope) if name in layers), None)


def _is_for_single_examples(interpreter: Any) -> bool:
    (taken,) = interpreter.get_input_details()
    return bool(taken["shape_signature"][0] == 1)


def _quantized(inputs: Inputs, detail: dict[str, Any]) -> Inputs:
    """Return real numbers r in the tensor's integers q = r / scale + zero point; unchanged without a scale."""
    scale, zero_point = detail["quantization"]
    if not scale:
        return inputs.astype(detail["dtype"], copy=False)
    limits = np.iinfo(detail["dtype"])
    quantized: Inputs = np.clip(np.rint(inputs / scale + zero_point), limits.min, limits.max).astype(detail["dtype"])
    return quantized


def _dequantized(outputs: Outputs, detail: dict[str, Any]) -> Outputs:
    """Return the real numbers r = (q - zero point) * scale that a tensor's integers stand for."""
    scale, zero_point = detail["quantization"]
    return (outputs.astype(np.float32) - zero_point) * np.float32(scale) if scale else outputs
