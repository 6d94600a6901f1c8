"""Checking a product against float64 without computing it a second time."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt

from experiments.experiment import Refused
from experiments.matmul.product import Product
from experiments.runtime.modes import SIGNIFICAND_BITS, TF32_SIGNIFICAND_BITS

UNIT_ROUNDOFF = {dtype: 2.0**-bits for dtype, bits in SIGNIFICAND_BITS.items()}
TF32_ROUNDOFF = 2.0**-TF32_SIGNIFICAND_BITS

CHUNK_ELEMENTS = 2**20
"""Elements of a block that is converted to float64 at a time."""


def residual(a: npt.NDArray[Any], b: npt.NDArray[Any], product: npt.NDArray[Any], seed: int) -> float:
    """Return the distance of ``product`` from ``a @ b``, relative to the expected size of its elements.

    Freivalds' check (R. Freivalds, IFIP Congress 1977) with a measured distance: for a random vector x of
    +1 and -1, ``product @ x`` is compared with ``a @ (b @ x)``, in float64 and in O(n^2). Each component's
    difference is divided by the root of the sum of its squared terms, which unlike the component itself
    never comes out near zero by chance; the root mean square over components is returned.
    """
    x = np.random.default_rng(seed).choice([-1.0, 1.0], size=b.shape[1])
    expected = _times(a, _times(b, x))
    scale = np.sqrt(_times(a, _times(b, np.ones_like(x), squared=True), squared=True))
    return float(np.sqrt(np.mean(((_times(product, x) - expected) / scale) ** 2)))


def tolerance(product: Product, tf32: bool = False) -> float:
    """Return the residual that rounding can explain: 4 u sqrt(k), plus the check's own rounding, at most one half.

    Rounding errors grow like sqrt(k) u rather than k u (N. J. Higham, T. Mary, SIAM J. Sci. Comput. 41(5),
    2019). The check sums k and n terms in float64. The cap is needed because a product that is missing altogether
    has a residual of only one.
    """
    _, k, n = product.dimensions
    roundoff = TF32_ROUNDOFF if tf32 and product.dtype == "float32" else UNIT_ROUNDOFF[product.dtype]
    own = UNIT_ROUNDOFF["float64"] * math.sqrt(k + n)
    return min(4 * (roundoff * math.sqrt(k) + own), 0.5)


def require_correct(found: float, allowed: float) -> None:
    """Raise Refused unless the residual is within tolerance; NaN is not."""
    if not found <= allowed:
        raise Refused(f"the result is wrong: off by {found:.2g} of its size, where rounding explains {allowed:.2g}")


def check_bytes(product: Product) -> int:
    """Return the bytes of host memory that the check needs: copies of operands and result, and float64 vectors."""
    return product.traffic + 4 * 8 * sum(product.dimensions) + 2 * 8 * CHUNK_ELEMENTS


def _times(matrix: npt.NDArray[Any], vector: npt.NDArray[np.float64], squared: bool = False) -> npt.NDArray[np.float64]:
    """Return ``matrix @ vector`` in float64, converted block by block; ``squared`` squares each element."""
    rows, columns = matrix.shape
    width = min(columns, CHUNK_ELEMENTS)
    height = max(1, CHUNK_ELEMENTS // width)
    result = np.zeros(rows)
    for top in range(0, rows, height):
        for left in range(0, columns, width):
            block = matrix[top : top + height, left : left + width].astype(np.float64)
            result[top : top + height] += (block**2 if squared else block) @ vector[left : left + width]
    return result
