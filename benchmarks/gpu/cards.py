"""What NVIDIA states of its cards: dense peaks at boost clock, and the memory's bandwidth.

Tensor cores where the card has them for a format (float64 since the A100, TF32 and bfloat16 since Ampere); half of what
data sheets give "with sparsity". Float16 with sums in float32, which is what TensorFlow asks for.
"""

from __future__ import annotations

from dataclasses import dataclass

FORMATS = {
    "float64": "float64",
    "float32": "float32 without TF32",
    "tf32": "float32 with TF32",
    "bfloat16": "bfloat16",
    "float16": "float16",
}
"""The number formats and their names in a report."""


@dataclass(frozen=True)
class Card:
    """The figures of one card."""

    tflops: dict[str, float]
    """TFLOP/s by number format; a format that the data sheet does not state is missing."""
    gbytes_per_s: float
    source: str


def card_named(name: str) -> Card | None:
    """Return the figures of the card that the driver calls ``name``; None if it is not in the table.

    A part of a card (MIG) has another name than the card, and is not in the table either.

    >>> card_named("NVIDIA H100 80GB HBM3").gbytes_per_s
    3350
    >>> card_named("NVIDIA H100 80GB HBM3 MIG 1g.10gb") is None
    True
    """
    return CARDS.get(name.removeprefix("NVIDIA ").removeprefix("Tesla "))


def _card(source: str, gbytes_per_s: float, *tflops: float | None) -> Card:
    """Return a card with the peaks of FORMATS, in their order; None where the data sheet states none."""
    stated = {name: peak for name, peak in zip(FORMATS, tflops, strict=True) if peak is not None}
    return Card(stated, gbytes_per_s, source)


H100 = "NVIDIA H100 Tensor Core GPU data sheet, https://www.nvidia.com/en-us/data-center/h100/"
H200 = "NVIDIA H200 Tensor Core GPU data sheet, https://www.nvidia.com/en-us/data-center/h200/"
A100 = "NVIDIA A100 Tensor Core GPU data sheet, https://www.nvidia.com/en-us/data-center/a100/"
A30 = "NVIDIA A30 data sheet, https://www.nvidia.com/en-us/data-center/products/a30-gpu/"
A10 = "NVIDIA A10 data sheet, https://www.nvidia.com/en-us/data-center/products/a10-gpu/"
L4 = "NVIDIA L4 data sheet, https://www.nvidia.com/en-us/data-center/l4/"
L40 = "NVIDIA L40 data sheet, https://www.nvidia.com/en-us/data-center/l40/"
L40S = "NVIDIA L40S data sheet, https://www.nvidia.com/en-us/data-center/l40s/"
T4 = "NVIDIA T4 data sheet, https://www.nvidia.com/en-us/data-center/tesla-t4/"
V100 = "NVIDIA V100 Tensor Core GPU data sheet, https://www.nvidia.com/en-us/data-center/v100/"
GA102 = "NVIDIA Ampere GA102 GPU architecture whitepaper, appendix A"
ADA = "NVIDIA Ada GPU architecture whitepaper, appendix A"

CARDS = {
    #                       source GB/s   f64   f32    tf32   bf16   f16
    "H200": _card(H200, 4800, 67, 67, 494.5, 989.5, 989.5),
    "H200 NVL": _card(H200, 4800, 60, 60, 417.5, 835.5, 835.5),
    "H100 80GB HBM3": _card(H100, 3350, 67, 67, 494.5, 989.5, 989.5),
    "H100 NVL": _card(H100, 3900, 60, 60, 417.5, 835.5, 835.5),
    "H100 PCIe": _card(H100, 2000, 51, 51, 378, 756.5, 756.5),
    "A100-SXM4-80GB": _card(A100, 2039, 19.5, 19.5, 156, 312, 312),
    "A100 80GB PCIe": _card(A100, 1935, 19.5, 19.5, 156, 312, 312),
    "A100-SXM4-40GB": _card(A100, 1555, 19.5, 19.5, 156, 312, 312),
    "A100-PCIE-40GB": _card(A100, 1555, 19.5, 19.5, 156, 312, 312),
    "A30": _card(A30, 933, 10.3, 10.3, 82, 165, 165),
    "A10": _card(A10, 600, None, 31.2, 62.5, 125, 125),
    "L40S": _card(L40S, 864, None, 91.6, 183, 362.05, 362.05),
    "L40": _card(L40, 864, None, 90.5, 90.5, 181.05, 181.05),
    "L4": _card(L4, 300, None, 30.3, 60, 121, 121),
    "T4": _card(T4, 320, None, 8.1, None, None, 65),
    "V100-SXM2-16GB": _card(V100, 900, 7.8, 15.7, None, None, 125),
    "V100-SXM2-32GB": _card(V100, 900, 7.8, 15.7, None, None, 125),
    "V100-PCIE-16GB": _card(V100, 900, 7, 14, None, None, 112),
    "V100-PCIE-32GB": _card(V100, 900, 7, 14, None, None, 112),
    "V100S-PCIE-32GB": _card(V100, 1134, 8.2, 16.4, None, None, 130),
    "GeForce RTX 3090": _card(GA102, 936, None, 35.6, 35.6, 71, 71),
    "GeForce RTX 4090": _card(ADA, 1008, None, 82.6, 82.6, 165.2, 165.2),
}
"""By the names that the driver gives them, without "NVIDIA" and "Tesla"."""
