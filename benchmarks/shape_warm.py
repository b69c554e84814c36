"""Lambda's case: a container that knows the shape and has never met the targets, beside one that knows both.

A queue hands a shard to any container, so that of a fleet is shape-warm at least, and plan-warm only by luck.
Half of the targets have taught the container their shape; the other half are the shard that now comes: its
documents are converted and packed into requests. Before anything is timed the requests are compared.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from pushvar.convert import plan as plans
from pushvar.convert.converter import Converter
from pushvar.convert.health import health_values
from pushvar.convert.mapping import built_in
from pushvar.deliver.batches import cut
from pushvar.model import Scrape

from benchmarks import encode, workload
from benchmarks.alone import command
from benchmarks.measure import Spread, cpu_s, in_turns, ratios, settle, spread
from benchmarks.series import Different, Fleet, decoded, demand_same
from benchmarks.tables import Section, least_to_most, times

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from pushvar.convert.plan import Stamp

ROUNDS = 15
COLD, SHAPE_WARM, PLAN_WARM = "cold", "shape_warm", "plan_warm"
WORDS = {
    PLAN_WARM: "plan-warm: it had this shard before",
    SHAPE_WARM: "shape-warm, plan-cold: it had another shard of the same programs",
    COLD: "cold: a container's first shard, imports apart",
}
_TIME_MS = 1_795_000_000_000


@dataclass(frozen=True, slots=True)
class ShapeWarm:
    """CPU of one target in µs by what the container knows, and times the plan-warm one's."""

    targets: int
    rounds: int
    cpu_us: dict[str, Spread]
    ratio: dict[str, Spread]
    above_us: Spread
    """What a shape-warm target takes more than a plan-warm one, round by round."""


class Container:
    """Converts the documents of shards and packs them, as a cycle does between fetch and push."""

    def __init__(self) -> None:
        for known in (plans._label, plans._name_label):  # noqa: SLF001 - another process knows no labels
            known.cache_clear()
        self._converter, self._rules = Converter(), built_in("auto")

    def shard(self, stamps: Sequence[Stamp], bodies: Sequence[bytes]) -> list[bytes]:
        """The requests of one cycle, not compressed."""
        scrapes = [self._scrape(stamp, body) for stamp, body in zip(stamps, bodies, strict=True)]
        return [b"".join(batch.parts) for batch in cut(scrapes, max_samples=encode.SAMPLES_PER_REQUEST)]

    def _scrape(self, stamp: Stamp, body: bytes) -> Scrape:
        converted = self._converter.convert(stamp, body, self._rules)
        rows = len(converted.plan.shape.rows)
        health = health_values(up=True, duration_s=0.001, scraped=rows, kept=rows, added=0)
        return Scrape(converted.plan, converted.values + health, _TIME_MS)


class Shards:
    """Two shards of the same programs; the second is the one that is measured."""

    def __init__(self, targets: int) -> None:
        stamps = Fleet(2 * targets).stamps
        self._documents = workload.documents()
        self._before, self._stamps = stamps[:targets], stamps[targets:]

    def _bodies(self, number: int) -> list[bytes]:
        documents = self._documents
        return [documents[workload.turn(place, number)] for place in range(len(self._stamps))]

    def ready(self, name: str, number: int) -> Callable[[], list[bytes]]:
        """A container that knows as much as the name says, and what it has to do in this round."""
        container, bodies = Container(), self._bodies(number)
        if name != COLD:
            container.shard(self._before, self._bodies(number + 1))
        if name == PLAN_WARM:
            container.shard(self._stamps, self._bodies(number + 2))
        return lambda: container.shard(self._stamps, bodies)


def check(shards: Shards) -> None:
    """Raise Different unless it sends the same whatever it knew before."""
    expected = decoded(shards.ready(COLD, 1)())
    if not expected:
        raise Different("a cold container sent nothing")
    for name in (SHAPE_WARM, PLAN_WARM):
        demand_same(name, expected, decoded(shards.ready(name, 1)()))


def run(targets: int, rounds: int, progress: Callable[[], object] = lambda: None) -> ShapeWarm:
    """Compare the three. Raises Different."""
    shards = Shards(targets)
    check(shards)
    settle()

    def timed(name: str) -> Callable[[int], float]:
        return lambda number: cpu_s(shards.ready(name, number)) * 1e6 / targets

    measured = in_turns({name: timed(name) for name in WORDS}, rounds, progress)
    warm = measured[PLAN_WARM]
    return ShapeWarm(
        targets,
        rounds,
        {name: spread(taken) for name, taken in measured.items()},
        {name: ratios(taken, warm) for name, taken in measured.items()},
        spread(above - below for above, below in zip(measured[SHAPE_WARM], warm, strict=True)),
    )


def section(result: ShapeWarm) -> Section:
    """The table of a run."""
    return Section(
        f"Lambda's case, {result.targets:,} targets x {workload.SERIES} series: CPU in µs per target to"
        f" convert and pack, {result.rounds} rounds",
        ("container", "median", "least to most", "times plan-warm"),
        tuple(
            (WORDS[name], f"{cpu.median:.0f}", least_to_most(cpu), times(result.ratio[name]))
            for name, cpu in result.cpu_us.items()
        ),
        (
            f"A plan made anew costs {result.above_us.median:.0f} µs per target"
            f" ({least_to_most(result.above_us)})."
        ),
    )


main = command(
    "shape_warm", "CPU of a shard in a container that knows its shape only, beside one that knows its plans."
)

if __name__ == "__main__":
    main()
