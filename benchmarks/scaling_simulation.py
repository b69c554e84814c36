"""A cycle as discrete events: messages come staggered, environments take them, cores are shared or not. Pure.

Two places are the same code with other numbers: this machine, where all environments and the programs around
them share its cores, and Lambda, where each environment has a share of a core of its own and starts cold when
none is free. Durations do not scatter: what is late here is late because of queues.
"""

from __future__ import annotations

import heapq
import math
import random
from collections import OrderedDict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

_SEED = 8


@dataclass(frozen=True, slots=True)
class Cost:
    """What one shard takes: CPU seconds of a whole core, and seconds in which nobody of us works."""

    cpu_s: float
    wait_s: float


@dataclass(frozen=True, slots=True)
class Place:
    """Where environments run.

    ``cores`` are shared by all (infinite on Lambda), ``share`` of one is what an environment gets at most.
    At first ``concurrency`` environments may work at once, ``growth_per_s`` more each second, never more than
    ``most``. A new environment takes ``init_s`` first. Each keeps the last ``kept`` shards compiled.
    """

    cores: float
    share: float
    concurrency: int
    growth_per_s: float
    most: int
    init_s: float
    kept: int = 64


@dataclass(slots=True)
class Environment:
    """One environment: the shards that it has compiled, the latest last."""

    known: OrderedDict[int, None] = field(default_factory=OrderedDict)


@dataclass(frozen=True, slots=True)
class Outcome:
    """A cycle: when the last shard was done (seconds from the start of plan), and what it took.

    ``queued_s`` is the longest that a message waited for an environment.
    """

    wall_s: float
    busiest: int
    environments: int
    cold_starts: int
    queued_s: float


def cycle(
    arrivals_s: list[float],
    costs: Callable[[bool], Cost],
    place: Place,
    fleet: list[Environment],
) -> Outcome:
    """Run one cycle; shard number ``n`` can be taken at ``arrivals_s[n]``.

    ``costs(known)`` is what a shard takes in an environment that has it compiled, or not. ``fleet`` are the
    environments that are warm; new ones join it.
    """
    return _Cycle(arrivals_s, costs, place, fleet).run()


class _Cycle:
    def __init__(
        self, arrivals_s: list[float], costs: Callable[[bool], Cost], place: Place, fleet: list[Environment]
    ) -> None:
        self.arrivals = sorted((at, shard) for shard, at in enumerate(arrivals_s))
        self.costs, self.place, self.fleet = costs, place, fleet
        self.idle = list(fleet)
        self.dice = random.Random(_SEED)
        self.now, self.busy, self.busiest, self.cold, self.queued = 0.0, 0, 0, 0, 0.0
        self.order = 0
        self.heap: list[tuple[float, int, float, Environment]] = []
        self.running: dict[int, tuple[float, Environment]] = {}

    def run(self) -> Outcome:
        position = 0
        while position < len(self.arrivals) or self.busy:
            while (
                position < len(self.arrivals)
                and self.arrivals[position][0] <= self.now
                and self.busy < self._allowed()
            ):
                at, shard = self.arrivals[position]
                self.queued = max(self.queued, self.now - at)
                self._begin(shard)
                position += 1
            self._advance(self.arrivals[position][0] if position < len(self.arrivals) else math.inf)
        return Outcome(self.now, self.busiest, len(self.fleet), self.cold, self.queued)

    def _allowed(self) -> int:
        place = self.place
        return min(place.most, int(place.concurrency + place.growth_per_s * self.now + 1e-9))

    def _begin(self, shard: int) -> None:
        """Give a shard to a free environment, or to a new one; it waits first and computes then."""
        init_s = 0.0
        if self.idle:
            environment = self.idle.pop(self.dice.randrange(len(self.idle)))
        else:
            environment, init_s = Environment(), self.place.init_s
            self.fleet.append(environment)
            self.cold += 1
        known = shard in environment.known
        environment.known[shard] = None
        environment.known.move_to_end(shard)
        if len(environment.known) > self.place.kept:
            environment.known.popitem(last=False)
        self.busy += 1
        self.busiest = max(self.busiest, self.busy)
        cost, apart = self.costs(known), self.place.cores == math.inf
        waits_s = init_s + cost.wait_s + (cost.cpu_s / self.place.share if apart else 0.0)
        self.order += 1
        item = (self.now + waits_s, self.order, 0.0 if apart else cost.cpu_s, environment)
        heapq.heappush(self.heap, item)

    def _advance(self, arrival: float) -> None:
        """Go to the next moment at which something changes."""
        rate = self.place.share
        ends, first = math.inf, 0
        if self.running:
            rate = min(rate, self.place.cores / len(self.running))
            first = min(self.running, key=lambda one: self.running[one][0])
            ends = self.now + self.running[first][0] / rate
        wakes = self.heap[0][0] if self.heap else math.inf
        moment = min(ends, wakes, arrival if arrival > self.now else self._grows())
        done = (moment - self.now) * rate
        self.running = {one: (left - done, where) for one, (left, where) in self.running.items()}
        self.now = moment
        if moment == ends:
            self._end(self.running.pop(first)[1])
        elif moment == wakes:
            self._wake(*heapq.heappop(self.heap)[1:])

    def _grows(self) -> float:
        """When one environment more may work, for those who wait for one."""
        place = self.place
        if self.busy >= place.most or not place.growth_per_s:
            return math.inf
        return max(self.now, (self._allowed() + 1 - place.concurrency) / place.growth_per_s)

    def _wake(self, number: int, cpu_s: float, environment: Environment) -> None:
        if cpu_s:
            self.running[number] = (cpu_s, environment)
        else:
            self._end(environment)

    def _end(self, environment: Environment) -> None:
        self.busy -= 1
        self.idle.append(environment)
