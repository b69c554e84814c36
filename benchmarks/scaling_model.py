"""Fleets on Lambda by simulation, and what stops them: measurements, quotas and prices together. Pure."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from pushvar.collect.shards import TARGETS_PER_SHARD, shard_count, stagger_s
from pushvar.kit.cost import ITEMS, estimate
from pushvar.kit.cost_figures import Figures, share
from pushvar.kit.cost_prices import read_prices, standard_text
from pushvar.kit.cost_usage import Fleet

from benchmarks import workload
from benchmarks.scaling_simulation import Cost, Environment, Outcome, Place, cycle

if TYPE_CHECKING:
    from collections.abc import Callable

    from benchmarks.scaling_measure import Measured, Plan

TOLERANCE = 0.2
MEMORY_MB = 512
DEFAULT_CONCURRENCY, MOST_CONCURRENCY = 50, 1_000
PLAN_S, LATE_S = 50, 60
STARTS_AT, GROWS_PER_S = 5, 5
"""Environments that an event source mapping begins with, and how many it adds a second (300 a minute)."""
CYCLES = 3  # of which the last is shown: environments are warm then
CALL_S = {"ssm": 0.025, "dynamodb": 0.01, "s3": 0.03, "sqs": 0.01}
"""Seconds of one call, assumed; Parameter Store's by its quota of 40 a second."""

FIGURES = Figures()
PLAN_MB = int(FIGURES.plan_memory_mb)
PRICES = read_prices(standard_text(), source="prices.yml", needed=ITEMS)


class Agreement(NamedTuple):
    """One cycle of the real run beside what the simulation says of it, in seconds."""

    what: str
    real_s: float
    simulated_s: float

    @property
    def off(self) -> float:
        """How far the simulation is off, as a share of the real time."""
        return self.simulated_s / self.real_s - 1


class Limit(NamedTuple):
    """What ends growth: a quota or a time, and from how many targets on."""

    what: str
    limit: str
    targets: int
    remedy: str


@dataclass(frozen=True, slots=True)
class Size:
    """A fleet of so many targets in its steady state. Seconds, MB of 10^6 bytes, dollars a month."""

    targets: int
    shards: int
    parameters: int
    plan_s: float
    new_plan_s: float
    plan_mb: float
    default: Outcome
    most: Outcome
    samples_per_s: float
    own_usd: float
    usd: float


def agreements(measured: Measured) -> tuple[Agreement, ...]:
    """The real run again, simulated from what a small one showed: shards alone in one environment."""
    large = measured.large
    places = [Place(cores, 1.0, large.environments, 0.0, large.environments, 0.0) for cores in large.cores]
    fleet = [Environment() for _ in range(large.environments)]
    at_once = [0.0] * large.shards
    spread = [large.staggered_plan_s + stagger_s(shard, large.shards) for shard in range(large.shards)]

    def later(known: bool) -> Cost:  # noqa: FBT001 - the simulation asks so
        return (measured.known if known else measured.anew).here

    first = cycle(at_once, lambda _known: measured.first.here, places[0], fleet)
    second = cycle(at_once, later, places[1], fleet)
    third = cycle(spread, later, places[2], fleet)
    return (
        Agreement("the first cycle, all messages there at once", large.first_s, first.wall_s),
        Agreement("the second, all messages there at once", large.second_s, second.wall_s),
        Agreement("the third, messages staggered", large.staggered_s, third.wall_s),
    )


def size_of(targets: int, measured: Measured, *, wanted: int = 0) -> Size:
    """A fleet of so many targets; ``wanted`` shards, or as many as pushvar chooses."""
    shards = shard_count(targets, wanted)
    month = estimate(Fleet(targets, workload.SERIES, 60, shards, MEMORY_MB), PRICES, FIGURES, free_tier=True)
    return Size(
        targets=targets,
        shards=shards,
        parameters=parameters(targets, measured),
        plan_s=plan_s(shards, measured),
        new_plan_s=new_plan_s(targets, measured),
        plan_mb=plan_mb(targets, measured),
        default=simulated(targets, shards, measured, DEFAULT_CONCURRENCY),
        most=simulated(targets, shards, measured, MOST_CONCURRENCY),
        samples_per_s=targets * workload.SERIES / 60,
        own_usd=month.without_backend,
        usd=month.total,
    )


def simulated(targets: int, shards: int, measured: Measured, most: int) -> Outcome:
    """The steady cycle of a fleet on Lambda, where at most ``most`` environments work at once."""
    part = targets / shards / TARGETS_PER_SHARD  # of the shard that was measured
    wait_s = FIGURES.shard_wait(targets / shards, workload.SERIES)
    place = Place(
        math.inf, share(MEMORY_MB), min(STARTS_AT, most), GROWS_PER_S, most, FIGURES.init_cpu_s,
        max(1, FIGURES.kept_targets * shards // targets),
    )  # fmt: skip

    def costs(known: bool) -> Cost:  # noqa: FBT001 - the simulation asks so
        cpu_s = (measured.known if known else measured.anew).cpu_s
        return Cost(FIGURES.shard_cpu_s + (cpu_s - FIGURES.shard_cpu_s) * part, wait_s)

    begins_s = plan_s(shards, measured)
    sends = math.ceil(shards / 10)
    arrivals = [begins_s * (shard // 10 + 1) / sends + stagger_s(shard, shards) for shard in range(shards)]
    fleet: list[Environment] = []
    outcomes = [cycle(arrivals, costs, place, fleet) for _ in range(CYCLES)]
    return outcomes[-1]


def parameters(targets: int, measured: Measured) -> int:
    """How many parameters hold that many targets of the workload."""
    return math.ceil(_fit(targets, measured, lambda one: one.parameters))


def plan_mb(targets: int, measured: Measured) -> float:
    """Memory of plan."""
    return _fit(targets, measured, lambda one: one.rss_mb)


def plan_s(shards: int, measured: Measured) -> float:
    """Seconds of a plan without change on Lambda; it only sends messages."""
    return _on_lambda(
        shards * TARGETS_PER_SHARD, measured, lambda one: one.warm_cpu_s, lambda one: one.warm_calls
    )


def new_plan_s(targets: int, measured: Measured) -> float:
    """Seconds of the plan that reads a whole new tree and stores all its shards."""
    return _on_lambda(targets, measured, lambda one: one.cold_cpu_s, lambda one: one.cold_calls)


def limits(measured: Measured) -> tuple[Limit, ...]:
    """Everything that ends growth, what comes first first. Targets are the workload's, every 60 s."""

    def cycle_s(targets: int, most: int) -> float:
        return simulated(targets, shard_count(targets, 0), measured, most).wall_s

    def writes_per_s(targets: int) -> float:
        return shard_count(targets, 0) * FIGURES.shard_writes / 20

    rows: tuple[tuple[str, float, str, Callable[[int], float], str], ...] = (
        ("memory of plan", PLAN_MB, f"{PLAN_MB:,} MB (template)", lambda n: plan_mb(n, measured),
         "a larger PlanMemory"),
        ("a plan that reads a new tree and stores its shards", PLAN_S, f"{PLAN_S} s (its timeout)",
         lambda n: new_plan_s(n, measured), "a larger PlanMemory, higher throughput of Parameter Store"),
        ("a plan without change", PLAN_S, f"{PLAN_S} s (its timeout)",
         lambda n: plan_s(shard_count(n, 0), measured),
         "larger shards: fewer messages"),
        ("standard parameters of an account and region", 10_000, "10,000 (quota)",
         lambda n: parameters(n, measured), "target groups from files or an HTTP service, or another region"),
        (f"a cycle with MaximumConcurrency {DEFAULT_CONCURRENCY}", LATE_S, f"{LATE_S} s (then late)",
         lambda n: cycle_s(n, DEFAULT_CONCURRENCY), "MaximumConcurrency up to 1,000"),
        (f"a cycle with MaximumConcurrency {MOST_CONCURRENCY:,}", LATE_S, f"{LATE_S} s (then late)",
         lambda n: cycle_s(n, MOST_CONCURRENCY), "more memory, or a second deployment"),
        ("samples a second into one workspace", 70_000, "70,000 (quota)",
         lambda n: n * workload.SERIES / 60, "a higher quota, more workspaces, fewer series"),
        ("active series of one workspace", 10_000_000, "10 M (quota)", lambda n: n * workload.SERIES,
         "a higher quota, more workspaces, fewer series"),
        ("shards that the parameter Shards takes", 10_000, "10,000 (template)",
         lambda n: shard_count(n, 0), "larger shards"),
        ("writes a second of a new table", 4_000, "4,000 (on demand, doubles with use)", writes_per_s,
         "none needed: it grows with the fleet"),
    )  # fmt: skip
    found = [Limit(what, words, _reached(value, most), remedy) for what, most, words, value, remedy in rows]
    return tuple(sorted(found, key=lambda one: one.targets))


def _reached(value: Callable[[int], float], limit: float) -> int:
    """From how many targets on a growing value is above a limit, in steps of one part in fifty."""
    low, high = 1, 1_000
    while value(high) <= limit:
        low, high = high, high * 2
    while high - low > max(1, low // 50):
        middle = (low + high) // 2
        low, high = (low, middle) if value(middle) > limit else (middle, high)
    return high


def _fit(targets: int, measured: Measured, value: Callable[[Plan], float]) -> float:
    """A straight line through the smallest and the largest plan that was measured."""
    first, last = measured.plans[0], measured.plans[-1]
    slope = (value(last) - value(first)) / (last.targets - first.targets)
    return value(first) + (targets - first.targets) * slope


def _on_lambda(
    targets: int,
    measured: Measured,
    cpu_s: Callable[[Plan], float],
    calls: Callable[[Plan], dict[str, int]],
) -> float:
    def waits(one: Plan) -> float:
        return sum(CALL_S[name.partition(".")[0]] * count for name, count in calls(one).items())

    return max(0.0, _fit(targets, measured, cpu_s)) / share(PLAN_MB) + max(
        0.0, _fit(targets, measured, waits)
    )
