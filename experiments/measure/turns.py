"""Measuring several calls in turns, so that a slow moment of the machine affects all of them."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence

from experiments.measure.measurement import Measurement, joined
from experiments.measure.sampler import Sampler, garbage_collector_off
from experiments.runtime import alternation
from experiments.runtime.alternation import Alternation
from experiments.runtime.card_watch import CardWatch
from experiments.runtime.conditions import Conditions
from experiments.runtime.disturbance import Disturbance, since_start
from experiments.runtime.nvml import Card

OVER = object()
"""What a sampler's blocks have come to."""


class Turns:
    """The samplers of one point; each visit is one round of all of them."""

    def __init__(self, samplers: Mapping[str, Sampler], seed: str) -> None:
        """``samplers`` by name; ``seed`` decides the order within each round."""
        self._samplers = dict(samplers)
        self._seed, self._random = seed, random.Random(seed)
        self._before: Mapping[str, Sequence[Measurement]] = {}
        self._disturbance = Disturbance()
        self._watch = CardWatch()

    def go_on_from(self, before: Mapping[str, Sequence[Measurement]]) -> None:
        """Add to what earlier processes measured, by the samplers' names; each has all names."""
        self._before = before
        self._random.seed(f"{self._seed} {max(map(len, before.values()), default=0)}")  # another order in each process
        for name, measurements in before.items():
            self._samplers[name].go_on_from(measurements)

    def watch(self, card: Card | None) -> None:
        """Look at a card from here on: before, during and after each visit."""
        self._watch = CardWatch(card)
        for sampler in self._samplers.values():
            sampler.watch = CardWatch(card)

    @property
    def finished(self) -> bool:
        """Whether no visit is left to make."""
        return all(sampler.finished for sampler in self._samplers.values())

    @property
    def rounds_done(self) -> int:
        """Rounds that every sampler has completed."""
        measurements = self.own
        return 1 + min(one.samples[-1].round for one in measurements.values()) if measurements else 0

    def visit(self, place: float = 0.0) -> None:
        """Sample all calls for one round, one right after the other, in random order.

        Beside other processes each call makes a block before any makes the next. ``place`` is that of the point among
        all that these processes measure.
        """
        due = [sampler for sampler in self._samplers.values() if not sampler.finished]
        self._random.shuffle(due)
        company = alternation.present()
        self._watch.look("before")
        before, elsewhere = since_start(), company.elsewhere
        try:
            if company.has_company:
                _alternate(due, company, place)
            else:
                for sampler in due:
                    sampler.visit()
        finally:
            self._disturbance += (since_start() - before) - (company.elsewhere - elsewhere)
            self._watch.look("after")

    def free(self) -> None:
        """Drop the operands, so that the device's memory is free again."""
        for sampler in self._samplers.values():
            sampler.operands = ()

    @property
    def conditions(self) -> Conditions:
        """What else happened on the machine during this process's visits, and what was read off the card."""
        watches = {name: sampler.watch for name, sampler in self._samplers.items()}
        readings = [reading for watch in (self._watch, *watches.values()) for reading in watch.readings]
        energy = {name: watch.energy for name, watch in watches.items() if watch.energy.calls}
        return Conditions(self._disturbance, readings=tuple(readings), energy=energy)

    @property
    def own(self) -> dict[str, Measurement] | None:
        """The measurements of this process so far by the samplers' names; None until each has a sample."""
        found = {name: sampler.measurement for name, sampler in self._samplers.items()}
        measurements = {name: measurement for name, measurement in found.items() if measurement}
        return measurements if len(measurements) == len(found) else None

    @property
    def measurements(self) -> dict[str, Measurement] | None:
        """The measurements of all processes so far; None until each sampler of this one has a sample."""
        own = self.own
        if not own:
            return None
        return {name: joined([*self._before.get(name, ()), measurement]) for name, measurement in own.items()}


def _alternate(samplers: Sequence[Sampler], company: Alternation, place: float) -> None:
    with garbage_collector_off():
        going = [sampler.blocks() for sampler in samplers]
        for blocks in going:
            next(blocks)  # all is ready for the first block
        company.begin_visit(place)
        while going := [blocks for blocks in going if next(blocks, OVER) is not OVER]:
            company.after_block()
