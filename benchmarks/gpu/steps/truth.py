"""Step c: whether the device that was asked for is the one that computes, and what is refused."""

from __future__ import annotations

from typing import Any

from benchmarks.gpu.bench import Bench


def look(bench: Bench) -> None:
    cards = bench.card["cards"]
    asked: list[dict[str, Any]] = [{"kind": bench.device}]
    if bench.on_gpu:
        asked += [{"kind": "gpu", "index": index} for index in range(1, cards)]
        asked += [{"kind": "gpu", "memory_growth": False}, {"kind": "gpu", "index": cards}]
    else:
        asked += [{"kind": "cpu", "index": 1, "logical_cpus": 2}, {"kind": "cpu", "index": 1}]
    *there, absent = bench.check("truth", devices=asked)
    for seen in there:
        _judge(bench, seen)
    bench.judge(f"{_name(absent)} does not exist and is refused", "refused" in absent, absent.get("refused", absent))
    _refused_by_the_command_line(bench, absent["asked"]["index"])
    _memory(bench, there)
    if cards < 2:
        bench.needs_gpu("device.index above 0: it needs a second GPU")


def _judge(bench: Bench, seen: dict[str, Any]) -> None:
    name = _name(seen)
    if "refused" in seen:
        bench.judge(name, False, seen["refused"])
        return
    kind, index = seen["asked"]["kind"], seen["asked"].get("index", 0)
    is_there = seen["as_scope"] and seen["actual"] == f"{kind.upper()}:{index}"
    bench.judge(f"{name}: the result says where it was computed", is_there, f"{seen['result_on']}, {seen['actual']}")
    is_right = seen["largest_error"] < 1e-9
    bench.judge(f"{name}: a float64 product is NumPy's", is_right, f"off by {seen['largest_error']:.2g} at most")
    is_off = not seen["soft_placement"] and not seen["moved_silently"]
    text = seen["moved_silently"] or "what the device cannot do is refused"
    bench.judge(f"{name}: soft placement is off", is_off, text)


def _refused_by_the_command_line(bench: Bench, index: int) -> None:
    done = bench.runner(f"device={bench.device}", f"device.index={index}", "experiment.sizes=[1]")
    is_right = done.status == 2 and f"device.index={index}" in done.words and not done.runs
    text = f"status {done.status}, {len(done.runs)} runs: {done.words}"
    bench.judge(f"device.index={index} on the command line is refused in one line", is_right, text)


def _memory(bench: Bench, there: list[dict[str, Any]]) -> None:
    if not bench.on_gpu:
        bench.needs_gpu("memory growth")
        return
    grows = there[0]
    takes_all = next(seen for seen in there if seen["asked"].get("memory_growth") is False)
    free, total = grows["free_mb"], bench.card["memory_bytes"] / 1e6
    is_small = bool(free) and free > total / 2
    bench.judge("device.memory_growth=true leaves the card to others", is_small, f"{free:,.0f} of {total:,.0f} MB free")
    bench.note("device.memory_growth=false", f"it computes, with {takes_all['in_use_mb']:.1f} MB in use by tensors")


def _name(seen: dict[str, Any]) -> str:
    asked = dict(seen["asked"])
    return " ".join([f"device={asked.pop('kind')}", *(f"device.{key}={value}" for key, value in asked.items())]).lower()
