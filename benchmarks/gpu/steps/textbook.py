"""Step b: the textbook's figure for inner and square products, what each number format reaches, what copying costs."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from benchmarks.gpu.bench import Bench, Done
from benchmarks.gpu.cards import FORMATS, Card, card_named
from benchmarks.gpu.stored import Run

Rows = list[dict[str, str]]


def look(bench: Bench) -> None:
    small = bench.sized("16,32,64,128,256,512,1024,2048,4096,8192", "16,64,128")
    square = ("experiment.shape=square", f"experiment.sizes=[{small}]")
    _curves(bench, "inner", bench.sized((), ("experiment.sizes=[1,100,10000]",)))
    if bench.on_gpu:
        _curves(bench, "square", square)
        jobs = _formats(bench, "device.tf32=false,true") + _formats(bench, "experiment.dtype=bfloat16,float16")
        _transfers(bench)
    else:
        jobs = _curves(bench, "square", (*square, "experiment.dtype=float32,bfloat16")).jobs
        bench.needs_gpu("where the GPU's curve crosses the CPU's", "float32 with TF32 against without", "float16")
        bench.needs_gpu("what copying operands to the card and the result back costs")
    card = card_named(bench.card["card"])
    rows = [row for run in jobs for row in _best(run, card)]
    bench.table("square products: the best rate of each number format", rows)


def _curves(bench: Bench, name: str, words: tuple[str, ...]) -> Done:
    """The preset's sweep; on a CPU without its GPU."""
    device = () if bench.on_gpu else ("device=cpu",)
    timing = bench.timing("experiment.timing.max_seconds=1")
    done = bench.runner("-m", "+preset=cpu_vs_gpu", *device, *words, *timing, "sweep.refine_seconds=20")
    bench.judge_jobs(done, f"{name} product: every job ends")
    bench.table(f"{name} product: medians", _side_by_side(done.jobs))
    if len(done.jobs) > 1:
        bench.plot(done.sweep, "comparison_time", f"{name}_time")
    else:
        bench.plot(done.job, "time", f"{name}_time")
    if bench.on_gpu:
        _crossover(bench, name, done.sweep)
    return done


def _crossover(bench: Bench, name: str, sweep: Run) -> None:
    rows = sweep.rows("crossover")
    bench.judge(f"{name} product: the two curves are compared", bool(rows), f"{len(rows)} pair")
    for row in rows:
        place = (
            f"{row['outcome']}; at the largest n {row['faster'] or 'neither'} leads, {_number(row['speedup'])} times"
        )
        if row["n"]:
            ends = f"{_number(row['ci_low_n'])} to {_number(row['ci_high_n'])}"
            place += f"; from n = {_number(row['n'])} on (95 % interval {ends})"
        bench.note(f"{name} product: crossover of {row['first']} and {row['second']}", place)


def _side_by_side(jobs: Sequence[Run]) -> Iterator[dict[str, str]]:
    """One row a size, three columns a job."""
    curves = {_name(run): {row["n"]: row for row in _measured(run)} for run in jobs}
    for n in sorted({n for rows in curves.values() for n in rows}, key=int):
        cells = {"n": f"{int(n):,}"}
        for name, rows in curves.items():
            row = rows.get(n)
            cells[name] = f"{float(row['median_us']):,.4g} µs" if row else "-"
            cells[f"{name}, GB/s"] = _number(row["gbytes_per_s"]) if row else "-"
            cells[f"{name}, GFLOP/s"] = _number(row["gflops"]) if row else "-"
        yield cells


def _name(run: Run) -> str:
    transfer = run.param("experiment.transfer")
    copied = "" if transfer == "none" else f", {transfer.replace('_', ' ')} copied"
    return f"{run.tag('device.actual')} {run.param('experiment.dtype')}{copied}"


def _formats(bench: Bench, asked: str) -> list[Run]:
    """Large square products on the GPU, up to what fits; each size in one process."""
    sizes = bench.sized("1024,4096,8192,16384,32768", "64,128")
    timing = bench.timing("experiment.timing.processes=1", "experiment.timing.max_seconds=1")
    words = ("experiment.shape=square", f"experiment.sizes=[{sizes}]", *timing, "sweep.refine=false")
    done = bench.runner("-m", "device=gpu", asked, *words)
    bench.judge_jobs(done, f"square products with {asked}: every job ends")
    return done.jobs


def _transfers(bench: Bench) -> None:
    """Square products whose operands begin in the host's memory."""
    timing = bench.timing("experiment.timing.processes=1", "experiment.timing.max_seconds=0.5")
    words = ("experiment.shape=square", "experiment.sizes=[64,256,1024,4096]", *timing, "sweep.refine=false")
    asked = "experiment.transfer=none,operands,operands_and_result"
    done = bench.runner("-m", "device=gpu", asked, *words)
    bench.judge_jobs(done, "square products with copying: every job ends")
    bench.table("square products: medians with what is copied in each call", _side_by_side(done.jobs))


def _best(run: Run, card: Card | None) -> Iterator[dict[str, str]]:
    """The size with the highest rate, beside the data sheet, and the sizes that are missing; nothing if all are."""
    measured = _measured(run)
    if not measured:
        return
    best = max(measured, key=lambda row: float(row["gflops"]))
    name = "tf32" if run.param("device.tf32").lower() == "true" else run.param("experiment.dtype")
    stated = card.tflops.get(name) if card else None
    rate = float(best["gflops"]) / 1e3
    left_out = [f"n={row['n']}: {row['status']}" for row in run.rows() if row not in measured]
    yield {
        "number format": FORMATS[name],
        "TFLOP/s": f"{rate:.3g}",
        "at n": f"{int(best['n']):,}",
        "data sheet": f"{stated:g}" if stated else "-",
        "share": f"{rate / stated:.0%}" if stated else "-",
        "clock": f"{_number(best.get('gpu_clock_mhz_during', ''))} MHz",
        "power": f"{_number(best.get('gpu_watts_during', ''))} W",
        "largest n measured": f"{max(int(row['n']) for row in measured):,}",
        "left out": "; ".join(left_out) or "-",
    }


def _measured(run: Run) -> Rows:
    return [row for row in run.rows() if row["status"] == "measured"]


def _number(text: str) -> str:
    return f"{float(text):,.3g}" if text else "-"
