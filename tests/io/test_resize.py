"""Another number of shards: nothing is overtaken, nothing is lost, nothing ends that has only moved."""

from __future__ import annotations

import json
from contextlib import closing
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pytest
from pushvar.app.planner import Planned, Planner
from pushvar.app.worker import Worker
from pushvar.app.world import World
from pushvar.collect.registry.protocol import Snapshot, TargetGroup
from pushvar.collect.shards import shard_of_labels
from pushvar.config.load import load
from pushvar.jobs.packing import pack
from pushvar.model import Family, Group, GroupHead, MetricType
from pushvar.net.address import is_allowed
from pushvar.state import open_state
from pushvar.wire.exposition import FamilySamples, PrintedSample

from tests.programs.faulty_server import faulty_server
from tests.programs.storing_receiver import GOOD, Deed, storing_receiver

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from pushvar.collect.shards import ShardMessage
    from pushvar.model import Report
    from pushvar.state.protocol import StateStore

    from tests.programs.storing_receiver import StoringReceiver

START_MS = 1_795_176_000_000
MINUTE_MS = 60_000


@dataclass
class Fleet:
    """A plan and its forwards, a minute at a time, each in a new container; a backend that may be away."""

    target: str
    receiver: StoringReceiver
    state: StateStore
    now_ms: int = START_MS
    names: list[str] = field(default_factory=lambda: [f"i{n}" for n in range(12)])
    shards: int = 1
    away: bool = False
    gateway: bool = False
    warm: Planner | None = None
    sent: list[ShardMessage] = field(default_factory=list)

    def load(self) -> Snapshot:
        """The registry: a target of its own for each name, all served by one program."""
        document = {
            "global": {"self_metrics": False},
            "scrape_configs": [{"job_name": "pay", "metrics_path": "/ok"}],
            "remote_write": [{"name": "b", "url": self.receiver.url, "metadata_config": {"send": False}}],
            **({"gateway": {"anonymous": "default"}} if self.gateway else {}),
        }
        config = load(json.dumps(document), source="test")
        groups = tuple(
            TargetGroup("pay", "test", (self.target,), (("instance", name),)) for name in self.names
        )
        return Snapshot(config, groups, f"{config.version}-{'-'.join(self.names)}")

    def plan(self) -> Planned:
        """Plan a cycle; the planner is a cold one unless ``warm`` is set."""
        planner = self.warm or self.planner()
        return planner.plan(None)

    def planner(self) -> Planner:
        """A planner as after a cold start."""

        def send(messages: Sequence[ShardMessage]) -> Mapping[int, str]:
            self.sent = list(messages)
            return {}

        now = lambda: self.now_ms  # noqa: E731 - a clock
        return Planner(self, self.state, send, now, lambda: self.now_ms / 1000, shards=self.shards)

    def forward(self, messages: Sequence[ShardMessage]) -> list[Report]:
        """Run messages, the last shard first, each in a container of its own."""
        reports: list[Report] = []
        for message in reversed(messages):
            world = World(
                {}, str, lambda: self.now_ms, lambda: self.now_ms / 1000, lambda _: None, lambda: 0.5
            )
            with closing(Worker(self.state, world, allowed=is_allowed)) as worker:
                reports += worker.run(message, owner=f"{message.shard}@{self.now_ms}", budget_s=40.0)
        return reports

    def cycle(self) -> tuple[Planned, list[Report]]:
        """One cycle, and a minute passes."""
        planned = self.plan()
        reports = self.forward(self.sent)
        self.now_ms += MINUTE_MS
        return planned, reports

    def minutes(self, name: str, metric: str = "up") -> list[int | str]:
        """The minutes of which the backend has a sample of a target; a stale marker is ``end``."""
        found: list[int | str] = []
        for labels, samples in self.receiver.stored.items():
            if {("__name__", metric), ("instance", name)} <= set(labels):
                found += [_minute(at, value) for at, value in sorted(samples.items())]
        return found


def _minute(time_ms: int, value: float) -> int | str:
    return "end" if value != value else (time_ms - START_MS) // MINUTE_MS  # noqa: PLR0124 - a NaN


@pytest.fixture
def fleet() -> Iterator[Fleet]:
    """Give twelve targets in one shard."""
    store = open_state("memory:")
    one: Fleet

    def deed(_asked: object) -> Deed:
        return Deed(503) if one.away else GOOD

    with faulty_server() as server, storing_receiver(deed, lambda: 0) as (receiver, listen):
        listen()
        one = Fleet(server.url.removeprefix("http://"), receiver, store)
        yield one
    store.close()
    assert receiver.violations == []


def test_grow_and_shrink(fleet: Fleet) -> None:
    """A wish, one cycle in which all is brought to an end, a switch: every target has every minute once."""
    seen = []
    for shards in (1, 3, 3, 3, 2, 2, 2):
        fleet.shards = shards
        planned, reports = fleet.cycle()
        seen.append((planned.shards, planned.resizing, len(reports)))
    assert seen == [(1, 0, 1), (1, 3, 1), (3, 0, 3), (3, 0, 3), (3, 2, 3), (2, 0, 3), (2, 0, 2)]
    for name in fleet.names:
        assert fleet.minutes(name) == [*range(7)]
    assert fleet.state.fingerprints("2") == {}, "a shard that is gone remembers nothing"


def test_a_shard_that_comes_back(fleet: Fleet) -> None:
    """What other shards learnt meanwhile counts: a target that ended elsewhere is not ended again."""
    for shards in (3, 1, 1):
        fleet.shards = shards
        fleet.cycle()
    gone = fleet.names.pop()
    for shards in (1, 3, 3, 3):
        fleet.shards = shards
        planned, _ = fleet.cycle()
    assert planned.shards == 3
    assert fleet.minutes(gone) == [0, 1, 2, "end"]
    assert all(fleet.minutes(name) == [*range(7)] for name in fleet.names)


def test_a_backend_that_is_away_holds_the_switch_up(fleet: Fleet) -> None:
    """What waits belongs to the old shards: it goes out before the new ones send anything."""
    fleet.cycle()
    fleet.shards, fleet.away = 3, True
    assert [fleet.cycle()[0].shards for _ in range(3)] == [1, 1, 1]
    fleet.away = False
    assert [fleet.cycle()[0].shards for _ in range(2)] == [1, 3]
    assert all(fleet.minutes(name) == [*range(6)] for name in fleet.names)


def test_a_message_that_was_not_run_holds_the_switch_up(fleet: Fleet) -> None:
    """It may still be on its way, and its shard would work beside the new ones."""
    fleet.cycle()
    fleet.shards = 3
    fleet.plan()
    lost = fleet.sent
    fleet.now_ms += MINUTE_MS
    assert fleet.cycle()[0].shards == 1
    assert fleet.cycle()[0].shards == 3
    assert [one.skipped for one in fleet.forward(lost)] == ["resharded"]


def test_a_switch_that_is_wished_for_in_vain(fleet: Fleet) -> None:
    """Longer than samples are kept nobody waits; what the old shards still hold is given up, and counted."""
    fleet.shards = 3
    fleet.cycle()
    fleet.shards, fleet.away = 2, True
    planned, kept = fleet.cycle()[0], 0
    while planned.shards == 3:
        planned, reports = fleet.cycle()
        dropped = [dict(delivery.dropped) for one in reports for delivery in one.deliveries]
        kept += sum(delivery.spooled for one in reports for delivery in one.deliveries)
    assert (fleet.now_ms - START_MS) // MINUTE_MS == 12, "ten minutes after the wish"
    assert len(reports) == 3, "the shard that is gone had a last turn"
    assert all(set(one) <= {"resharded", "too_old"} and one["resharded"] for one in dropped)
    fleet.away = False
    _, after = fleet.cycle()
    assert sum(delivery.replayed for one in after for delivery in one.deliveries) > 0
    assert all(fleet.minutes(name) == [0, 11, 12] for name in fleet.names)


@pytest.mark.parametrize("warm", [True, False])
def test_a_target_that_is_removed_in_the_moment_of_a_switch(fleet: Fleet, *, warm: bool) -> None:
    """It is ended, wherever it would have moved to: the switch is made with the targets of before."""
    fleet.warm = fleet.planner() if warm else None
    fleet.cycle()
    own = (("customer_id", "default"), ("job", "pay"))
    labels = ((name, (*own, ("instance", name))) for name in fleet.names)
    gone = next(name for name, whole in labels if shard_of_labels(whole, 3) > 0)
    fleet.shards = 3
    if warm:
        fleet.warm = fleet.planner()
    fleet.cycle()
    fleet.names.remove(gone)
    shards = [fleet.cycle()[0].shards for _ in range(3)]
    assert shards == ([3, 3, 3] if warm else [1, 3, 3])
    assert fleet.minutes(gone)[-1] == "end"
    assert all(fleet.minutes(name) == [*range(5)] for name in fleet.names)


def test_a_tick_that_comes_twice_changes_nothing(fleet: Fleet) -> None:
    """Both give the same out, in the same layout, whichever forwards run."""
    fleet.cycle()
    fleet.shards = 3
    fleet.plan()
    first = fleet.sent
    fleet.plan()
    assert [(one.shard, one.layout, one.cycle) for one in fleet.sent] == [
        (one.shard, one.layout, one.cycle) for one in first
    ]
    lease = fleet.state.acquire("plan", "another", cycle=1, now_ms=fleet.now_ms, ttl_ms=5_000)
    assert lease is not None
    fleet.sent = []
    planned = fleet.plan()
    assert (planned.skipped, fleet.sent) == ("held", [])


def test_pushed_groups_move_too(fleet: Fleet) -> None:
    """They are sent in every minute; one that ends in the moment of the switch is marked by its new shard."""
    fleet.gateway = True
    jobs = [f"job{n}" for n in range(8)]
    for job in jobs:
        sample = PrintedSample("rows", (), 1.0)
        body = pack((FamilySamples(Family("rows", MetricType.GAUGE), (sample,)),))
        head = GroupHead(
            f"{job:0>20}", "default", (("instance", "x"), ("job", job)), "v1",
            expires_ms=START_MS + 2 * MINUTE_MS, pushed_ms=START_MS,
        )  # fmt: skip
        assert fleet.state.put_group(Group(head, body), "")
    shards = []
    for wanted in (1, 3, 3, 3):
        fleet.shards = wanted
        shards.append(fleet.cycle()[0].shards)
    assert shards == [1, 1, 3, 3]
    arrived: dict[str, Any] = {
        dict(labels)["job"]: [_minute(at, value) for at, value in sorted(samples.items())]
        for labels, samples in fleet.receiver.stored.items()
        if ("__name__", "rows") in labels
    }
    assert arrived == {job: [0, 1, "end"] for job in jobs}
