"""LiteRT (formerly TensorFlow Lite): converted by TensorFlow, run by its own small runtime without TensorFlow."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from experiments.deployment.backends.backend import BackendInputs, Client, Inputs, Outputs, ServingBackend
from experiments.runtime.device import Device
from experiments.runtime.tensorflow_import import import_tensorflow


class LiteRTFloat32(ServingBackend):
    """Weights and arithmetic in float32."""

    name = "litert_float32"
    title = "LiteRT float32"
    artifact = "model_float32.tflite"
    requires = ("ai_edge_litert",)

    @staticmethod
    def make(model: Any, given: BackendInputs, target: Path) -> None:
        target.write_bytes(_converter(model).convert())

    def start(self, artifact: Path, device: Device) -> float | None:
        self._path, self._threads = str(artifact), device.intra_op_threads
        self.client()
        return None

    def client(self) -> Client:
        """Return an interpreter of its own: two threads must not call the same one.

        Source: the note on threads in https://www.tensorflow.org/api_docs/python/tf/lite/Interpreter
        """
        from ai_edge_litert.interpreter import Interpreter

        interpreter = Interpreter(model_path=self._path, num_threads=self._threads)
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

        return predict


class LiteRTDynamic(LiteRTFloat32):
    """Weights in int8; activations are quantised during the call (dynamic range)."""

    name = "litert_dynamic"
    title = "LiteRT dynamic range"
    artifact = "model_dynamic_range.tflite"

    @staticmethod
    def make(model: Any, given: BackendInputs, target: Path) -> None:
        converter = _converter(model)
        converter.optimizations = [import_tensorflow().lite.Optimize.DEFAULT]
        target.write_bytes(converter.convert())


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

        converter = _converter(model)
        converter.optimizations = [tf.lite.Optimize.DEFAULT]
        converter.representative_dataset = representative
        converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
        if np.issubdtype(typical.dtype, np.floating):  # integers, such as word numbers, stay what they are
            converter.inference_input_type = tf.int8
        converter.inference_output_type = tf.int8
        target.write_bytes(converter.convert())


def _converter(model: Any) -> Any:
    return import_tensorflow().lite.TFLiteConverter.from_keras_model(model)


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
