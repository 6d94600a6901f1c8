"""Measuring one kind of product at many sizes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from experiments.matmul.product import Product, new_call, require_product_in_graph
from experiments.matmul.settings import MatmulSettings
from experiments.matmul.verification import check_bytes, require_correct, residual, tolerance
from experiments.measure import Measurement, Turns, new_sampler, visiting_order
from experiments.measure.interleave import window
from experiments.recorder import Cell
from experiments.runtime.device import current
from experiments.runtime.modes import tf32_in_use
from experiments.runtime.transfer import NONE, OPERANDS_AND_RESULT, begin, with_transfer
from experiments.series.measuring import SizeSeries

PRODUCT = "product"
"""The name of the one call that is measured."""


@dataclass(frozen=True)
class MatmulPoint:
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


class MatmulPointInProgress:
    """A product that is being measured; keeps its operands on the device, or on the host if calls are to copy them."""

    def __init__(self, product: Product, settings: MatmulSettings, checked: Mapping[str, Any]) -> None:
        """Check the first result, unless ``checked`` knows of it.

        Raises Refused where it is wrong or was computed on another device.
        """
        self.product, self.mode, seed, transfer = product, settings.mode, settings.seed, settings.transfer
        call, operands = new_call(self.mode), product.operands(seed)
        begun = [begin(operand, transfer) for operand in operands]
        sampler = new_sampler(with_transfer(call, transfer), begun, settings.timing)
        result = sampler.first_call()
        computed = call(*operands) if transfer == OPERANDS_AND_RESULT else result
        current().require(computed)
        require_product_in_graph(call, operands)
        self.device = computed.device
        self.residual: float = (
            checked["residual"] if checked else residual(operands[0].numpy(), operands[1].numpy(), result.numpy(), seed)
        )
        require_correct(self.residual, tolerance(product, tf32_in_use()))
        self.turns = Turns({PRODUCT: sampler}, f"{seed} {product.size}")

    @property
    def point(self) -> MatmulPoint | None:
        """The point as far as it is measured; None before the first sample."""
        measurements = self.turns.measurements
        if not measurements:
            return None
        return MatmulPoint(self.product, self.mode, self.device, self.residual, measurements[PRODUCT])


class MatmulSeries(SizeSeries[MatmulPoint]):
    """The products of all sizes that the settings ask for."""

    def __init__(self, settings: MatmulSettings) -> None:
        super().__init__(settings.sizes, settings.timing, settings.seed)
        self.settings = settings

    def bytes_needed(self, key: int) -> int:
        return self._product(key).traffic

    def bytes_on_host(self, key: int) -> int:
        product = self._product(key)
        waiting = 0 if self.settings.transfer == NONE else product.traffic  # operands that each call copies
        return waiting + (0 if self.checked(key) else check_bytes(product))

    def begin(self, key: int) -> MatmulPointInProgress:
        return MatmulPointInProgress(self._product(key), self.settings, self.checked(key))

    def facts(self, point: MatmulPoint) -> Mapping[str, Cell]:
        return {"device": point.device, "residual": point.residual}

    def restored(self, key: int, facts: Mapping[str, Any], measurements: Mapping[str, Measurement]) -> MatmulPoint:
        return MatmulPoint(self._product(key), self.settings.mode, **facts, measurement=measurements[PRODUCT])

    def order(self) -> Iterator[int]:
        """Take turns among the sizes that fit into memory together, then measure the others one at a time."""
        together, alone = self._by_memory()
        yield from visiting_order(together, self.timing.rounds, self.seed_of_order)
        yield from (size for size in alone for _ in range(self.timing.rounds))

    def _by_memory(self) -> tuple[list[int], list[int]]:
        together, alone = list[int](), list[int]()
        most_beside = window(self.timing.rounds) - 1
        for size in self.keys:
            beside = sum(self._product(other).traffic for other in together[max(0, len(together) - most_beside) :])
            try:
                self.require_memory(size, beside)
            except MemoryError:
                alone.append(size)
            else:
                together.append(size)
        return together, alone

    def _product(self, size: int) -> Product:
        return Product(self.settings.shape, size, self.settings.dtype)
