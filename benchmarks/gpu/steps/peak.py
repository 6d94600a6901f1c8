"""Step j: the best rates beside the card's data sheet."""

from __future__ import annotations

from benchmarks.gpu.bench import Bench
from benchmarks.gpu.cards import FORMATS, card_named

GIB = 2**28
"""Elements of a float32 array of 1 GiB."""


def look(bench: Bench) -> None:
    name = bench.card["card"]
    card = card_named(name)
    formats = list(FORMATS) if bench.on_gpu else ["float64", "float32"]
    found = bench.check("peak", kind=bench.device, formats=formats, elements=bench.sized(GIB, GIB // 64))
    stated = (card.tflops | {"memory": card.gbytes_per_s}) if card else {}
    rows = []
    for one in found:
        if "problem" in one:
            bench.note(f"{one['what']} has no rate", one["problem"])
            continue
        what, unit = ("memory", "GB/s") if one["what"] == "memory" else (FORMATS[one["what"]], "TFLOP/s")
        peak = stated.get(one["what"])
        rows.append(
            {
                "what": what,
                "measured": f"{one['rate']:,.3g} {unit}",
                "by": one["route"],
                "data sheet": f"{peak:,g} {unit}" if peak else "-",
                "share": f"{one['rate'] / peak:.0%}" if peak else "-",
            }
        )
    bench.table("the best of a few calls; memory: the median", rows)
    if card:
        bench.note("data sheet", f"{card.source}: dense, at boost clock")
    elif bench.on_gpu:
        bench.note("data sheet", f"none is known for '{name}'; benchmarks/gpu/cards.py has those that are")
    else:
        bench.needs_gpu("shares of a card's data sheet")
