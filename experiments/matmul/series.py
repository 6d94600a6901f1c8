"""Measuring one product at many sizes."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from experiments.device import current
from experiments.experiment import Refused
from experiments.matmul.product import Product, new_call, require_product_in_graph
from experiments.matmul.verification import check_bytes, require_correct, residual, tolerance
from experiments.measure import Measurement, Timing, new_sampler, visiting_order
from experiments.measure.interleave import window
from experiments.memory import free_bytes
from experiments.tensorflow_import import import_tensorflow

if TYPE_CHECKING:
    from experiments.matmul.experiment import Matmul


@dataclass(frozen=True)
class Point:
    """A product and its measurement."""

    product: Product
    mode: str
    device: str
    residual: float
    measurement: Measurement

    @property
    def flops_per_s(self) -> float:
        return self.product.flops / self.measurement.median

    @property
    def bytes_per_s(self) -> float:
        return self.product.traffic / self.measurement.median


class PointInProgress:
    """A product that is being measured: holds the operands on the device."""

    def __init__(self, product: Product, mode: str, timing: Timing, seed: int) -> None:
        """Raises Refused where the result is wrong, or in the wrong place."""
        self.product, self.mode = product, mode
        call, operands = new_call(mode), product.operands(seed)
        self.sampler = new_sampler(call, operands, timing)
        result = self.sampler.first_call()
        current().require(result)
        require_product_in_graph(call, operands)
        self.device = result.device
        self.residual = residual(operands[0].numpy(), operands[1].numpy(), result.numpy(), seed)
        require_correct(self.residual, tolerance(product, _tf32_in_use()))

    @property
    def point(self) -> Point | None:
        """What is measured so far, if anything."""
        measurement = self.sampler.measurement
        return Point(self.product, self.mode, self.device, self.residual, measurement) if measurement else None


class Series:
    """All sizes of one Matmul, visited in turns."""

    def __init__(self, matmul: Matmul) -> None:
        self.matmul = matmul
        self.not_measured: dict[int, str] = {}
        """Why a size has no point."""
        self._in_progress: dict[int, PointInProgress] = {}
        self._product_of = {size: Product(matmul.shape, size, matmul.dtype) for size in matmul.sizes}

    def visits(self) -> Iterator[tuple[int, Point | None]]:
        """Measures; yields the size and what is known of it after each visit, None where it is given up.

        A point is complete when :meth:`is_complete` says so. A size that does not fit into memory ends
        the series there: no larger one is tried. A size whose result or time cannot be believed is left out.
        """
        together, alone, too_large = self._by_memory()
        for size in too_large:
            yield size, None
        rounds = self.matmul.timing.rounds
        order = visiting_order(together, rounds, self.matmul.seed)
        for size in itertools.chain(order, (size for size in alone for _ in range(rounds))):
            if size in self.not_measured or self.is_complete(size):
                continue
            yield size, self._visit(size)

    def is_complete(self, size: int) -> bool:
        return size in self._in_progress and self._in_progress[size].sampler.finished

    def points(self) -> list[Point]:
        """What is known of every size so far, complete or not."""
        return [point for in_progress in self._in_progress.values() if (point := in_progress.point)]

    def _visit(self, size: int) -> Point | None:
        errors = import_tensorflow().errors
        try:
            if size not in self._in_progress:
                matmul = self.matmul
                new = PointInProgress(self._product_of[size], matmul.mode, matmul.timing, matmul.seed)
                self._in_progress[size] = new
            self._in_progress[size].sampler.visit()
        except (errors.ResourceExhaustedError, MemoryError) as error:
            self._end_at(size, f"out of memory: {str(error).splitlines()[0]}" if str(error) else "out of memory")
            return None
        except Refused as refused:
            self._give_up(size, str(refused))
            return None
        point = self._in_progress[size].point
        if self.is_complete(size):
            self._in_progress[size].sampler.operands = ()  # frees the device's memory
        return point

    def _by_memory(self) -> tuple[list[int], list[int], list[int]]:
        """Sizes that fit beside those they take turns with, sizes that only fit alone, the first that does not fit."""
        sizes, free = sorted(self._product_of), free_bytes(current())
        together, alone = list[int](), list[int]()
        for size in sizes:
            product = self._product_of[size]
            needed = product.traffic + check_bytes(product)
            beside = sum(self._product_of[other].traffic for other in together[1 - window(self.matmul.timing.rounds) :])
            if free is not None and needed > free:
                self._end_at(size, f"needs {needed / 1e9:.3g} GB of memory, {free / 1e9:.3g} GB are free")
                return together, alone, [size]
            (together if free is None or needed + beside <= free else alone).append(size)
        return together, alone, []

    def _end_at(self, size: int, reason: str) -> None:
        self._give_up(size, reason)
        for larger in self._product_of:
            if larger > size and not self.is_complete(larger):
                self._give_up(larger, f"larger than n={size}, which does not fit")

    def _give_up(self, size: int, reason: str) -> None:
        self.not_measured[size] = reason
        self._in_progress.pop(size, None)


def _tf32_in_use() -> bool:
    """Whether float32 products are rounded to TensorFloat-32, as on NVIDIA GPUs since Ampere."""
    tf = import_tensorflow()
    enabled: bool = tf.config.experimental.tensor_float_32_execution_enabled()
    return enabled and current().is_gpu
