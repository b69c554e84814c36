"""What the simulation starts from, measured: shards in three states of an environment, plans, a large run."""

from __future__ import annotations

from collections import Counter
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import msgspec

from benchmarks import scaling_run, servers
from benchmarks.scaling_simulation import Cost
from tests.programs import databases
from tests.programs.local_aws import local_aws

if TYPE_CHECKING:
    from collections.abc import Iterator

    from benchmarks.scaling_run import Cycle, Fleet

SMALL, LARGE, ENVIRONMENTS = 2_000, 10_000, 4
_FLAGS = ("-memory.allowedBytes=1GiB",)


class Shard(msgspec.Struct, frozen=True):
    """One shard of 100 targets in one state of its environment.

    ``cpu_s`` is the environment's own, ``served_s`` what the programs around it took of the same cores,
    ``wait_s`` what is left of the time.
    """

    cpu_s: float
    served_s: float
    wait_s: float

    @property
    def here(self) -> Cost:
        """What it takes of this machine's cores."""
        return Cost(self.cpu_s + self.served_s, self.wait_s)


class Plan(msgspec.Struct, frozen=True):
    """Plans of so many targets; ``cold`` is the first of a process and of the state, ``warm`` a later one."""

    targets: int
    parameters: int
    cold_s: float
    cold_cpu_s: float
    warm_s: float
    warm_cpu_s: float
    rss_mb: float
    cold_calls: dict[str, int]
    warm_calls: dict[str, int]


class Large(msgspec.Struct, frozen=True):
    """The real run: seconds of its cycles, the cores that were left for them, and what they sent."""

    targets: int
    shards: int
    environments: int
    first_s: float
    second_s: float
    staggered_s: float
    staggered_plan_s: float
    cores: list[float]
    cpu_us: list[float]
    rss_mb: float
    samples: int


class Measured(msgspec.Struct, frozen=True):
    """Everything. ``first`` shards nobody has seen, ``anew`` another environment has, ``known`` this one."""

    first: Shard
    anew: Shard
    known: Shard
    alone: dict[int, float]
    alone_rss_mb: float
    init_rss_mb: float
    large: Large
    plans: list[Plan]
    machine: dict[str, str]


@contextmanager
def _fleet(targets: int, environments: int, shards: int = 0) -> Iterator[Fleet]:
    servers.raise_file_limit()
    with ExitStack() as stack:
        folder = Path(stack.enter_context(TemporaryDirectory(prefix="pushvar-bench-")))
        database = stack.enter_context(databases.victoria_metrics(folder, *_FLAGS))
        aws = stack.enter_context(local_aws(folder)).aws
        yield stack.enter_context(
            scaling_run.fleet(targets, environments, aws, database.write_url, folder, shards=shards)
        )


def shards(targets: int = SMALL) -> tuple[Shard, Shard, Shard]:
    """A shard that is new to the state, one that is new to its environment, one that is known."""
    with _fleet(targets, 2) as fleet:
        one, other = slice(0, 1), slice(1, 2)
        first = _shard(fleet.cycle(wait_for_all=True, by=one), skip=1)
        fleet.cycle(wait_for_all=True, by=one)
        known = _shard(fleet.cycle(wait_for_all=True, by=one), skip=0)
        return first, _shard(fleet.cycle(wait_for_all=True, by=other), skip=1), known


def _shard(cycle: Cycle, *, skip: int) -> Shard:
    """The mean of a cycle's shards, without the first ``skip``, in which a process warms up."""
    counted = cycle.forwards[skip:]
    began_s = counted[0].started_s if skip else 0.0
    cpu_s = fmean(one.cpu_s for one in counted)
    served_s = sum(cycle.others_cpu_s.values()) / len(cycle.forwards)
    each_s = (cycle.wall_s - began_s) / len(counted)
    return Shard(cpu_s, served_s, max(0.0, each_s - cpu_s - served_s))


def alone(sizes: tuple[int, ...] = (20, 100, 500)) -> tuple[dict[int, float], float, float]:
    """CPU seconds of one warm shard by its targets, memory of the largest, and of an idle environment."""
    cpu_s: dict[int, float] = {}
    for size in sizes:
        with _fleet(size, 1, shards=1) as fleet:
            cycles = [fleet.cycle() for _ in range(5)]
            cpu_s[size] = min(cycle.forwards[0].cpu_s for cycle in cycles[2:])
            rss_mb, idle_mb = cycles[-1].forwards[0].rss_mb, fleet.forwards[0].rss_mb
    return cpu_s, rss_mb, idle_mb


def large(targets: int = LARGE) -> Large:
    """Three cycles: two with all messages there, one as it is deployed. Raises Failed when anything lacks."""
    with _fleet(targets, ENVIRONMENTS) as fleet:
        cycles = [fleet.cycle(wait_for_all=True), fleet.cycle(wait_for_all=True), fleet.cycle()]
    for cycle in cycles:
        if cycle.scraped != targets:
            raise servers.Failed(f"{cycle.scraped} of {targets} targets answered")
    first, second, staggered = cycles
    return Large(
        targets=targets,
        shards=len(first.forwards),
        environments=ENVIRONMENTS,
        first_s=first.wall_s,
        second_s=second.wall_s,
        staggered_s=staggered.wall_s,
        staggered_plan_s=staggered.plan.wall_s,
        cores=[cycle.cores for cycle in cycles],
        cpu_us=[sum(one.cpu_s for one in cycle.forwards) / targets * 1e6 for cycle in cycles],
        rss_mb=max(one.rss_mb for one in staggered.forwards),
        samples=staggered.sent,
    )


def plan(targets: int) -> Plan:
    """Plans of so many targets that nobody fetches."""
    with TemporaryDirectory(prefix="pushvar-bench-") as name, local_aws(Path(name)) as local:
        folder = Path(name)
        with scaling_run.planned(targets, local.aws, folder) as (planner, parameters):
            made: list[Any] = [planner.cycle() for _ in range(3)]
    cold, warm = made[0], made[-1]
    calls = [dict(Counter(call for call, _ in one.calls)) for one in (cold, warm)]
    return Plan(targets, parameters, cold.wall_s, cold.cpu_s, warm.wall_s, warm.cpu_s, warm.rss_mb, *calls)


@dataclass(frozen=True, slots=True)
class Saved:
    """Where measurements are kept between runs."""

    path: Path

    def load(self) -> Measured:
        """What was measured last."""
        return msgspec.json.decode(self.path.read_bytes(), type=Measured)

    def store(self, measured: Measured) -> None:
        """Keep it."""
        self.path.write_bytes(msgspec.json.format(msgspec.json.encode(measured), indent=1) + b"\n")
