"""What a series found, as rows and in words."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

from experiments.device import current
from experiments.markdown import markdown_table
from experiments.matmul.product import SHAPES
from experiments.matmul.series import Point
from experiments.measure import Measurement
from experiments.recorder import Row
from experiments.roofline import Roofline

if TYPE_CHECKING:
    from experiments.matmul.experiment import Matmul


def result_row(point: Point, roofline: Roofline) -> Row:
    """A point as a row of results.csv. Times are microseconds a call, intensity is FLOP a byte."""
    product, measurement = point.product, point.measurement
    m, k, _ = product.dimensions
    low, high = measurement.interval
    first_quartile, third_quartile = measurement.quartiles
    mild, severe = measurement.outliers
    return {
        "n": product.size,
        "m": m,
        "k": k,
        "shape": product.shape,
        "dtype": product.dtype,
        "mode": point.mode,
        "device": point.device,
        "status": "measured",
        "median_us": measurement.median * 1e6,
        "ci_low_us": low * 1e6,
        "ci_high_us": high * 1e6,
        "mean_us": measurement.mean * 1e6,
        "min_us": measurement.minimum * 1e6,
        "q1_us": first_quartile * 1e6,
        "q3_us": third_quartile * 1e6,
        "mild_outliers": mild,
        "severe_outliers": severe,
        "samples": len(measurement.samples),
        "calls_per_sample": measurement.samples[-1].calls,
        "stopped": measurement.stopped,
        "first_call_us": measurement.first_call * 1e6,
        "latency_us": measurement.latency * 1e6,
        "flops": product.flops,
        "bytes": product.traffic,
        "intensity": product.intensity,
        "gflops": point.flops_per_s / 1e9,
        "gbytes_per_s": point.bytes_per_s / 1e9,
        "share_of_peak": share_of_peak(point, roofline),
        "regime": roofline.regime(product.flops, product.traffic),
        "residual": point.residual,
    }


def missing_row(size: int, reason: str) -> Row:
    """The row of a size that has no point."""
    return {"n": size, "status": f"not measured: {reason}"}


def sample_rows(point: Point) -> list[Row]:
    """Every raw sample of a point."""
    return [
        {"n": point.product.size, "round": sample.round, "calls": sample.calls, "seconds": sample.seconds}
        for sample in point.measurement.samples
    ]


def share_of_peak(point: Point, roofline: Roofline) -> float:
    """The share of the best FLOP/s that this machine was seen to reach."""
    return point.flops_per_s / roofline.compute.rate


def share(point: Point, roofline: Roofline) -> str:
    """The same in words."""
    percent = 100 * share_of_peak(point, roofline)
    return f"{percent:.1f}%" if percent >= 0.1 else "<0.1%"


def note(matmul: Matmul, points: Sequence[Point], not_measured: Mapping[int, str], roofline: Roofline) -> str:
    """The answer in Markdown."""
    title = f"**{SHAPES[matmul.shape][0]}** in {matmul.dtype}, {matmul.mode}, on {where()}"
    parts = [f"{title}: {_headline(points, roofline)}" if points else f"{title}: nothing was measured."]
    if points:
        parts.append(markdown_table(_table(points, roofline)))
    parts += [f"Not measured: n={size:,} - {reason}." for size, reason in sorted(not_measured.items())]
    parts.append(f"This machine's limits: {limits(roofline)}.")
    return "\n\n".join(parts)


def where() -> str:
    """The device, with its name where it has one."""
    placement = current()
    return f"{placement.actual} ({placement.hardware})" if placement.hardware else placement.actual


def limits(roofline: Roofline) -> str:
    """The measured limits in words."""
    return (
        f"{roofline.compute.rate / 1e9:.3g} GFLOP/s ({roofline.compute.route}), "
        f"{roofline.memory.rate / 1e9:.3g} GB/s ({roofline.memory.route}), "
        f"{duration(roofline.dispatch_seconds)} for a call with nothing to do"
    )


def duration(seconds: float) -> str:
    """Three digits and the unit that suits them."""
    for unit, scale in (("s", 1.0), ("ms", 1e-3), ("µs", 1e-6)):
        if seconds >= scale:
            return f"{seconds / scale:.3g} {unit}" if seconds < 1000 * scale else f"{seconds / scale:.0f} {unit}"
    return f"{seconds / 1e-9:.3g} ns"


def spread(measurement: Measurement) -> str:
    """The half width of the median's interval, relative to it."""
    if len(measurement.samples) < 2:
        return "(one sample)"
    return f"± {measurement.relative_half_width:.1%}"


def _headline(points: Sequence[Point], roofline: Roofline) -> str:
    first, last = points[0], points[-1]
    best = max(points, key=lambda point: point.flops_per_s)
    rate = (
        f"best rate {best.flops_per_s / 1e9:.3g} GFLOP/s at n={best.product.size:,}, "
        f"{share(best, roofline)} of what this machine reaches."
    )
    if first is last:
        return f"{duration(first.measurement.median)} at n={first.product.size:,}; {rate}"
    return (
        f"{duration(first.measurement.median)} at n={first.product.size:,}, "
        f"{duration(last.measurement.median)} at n={last.product.size:,}; {rate}"
    )


def _table(points: Iterable[Point], roofline: Roofline) -> list[dict[str, str]]:
    return [
        {
            "n": f"{point.product.size:,}",
            "median": duration(point.measurement.median),
            "95 % interval": _interval(point.measurement),
            "GFLOP/s": f"{point.flops_per_s / 1e9:.3g}",
            "of peak": share(point, roofline),
            "regime": roofline.regime(point.product.flops, point.product.traffic),
            "samples": f"{len(point.measurement.samples)}",
            "stopped by": point.measurement.stopped,
        }
        for point in points
    ]


def _interval(measurement: Measurement) -> str:
    if len(measurement.samples) < 2:
        return "-"
    low, high = measurement.interval
    return f"{duration(low)} - {duration(high)}"
