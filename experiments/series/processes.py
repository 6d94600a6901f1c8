"""What a process hands on to the next one, which measures the same points again."""

from __future__ import annotations

import json
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from experiments.measure import Measurement, Sample
from experiments.measure.measurement import joined
from experiments.runtime.conditions import Conditions

Key = TypeVar("Key", bound=Hashable)


@dataclass(frozen=True)
class PointPart:
    """What one process found at one key."""

    facts: Mapping[str, Any]
    """What is known of the point beside its measurements."""
    measurements: Mapping[str, Measurement]
    """The measurements of this process by the names of the calls."""
    conditions: Conditions
    """What was read of the machine meanwhile."""


@dataclass(frozen=True)
class Part(Generic[Key]):
    """What one process found."""

    points: Mapping[Key, PointPart]
    not_measured: Mapping[Key, str]
    """The reason for each key that has no point."""

    def to_bytes(self) -> bytes:
        """Return the part as JSON."""
        content = {
            "points": [
                {
                    "key": key,
                    "facts": dict(one.facts),
                    "calls": {name: _plain(measurement) for name, measurement in one.measurements.items()},
                    **one.conditions.plain(),
                }
                for key, one in self.points.items()
            ],
            "not_measured": list(self.not_measured.items()),
        }
        return (json.dumps(content) + "\n").encode()

    @classmethod
    def from_bytes(cls, content: bytes) -> Part[Key]:
        """Read a part that :meth:`to_bytes` wrote."""
        found = json.loads(content)
        points = {
            one["key"]: PointPart(
                one["facts"],
                {name: _measurement(call) for name, call in one["calls"].items()},
                Conditions.from_plain(one),
            )
            for one in found["points"]
        }
        return cls(points, dict(found["not_measured"]))


@dataclass(frozen=True)
class Before(Generic[Key]):
    """What the processes before this one found, in their order."""

    parts: Sequence[Part[Key]] = ()

    @property
    def processes(self) -> int:
        return len(self.parts)

    @property
    def keys(self) -> list[Key]:
        """The keys with a point."""
        return list(dict.fromkeys(key for part in self.parts for key in part.points))

    @property
    def not_measured(self) -> dict[Key, str]:
        """The reason for each key that has no point."""
        return {key: reason for part in self.parts for key, reason in part.not_measured.items()}

    def facts(self, key: Key) -> Mapping[str, Any]:
        """Return what is known of a key's point beside its measurements."""
        return self._of(key)[-1].facts

    def measurements(self, key: Key) -> dict[str, list[Measurement]]:
        """Return the processes' measurements at a key by the names of the calls; none where it has no point."""
        parts = self._of(key)
        return {name: [part.measurements[name] for part in parts] for name in (parts[0].measurements if parts else ())}

    def joined(self, key: Key) -> dict[str, Measurement]:
        """Return the measurements at a key, those of all processes in one."""
        return {name: joined(measurements) for name, measurements in self.measurements(key).items()}

    def conditions(self, key: Key) -> Conditions:
        """Return the conditions under which a key was measured."""
        return sum((part.conditions for part in self._of(key)), Conditions())

    def _of(self, key: Key) -> list[PointPart]:
        return [part.points[key] for part in self.parts if key in part.points]


def _plain(measurement: Measurement) -> dict[str, Any]:
    return {
        "first_call": measurement.first_call,
        "latency": measurement.latency,
        "stopped": measurement.stopped,
        "samples": [[one.round, one.calls, one.seconds, one.cycle] for one in measurement.samples],
    }


def _measurement(plain: Mapping[str, Any]) -> Measurement:
    samples = tuple(
        Sample(number, calls, seconds, cycle=cycle[0] if cycle else None)  # older runs had no cycles
        for number, calls, seconds, *cycle in plain["samples"]
    )
    return Measurement(samples, plain["first_call"], plain["latency"], plain["stopped"])
