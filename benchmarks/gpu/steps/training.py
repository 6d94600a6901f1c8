"""Step g: training by every execution, beside PyTorch and JAX; the same seed twice, also in mixed precision."""

from __future__ import annotations

import math
from itertools import product
from typing import Any

from benchmarks.gpu.bench import Bench
from benchmarks.gpu.stored import Run

SHORT = ("experiment.execution=epoch", "experiment.check_saved=false", "experiment.checkpoint_every=0")
"""One execution, since auto chooses by the clock, and nothing beside training."""

LEARNED = ("train/loss", "val/loss", "test/loss")


def look(bench: Bench) -> None:
    for network in bench.sized(("mlp", "cnn"), ("mlp",)):
        _race(bench, network)
    _twice(bench)


def _race(bench: Bench, network: str) -> None:
    executions = bench.sized(["fit", "epoch", "epoch_xla", "auto"], ["auto"])
    found = bench.check(
        "race",
        network=network,
        device=bench.device,
        executions=executions,
        count=bench.sized(16000, 512),
        rounds=bench.sized(5, 1),
    )
    ours = {one["what"]: one for one in found if one["what"] in executions}
    missing = [name for name in executions if "rate" not in ours.get(name, {})]
    text = ", ".join(f"{name}: {ours[name]['problem']}" for name in missing) or "all train"
    bench.judge(f"{network}: every execution trains", not missing, text)
    if "told" in ours.get("auto", {}):
        bench.note(f"{network}: auto takes", ours["auto"]["told"])
    for one in found:
        if one["what"] not in executions and "problem" in one:
            bench.note(f"{network}: {one['what']}", one["problem"])
    bench.table(f"{network}: images/s", [_row(one) for one in found if "rate" in one])


def _row(one: dict[str, Any]) -> dict[str, str]:
    rates = one["rates"]
    return {
        "what": one["what"],
        "images/s": f"{one['rate']:,.0f}",
        "from - to": f"{min(rates):,.0f} - {max(rates):,.0f}",
        "epochs": str(len(rates)),
    }


def _twice(bench: Bench) -> None:
    """Two runs of each setting with the same seed, in float32 and in mixed precision."""
    settings = bench.sized("false,true", "true")
    mixed = "mixed_float16" if bench.on_gpu else "mixed_bfloat16"
    precisions = bench.sized(f"float32,{mixed}", mixed)
    words = (
        f"model={bench.sized('cnn', 'mlp')}",
        f"experiment.epochs={bench.sized(3, 1)}",
        f"device.deterministic={settings}",
        f"experiment.precision={precisions}",
        "seed=0,0",
    )
    done = bench.runner("-m", "experiment=training", f"device={bench.device}", *words, *SHORT)
    bench.judge_jobs(done, f"the same seed twice in {precisions.replace(',', ' and ')}: every job ends")
    for precision, setting in product(precisions.split(","), settings.split(",")):
        asked = {"experiment.precision": precision, "device.deterministic": setting}
        pair = [run for run in done.jobs if all(run.param(key).lower() == value for key, value in asked.items())]
        _judge_pair(bench, pair, f"{precision}, device.deterministic={setting}", must_be_same=setting == "true")


def _judge_pair(bench: Bench, pair: list[Run], what: str, must_be_same: bool) -> None:
    is_same = len(pair) == 2 and _learned(pair[0]) == _learned(pair[1]) != ""
    text = _learned(pair[0]) if is_same else "; ".join(map(_learned, pair)) or "there is no such run"
    if must_be_same:
        bench.judge(f"{what}: the same seed twice is the same bit for bit", is_same, text)
    else:
        bench.note(f"{what}: the same seed twice", f"{'the same' if is_same else 'two networks'}: {text}")
    for run in pair[:1]:
        rate, accuracy = (run.metrics.get(name, math.nan) for name in ("throughput/examples_per_s", "test/accuracy"))
        bench.note(what, f"{rate:,.0f} examples/s, {accuracy:.1%} of the test set right")


def _learned(run: Run) -> str:
    """The losses to their last bit."""
    return ", ".join(f"{name} {run.metrics[name]!r}" for name in LEARNED if name in run.metrics)
