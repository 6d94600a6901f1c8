"""Images per second of each execution, compared with PyTorch and JAX at their best: ``python -m benchmarks.training``.

It needs the extra ``peers`` and a C++ compiler, takes about ten minutes on an idle machine and writes to
benchmarks/README.md; ``--quick`` tries everything in a few minutes, and writes nothing. Every contestant has a process
of its own. They take turns epoch by epoch, so that a busy machine slows all of them.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import date

from benchmarks import readme
from benchmarks.__main__ import HERE, where
from benchmarks.contestant import Answering, Contestant, take_turns
from experiments.reporting.markdown import markdown_table
from runner.environment import package_version

BATCH = 128
GOALS = {"mlp": {"fit": 3.0, "PyTorch": 1.0, "JAX": 1.0}, "cnn": {"fit": 1.3, "PyTorch": 1.0, "JAX": 1.0}}
OURS, ONEDNN_OFF = ("fit", "epoch", "epoch_xla", "auto"), "device.onednn=false"


@dataclass(frozen=True)
class Peer:
    """One way to write the training by hand."""

    library: str
    way: str
    script: str
    words: tuple[str, ...] = ()
    networks: tuple[str, ...] = tuple(GOALS)
    most: int | None = None
    """The most images of an epoch, where one of all takes minutes."""

    @property
    def what(self) -> str:
        return f"{self.library}, {self.way}"


TORCH, JAX = "train_torch.py", "train_jax.py"
COMPILED = Peer("PyTorch", "compiled", TORCH, ("compile",))
PEERS = (
    Peer("PyTorch", "eager", TORCH),
    COMPILED,
    Peer("PyTorch", "channels last", TORCH, ("channels_last",), networks=("cnn",)),
    Peer("PyTorch", "compiled, channels last", TORCH, ("compile", "channels_last"), networks=("cnn",)),
    Peer("JAX", "scan", JAX, networks=("mlp",)),
    Peer("JAX", "scan", JAX, networks=("cnn",), most=512),
    Peer("JAX", "step", JAX, ("step",)),
)


@dataclass(frozen=True)
class Size:
    """How much is trained."""

    images: int
    rounds: dict[str, int]


FULL, QUICK = Size(8000, {"mlp": 15, "cnn": 7}), Size(512, {"mlp": 1, "cnn": 1})


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.training", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a single epoch of a few images each; write nothing")
    quick = parser.parse_args().quick
    figures = _figures(QUICK if quick else FULL)
    print(figures) if quick else readme.write("training", "benchmarks.training", figures)


def _figures(size: Size) -> str:
    rows: list[dict[str, str]] = []
    notes = list(_left_out())
    with Answering("the machine's peak", ("-m", "benchmarks.peak")) as peak:
        raced = {network: _race(network, peak, size) for network in GOALS}
    flops = json.loads(peak.told)
    for network, contestants in raced.items():
        rows += _rows(network, contestants, flops[network] / max(peak.answers))
        notes.append(
            f"- {network}, at their best: {'; '.join(_best(name, contestants).what for name in ('PyTorch', 'JAX'))}"
        )
        notes += [f"- {network}, {contestant.what}: {contestant.told}" for contestant in contestants if contestant.told]
    notes += [f"- {name}: {count / 1e6:.2f} million FLOP for each image of a step" for name, count in flops.items()]
    notes.append(f"- peak: {max(peak.answers) / 1e9:.0f} GFLOP/s, the best of {len(peak.answers)} readings in turn")
    peers = f"torch {package_version('torch')}, jax {package_version('jax')}"
    return f"Read on {date.today()}: {where()}, {peers}.\n\n{markdown_table(rows)}\n\n" + "\n".join(notes)


def _race(network: str, peak: Answering, size: Size) -> list[Contestant]:
    with ExitStack() as stack:
        contestants = [stack.enter_context(contestant) for contestant in _contestants(network, size.images)]
        take_turns([peak, *contestants], size.rounds[network])
    return contestants


def _contestants(network: str, images: int) -> Iterator[Contestant]:
    """Start the contestants one after the other, so that ``auto`` chooses undisturbed."""
    task, module = (network, str(images), str(BATCH)), ("-m", "benchmarks.train_execution")
    for name in OURS:
        yield Contestant(name, (*module, *task, name), images)
    yield Contestant(f"auto, {ONEDNN_OFF}", (*module, *task, "auto"), images, onednn=False)
    for peer in PEERS:
        if network in peer.networks and not ("compile" in peer.words and not _cxx()):
            count = min(images, peer.most or images)
            script = str(HERE / "handwritten" / peer.script)
            yield Contestant(peer.what, ("-u", script, network, str(count), str(BATCH), *peer.words), count)


def _cxx() -> str | None:
    """Return the C++ compiler with which torch.compile makes its kernels; None without one."""
    return shutil.which(os.environ.get("CXX", "g++"))


def _left_out() -> Iterator[str]:
    if not _cxx():
        yield f"- {COMPILED.what}: left out, as torch.compile finds no C++ compiler here (g++, or what CXX names)"


def _rows(network: str, contestants: Sequence[Contestant], share_of_one: float) -> Iterator[dict[str, str]]:
    """Yield a row for each; ``share_of_one`` is the part of the machine's peak that one image a second takes."""
    against = {name: _best(name, contestants) for name in GOALS[network]}
    for one in contestants:
        rates = one.rates
        yield {
            "network": network,
            "what": one.what,
            "images/s": f"{one.rate:,.0f}",
            "from - to": f"{min(rates):,.0f} - {max(rates):,.0f}",
            "epochs": str(len(rates)),
            "of peak": f"{one.rate * share_of_one:.1%}",
            **{
                f"over {'' if name in OURS else 'best '}{name} (goal)": f"{one.rate / other.rate:.2f} ({goal:g})"
                for (name, goal), other in zip(GOALS[network].items(), against.values(), strict=True)
            },
        }


def _best(name: str, contestants: Sequence[Contestant]) -> Contestant:
    """Return the contestant of that name, or the fastest way of that library."""
    return max((one for one in contestants if one.what.split(", ")[0] == name), key=lambda one: one.rate)


if __name__ == "__main__":
    main()
