"""What it costs to train on examples that stay on disk."""

from __future__ import annotations

import statistics
from dataclasses import dataclass, replace

import numpy as np

from experiments.training.execution.execution import Execution

MOST_BYTES = 2**24
"""How much is held in memory to measure what streaming costs."""

MOST_STEPS = 16
"""How many steps are measured at a time."""

ROUNDS = 3
"""... and how often."""


@dataclass(frozen=True)
class StreamingCost:
    """The speed of training on examples from disk and from memory."""

    streamed: float
    """Examples per second; the median over a few blocks of steps."""
    resident: float
    examples: int
    """The number of examples that were trained on at a time."""

    @property
    def in_words(self) -> str:
        """Return the two speeds as a sentence."""
        return (
            f"Examples are read from disk while it trains: {self.streamed:,.0f} examples/s, against "
            f"{self.resident:,.0f} with {self.examples:,} of them in memory."
        )


def cost_of_streaming(from_disk: Execution) -> StreamingCost | None:
    """Train for a few steps on examples from disk and on as many in memory, which is then undone.

    Return None where so few examples fit into :data:`MOST_BYTES` that the time would be that of the call.
    """
    task = from_disk.task
    size, count = task.batch_size, len(task.x)
    steps = max(min(MOST_STEPS, count // size), 1)
    examples = min(steps * size, count)
    if examples * task.x[0].nbytes > MOST_BYTES:
        return None
    # Each round reads others, as an epoch does: those that have been read are in the system's cache.
    rounds = np.resize(np.random.default_rng(0).permutation(count), (ROUNDS + 1, examples))
    in_memory = type(from_disk)(replace(task, x=task.x[rounds[0]], y=task.y[rounds[0]]))
    streamed, resident = [], []
    with task.state.kept():
        for rows in rounds:
            streamed.append(from_disk.run_epoch(rows).seconds)
            resident.append(in_memory.run_epoch(np.arange(examples)).seconds)
    # The first round compiles.
    from_there, from_here = (examples / statistics.median(seconds[1:]) for seconds in (streamed, resident))
    return StreamingCost(from_there, from_here, examples)
