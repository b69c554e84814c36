"""What became of the samples of one row, by the logs of targets and receiver and by the state file.

Nothing here asks the program but for one thing: what it says it dropped, and how many cycles it says died.
"""

from __future__ import annotations

import json
import sqlite3
from collections import Counter
from contextlib import closing
from dataclasses import dataclass
from itertools import takewhile
from typing import TYPE_CHECKING

import snappy
from pushvar.wire.proto.prometheus_v1_pb2 import WriteRequest

from tests.programs.stepping_targets import JOBS, NAMES, SAMPLES, step_of, value_of
from tests.programs.storing_receiver import is_stale

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.e2e.fault_scene import Scene
    from tests.programs.storing_receiver import Labels

Key = tuple[str, "Labels", int]
"""A sample: its backend, its series, its time in ms."""

_FETCH_MS = 2_000


@dataclass(frozen=True, slots=True)
class Outcome:
    """One line of the table; ``dropped`` by reason, ``lost_cycles`` as the program reported them.

    ``held`` is what the spool holds, ``spooled`` what of it the receiver has not: an answer may be lost.

    ``told`` is what the program says it delivered, ``waiting`` what it says waits, ``counters`` what its
    state file says it dropped, ``counted_cycles`` how many cycles that says died, ``errors`` why. ``times``
    has, of each request, the cycle and the moment (s), ``behind`` how many samples of each job came later
    than their cycle, ``ended`` the times of the markers at the end of the series that was to end.
    """

    offered: int
    delivered: int
    spooled: int
    held: int
    dropped: dict[str, int]
    lost_cycles: int
    requests: int
    untrue: tuple[str, ...]
    violations: tuple[str, ...]
    told: int
    waiting: int
    counters: dict[str, int]
    counted_cycles: int
    times: tuple[tuple[int, float], ...]
    attempts: tuple[str, ...]
    errors: tuple[str, ...]
    ended: tuple[int, ...]
    behind: dict[str, int]

    @property
    def missing(self) -> int:
        """What was offered and is neither delivered nor waiting nor counted as dropped."""
        return self.offered - self.delivered - self.spooled - sum(self.dropped.values())

    @property
    def row(self) -> tuple[int | str, ...]:
        """Offered, delivered, spooled, dropped by reason, lost with a process, requests."""
        dropped = ", ".join(f"{reason} {count}" for reason, count in self.dropped.items())
        return self.offered, self.delivered, self.spooled, dropped, self.missing, self.requests


def outcome_of(scene: Scene) -> Outcome:
    """Count a row after its last cycle."""
    delivered, spooled = set(_delivered(scene)), set(_spooled(scene.state))
    backends = [one for report in scene.reports for one in report["backends"]]
    dropped: Counter[str] = Counter()
    for one in backends:
        dropped.update(one["dropped"])
    receiver, waiting = scene.receiver, {one["backend"]: one["waiting"] for one in backends}
    return Outcome(
        offered=len(scene.targets.log) * SAMPLES * (2 if scene.fault.beside else 1),
        delivered=len(delivered),
        spooled=len(spooled - delivered),
        held=len(spooled),
        dropped=dict(sorted(dropped.items())),
        lost_cycles=sum(report["lost_cycles"] for report in scene.reports),
        requests=len(receiver.at_s),
        untrue=tuple(_untrue(scene)),
        violations=tuple(receiver.violations),
        told=sum(one["sent"] + one["replayed"] for one in backends),
        waiting=sum(waiting.values()),
        counters=_counted(scene.state, "pushvar_samples_dropped_total"),
        counted_cycles=sum(_counted(scene.state, "pushvar_cycles_lost_total").values()),
        times=tuple(zip(receiver.cycles, receiver.at_s, strict=True)),
        attempts=tuple(head.get("Retry-Attempt", "") for head in receiver.headers),
        errors=tuple({text: None for one in backends for text in (one["error"], *one["notes"]) if text}),
        ended=tuple(_markers_at_the_end(scene)),
        behind=Counter(_late(scene)),
    )


def _counted(state: Path, name: str) -> dict[str, int]:
    """What the head of the shard has counted over all runs, by reason."""
    with closing(sqlite3.connect(f"file:{state}?mode=ro", uri=True)) as connection:
        (text,) = connection.execute("SELECT counters FROM shards").fetchone()
    found: Counter[str] = Counter()
    for key, number in json.loads(text).items():
        if key.partition("{")[0] == name and number:
            found[key.rpartition('reason="')[2].partition('"')[0]] += int(number)
    return dict(sorted(found.items()))


def _delivered(scene: Scene) -> Iterator[Key]:
    for labels, times in scene.receiver.stored.items():
        if dict(labels)["job"] in JOBS:
            for time_ms in times:
                yield "main", labels, time_ms


def _late(scene: Scene) -> Iterator[str]:
    """The job of each sample that arrived in a later cycle than that of its document."""
    receiver = scene.receiver
    for (labels, time_ms), cycle in receiver.stored_in.items():
        found, value = dict(labels), receiver.stored[labels][time_ms]
        if found["__name__"] in NAMES and not is_stale(value) and step_of(value) < cycle:
            yield found["job"]


def _markers_at_the_end(scene: Scene) -> Iterator[int]:
    for labels, times in scene.receiver.stored.items():
        found = dict(labels)
        if scene.fault.ends and (found["job"], found["__name__"]) == (JOBS[-1], NAMES[-1]):
            newest_first = sorted(times.items(), reverse=True)
            yield from (time_ms for time_ms, _ in takewhile(lambda one: is_stale(one[1]), newest_first))


def _spooled(state: Path) -> Iterator[Key]:
    """What waits in the state file, read without our code."""
    with closing(sqlite3.connect(f"file:{state}?mode=ro", uri=True)) as connection:
        for lane, body in connection.execute("SELECT lane, body FROM spool"):
            for series in WriteRequest.FromString(snappy.decompress(body)).timeseries:
                labels = tuple((label.name, label.value) for label in series.labels)
                if dict(labels)["job"] in JOBS:
                    for sample in series.samples:
                        yield lane.partition("|")[0], labels, sample.timestamp


def _untrue(scene: Scene) -> Iterator[str]:
    """Samples that are not what a target served at their time."""
    asked_ms = {(one.job, one.step): one.asked_ms for one in scene.targets.log}
    steps: dict[tuple[str, int], int] = {}
    for labels, times in scene.receiver.stored.items():
        found = dict(labels)
        job, name = found["job"], found["__name__"]
        own = {time_ms: value for time_ms, value in times.items() if name in NAMES and not is_stale(value)}
        for time_ms, value in own.items():
            step = step_of(value)
            began_ms = asked_ms.get((job, step), 0)
            same = steps.setdefault((job, time_ms), step) == step
            if not same or value != value_of(step, name) or not 0 <= began_ms - time_ms < _FETCH_MS:
                yield f"{name} of {job} is {value} at {time_ms}; its document was served at {began_ms}"
