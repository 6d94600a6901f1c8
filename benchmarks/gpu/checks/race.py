"""Images per second of one network: every execution, and PyTorch and JAX where they are installed.

As ``python -m benchmarks.training``, with fewer rounds, and with all but ``auto`` starting side by side: nothing is
timed until all are ready. A contestant that does not come up is told, and costs the others nothing.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from importlib.util import find_spec
from typing import Any

from benchmarks.__main__ import HERE
from benchmarks.contestant import Contestant, take_turns
from benchmarks.training import BATCH

PEERS = {"PyTorch, eager": ("torch", "train_torch.py"), "JAX, scan": ("jax", "train_jax.py")}


def main(network: str, device: str, executions: list[str], count: int, rounds: int) -> None:
    makers = {name: _ours(network, name, device, count) for name in executions}
    for what, (module, script) in PEERS.items():
        if find_spec(module):
            makers[what] = _peer(network, what, script, device, count)
        else:
            _tell(what=what, problem="not installed")
    with ExitStack() as stack:
        contestants = [stack.enter_context(one) for one in _start(makers)]
        take_turns(contestants, rounds)
        for contestant in contestants:
            _tell(what=contestant.what, rate=contestant.rate, rates=contestant.rates, told=contestant.told)


def _start(makers: dict[str, Callable[[], Contestant]]) -> list[Contestant]:
    """Start all side by side, then ``auto`` alone: it chooses by the clock."""
    together = {what: make for what, make in makers.items() if what != "auto"}
    with ThreadPoolExecutor(max(len(together), 1)) as pool:
        started = list(pool.map(lambda named: _started(*named), together.items()))
    if "auto" in makers:
        started.append(_started("auto", makers["auto"]))
    return [contestant for contestant in started if contestant]


def _started(what: str, make: Callable[[], Contestant]) -> Contestant | None:
    try:
        return make()
    except RuntimeError as error:
        _tell(what=what, problem=str(error))
        return None


def _ours(network: str, name: str, device: str, count: int) -> Callable[[], Contestant]:
    return _contestant(name, ("-m", "benchmarks.train_execution"), network, count, (name, device))


def _peer(network: str, what: str, script: str, device: str, count: int) -> Callable[[], Contestant]:
    return _contestant(what, ("-u", str(HERE / "handwritten" / script)), network, count, (device,))


def _contestant(
    what: str, program: tuple[str, ...], network: str, count: int, words: tuple[str, ...]
) -> Callable[[], Contestant]:
    command = (*program, network, str(count), str(BATCH), *words)
    return lambda: Contestant(what, command, count, stderr=None)


def _tell(**found: Any) -> None:
    print(json.dumps(found), flush=True)


if __name__ == "__main__":
    main(**json.loads(sys.argv[1]))
