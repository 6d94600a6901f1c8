"""Step a: what TensorFlow and the driver see."""

from __future__ import annotations

from typing import Any

from benchmarks.gpu.bench import Bench


def look(bench: Bench) -> None:
    (found,) = bench.check("sees")
    card = found["gpus"][0] if found["gpus"] and bench.on_gpu else {"name": "", "compute_capability": ""}
    driver = found["driver"][0] if found["driver"] and bench.on_gpu else {}
    bench.outcome.facts = {
        "card": card["name"],
        "cards": len(found["gpus"]) if bench.on_gpu else 0,
        "memory_bytes": driver.get("memory_bytes", 0),
        "found": found,
    }
    if bench.on_gpu:
        bench.judge("TensorFlow sees a GPU", bool(found["gpus"]), ", ".join(found["devices"]))
        bench.judge("the driver answers", bool(driver), _driver_in_words(driver))
        bench.note("card", f"{card['name']}, compute capability {card['compute_capability']}")
        bench.note("CUDA libraries in the process", ", ".join(found["cuda_libraries"]) or "none before the first use")
    else:
        bench.note("devices", ", ".join(found["devices"]))
        bench.needs_gpu("the driver and its libraries")
    _machine(bench, found)


def _machine(bench: Bench, found: dict[str, Any]) -> None:
    built, machine = found["built_for"], found["machine"]
    cuda = ", ".join(f"{name} {built[key]}" for name, key in CUDA.items() if key in built) or "without CUDA"
    bench.note("TensorFlow", f"{found['tensorflow']}, built {cuda}")
    memory = machine["memory_bytes"] / 2**30
    bench.note("machine", f"{machine['cpu']}, {machine['usable_cores']} cores, {memory:.0f} GiB, {found['system']}")
    packages = ", ".join(f"{name} {version or 'missing'}" for name, version in found["packages"].items())
    bench.note("packages", f"Python {found['python']}, {packages}")
    code = found["code"]
    changes = {True: " with changes", False: "", None: ""}[code["dirty"]]
    bench.note("code", f"{(code['commit'] or 'no checkout')[:12]}{changes}")


CUDA = {"for CUDA": "cuda_version", "cuDNN": "cudnn_version"}


def _driver_in_words(driver: dict[str, Any]) -> str:
    if not driver:
        return "NVML does not answer; is nvidia-ml-py installed?"
    gib = driver["memory_bytes"] / 2**30
    return (
        f"{driver['driver']}, {gib:.1f} GiB, {driver['clock_mhz']} MHz and {driver['celsius']} degrees before the start"
    )
