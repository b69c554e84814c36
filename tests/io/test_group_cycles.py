"""Pushed groups in the cycles of a shard: sent on, ended, forgotten; never gone because nobody knows."""

from __future__ import annotations

import json
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pytest
from pushvar.app.forwarder import Forwarder
from pushvar.app.worker import Worker
from pushvar.app.world import World
from pushvar.collect.documents import config_document, slice_document
from pushvar.collect.registry import open_registry
from pushvar.collect.shards import ShardMessage
from pushvar.config.load import load
from pushvar.errors import StateError
from pushvar.jobs.packing import pack
from pushvar.model import Family, Group, GroupHead, MetricType
from pushvar.net.address import is_allowed
from pushvar.state import open_state
from pushvar.wire.exposition import FamilySamples, PrintedSample

from tests.programs.storing_receiver import GOOD, storing_receiver

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from pushvar.model import Report
    from pushvar.state.protocol import StateStore

    from tests.programs.storing_receiver import StoringReceiver

NOW_MS = 1_795_176_000_000
MINUTE_MS = 60_000


@dataclass
class Moody:
    """A state store whose groups may be out of reach."""

    store: StateStore
    broken: bool = False
    reads: list[list[str]] = field(default_factory=list)

    def group_tenants(self) -> Mapping[str, int]:
        """Ask, if it can be asked."""
        if self.broken:
            raise StateError("the table is away")
        return self.store.group_tenants()

    def get_groups(self, keys: list[str]) -> Mapping[str, Group]:
        """Read, and note what."""
        if self.broken:
            raise StateError("the table is away")
        self.reads.append(sorted(keys))
        return self.store.get_groups(keys)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.store, name)


class Scene:
    """A store, a backend that keeps what arrives, a clock; groups are put as the front door puts them."""

    def __init__(self, folder: Path, receiver: StoringReceiver) -> None:
        self.receiver = receiver
        self.state = Moody(open_state("memory:"))
        self.now_ms = NOW_MS
        self.folder = folder
        self.ends = ExitStack()
        self.document: dict[str, Any] = {
            "global": {"self_metrics": False},
            "remote_write": [
                {"name": "b", "url": receiver.url, "metadata_config": {"send": False}},
            ],
            "gateway": {"anonymous": "default"},
        }
        self.world = World(
            {},
            lambda path: path,
            lambda: self.now_ms,
            lambda: self.now_ms / 1000,
            lambda _: None,
            lambda: 0.5,
        )

    def put(
        self, name: str, value: float = 1.0, *, version: str = "v1", replaces: str = "",
        ttl_ms: int = 10 * MINUTE_MS, deleted: bool = False, instance: str = "",
    ) -> None:  # fmt: skip
        """Push a group of one gauge, or delete it."""
        sample = PrintedSample("rows", (("instance", instance),) if instance else (), value)
        body = b"" if deleted else pack((FamilySamples(Family("rows", MetricType.GAUGE), (sample,)),))
        head = GroupHead(
            key(name), "default", (("job", name),), version,
            expires_ms=self.now_ms + ttl_ms, pushed_ms=self.now_ms, deleted=deleted,
        )  # fmt: skip
        assert self.state.put_group(Group(head, body), replaces)

    def arrived(self, job: str, name: str = "rows") -> list[tuple[int, float | None]]:
        """Minute and value of each sample of a job, None for a stale marker."""
        found: list[tuple[int, float | None]] = []
        for labels, samples in self.receiver.stored.items():
            if ("__name__", name) in labels and ("job", job) in labels:
                found += [((at - NOW_MS) // MINUTE_MS, _plain(value)) for at, value in samples.items()]
        return sorted(found)


def key(name: str) -> str:
    """The key of a group."""
    return f"{name:0>20}"


def _plain(value: Any) -> Any:
    return None if value != value else value  # noqa: PLR0124 - a stale marker is a NaN


@pytest.fixture
def scene(tmp_path: Path) -> Iterator[Scene]:
    """Give a scene whose backend takes everything."""
    with storing_receiver(lambda _asked: GOOD, lambda: 0) as (receiver, listen):
        listen()
        one = Scene(tmp_path, receiver)
        with one.ends:
            yield one
        one.state.close()


class Local:
    """A forwarder on one machine."""

    def __init__(self, scene: Scene) -> None:
        self.scene = scene
        config = scene.folder / "pushvar.yml"
        config.write_text(json.dumps(scene.document))
        state: Any = scene.state
        self.forwarder = Forwarder(open_registry(str(config)), state, scene.world, owner="test")
        scene.ends.callback(self.forwarder.close)

    def cycle(self) -> Report:
        """One cycle, and a minute passes."""
        report = self.forwarder.cycle()
        self.scene.now_ms += MINUTE_MS
        return report


class Fleet:
    """Workers, a new one for each cycle; the message names the groups that the store has."""

    def __init__(self, scene: Scene) -> None:
        self.scene = scene
        self.groups: dict[str, str] | None = None
        self.told = True

    def cycle(self) -> Report:
        """One cycle of a cold container, and a minute passes."""
        scene, store = self.scene, self.scene.state.store
        heads = [head for tenant in store.group_tenants() for head in store.groups(tenant)]
        message = ShardMessage(
            cycle=scene.now_ms, planned_at=scene.now_ms, shard="0", shards=1,
            config_version=store.put_document(config_document(load(json.dumps(scene.document), source="t"))),
            slice_version=store.put_document(slice_document(())),
            groups={head.key: head.version for head in heads} if self.told else None,
        )  # fmt: skip
        with ExitStack() as stack:
            state: Any = scene.state
            worker = Worker(state, scene.world, allowed=is_allowed)
            stack.callback(worker.close)
            (report,) = worker.run(message, owner=f"w{scene.now_ms}", budget_s=40.0)
        scene.now_ms += MINUTE_MS
        return report


@pytest.fixture(params=[Local, Fleet])
def runner(request: pytest.FixtureRequest, scene: Scene) -> Local | Fleet:
    """Give each way of running."""
    made: Local | Fleet = request.param(scene)
    return made


def test_a_group_is_sent_until_it_expires(scene: Scene, runner: Local | Fleet) -> None:
    """One push, a fresh sample in every cycle; at its end one marker, and the store forgets it."""
    scene.put("batch", 7.0, ttl_ms=3 * MINUTE_MS)
    reports = [runner.cycle() for _ in range(6)]
    assert scene.arrived("batch") == [(0, 7.0), (1, 7.0), (2, 7.0), (3, None)]
    assert scene.arrived("batch", "push_time_seconds")[0] == (0, NOW_MS / 1000)
    assert [len(one.scrapes) for one in reports] == [1, 1, 1, 0, 0, 0]
    assert scene.state.groups("default") == ()
    assert scene.receiver.violations == []


def test_a_deleted_group_ends_at_once(scene: Scene, runner: Local | Fleet) -> None:
    """A tombstone is marked stale and forgotten; a push after it begins anew."""
    scene.put("batch", 1.0)
    runner.cycle()
    scene.put("batch", deleted=True, version="v2", replaces="v1")
    runner.cycle()
    assert scene.arrived("batch") == [(0, 1.0), (1, None)]
    assert scene.state.groups("default") == ()
    scene.put("batch", 2.0, version="v3")
    runner.cycle()
    assert scene.arrived("batch")[2:] == [(2, 2.0)]


def test_a_push_between_end_and_forgetting_is_not_lost(scene: Scene) -> None:
    """Who pushes while the shard forgets the old version keeps what it pushed."""
    local = Local(scene)
    scene.put("batch", 1.0)
    local.cycle()
    scene.put("batch", deleted=True, version="v2", replaces="v1")
    forget = scene.state.store.forget_groups

    def late(heads: Any) -> None:
        scene.put("batch", 2.0, version="v3", replaces="v2")
        forget(heads)

    scene.state.__dict__["forget_groups"] = late
    local.cycle()
    local.cycle()
    assert scene.arrived("batch") == [(0, 1.0), (1, None), (2, 2.0)]


def test_groups_that_cannot_be_read_do_not_end(scene: Scene) -> None:
    """A store that fails costs samples of the cycle, and is told; no marker is sent, and it goes on."""
    local = Local(scene)
    scene.put("batch", 1.0)
    local.cycle()
    scene.state.broken = True
    assert "the table is away" in local.cycle().detail
    scene.state.broken = False
    local.cycle()
    assert scene.arrived("batch") == [(0, 1.0), (2, 1.0)]


def test_a_message_that_does_not_know_groups_ends_none(scene: Scene) -> None:
    """An older plan says nothing of groups: they wait."""
    fleet = Fleet(scene)
    scene.put("batch", 1.0)
    fleet.cycle()
    fleet.told = False
    fleet.cycle()
    fleet.told = True
    fleet.cycle()
    assert scene.arrived("batch") == [(0, 1.0), (2, 1.0)]


def test_an_unchanged_group_is_read_once(scene: Scene) -> None:
    """A warm process reads a group when its version is new, and when the configuration is another one."""
    local = Local(scene)
    scene.put("a")
    scene.put("b")
    for _ in range(3):
        local.cycle()
    assert scene.state.reads == [[key("a"), key("b")]]
    scene.put("b", 2.0, version="v2", replaces="v1")
    local.cycle()
    assert scene.state.reads[1:] == [[key("b")]]
    assert scene.arrived("b")[-1] == (3, 2.0)


def test_groups_have_an_interval_of_their_own(scene: Scene) -> None:
    """What is not due is not sent, and is not gone."""
    scene.document["gateway"]["interval"] = "2m"
    local = Local(scene)
    scene.put("batch")
    for _ in range(5):
        local.cycle()
    assert scene.arrived("batch") == [(0, 1.0), (2, 1.0), (4, 1.0)]


def test_a_closed_gateway_ends_its_groups(scene: Scene) -> None:
    """When nobody may push any more, what was pushed is marked stale; it is not forgotten."""
    local = Local(scene)
    scene.put("batch")
    local.cycle()
    del scene.document["gateway"]
    scene.document["scrape_configs"] = [{"job_name": "none"}]
    (scene.folder / "pushvar.yml").write_text(json.dumps(scene.document))
    local.cycle()
    assert scene.arrived("batch") == [(0, 1.0), (1, None)]
    assert len(scene.state.groups("default")) == 1


def test_the_body_keeps_its_instance(scene: Scene) -> None:
    """A group without an instance in its key may name instances; it has no health series."""
    local = Local(scene)
    scene.put("batch", instance="db-1")
    local.cycle()
    names = {dict(labels)["__name__"]: dict(labels) for labels in scene.receiver.stored}
    assert set(names) == {"rows", "push_time_seconds", "push_failure_time_seconds"}
    assert names["rows"]["instance"] == "db-1"
    assert names["rows"]["customer_id"] == "default"


def test_a_body_that_cannot_be_read_costs_its_group_only(scene: Scene) -> None:
    """What a newer pushvar stored is told as down; the other groups are sent."""
    local = Local(scene)
    head = GroupHead(key("new"), "default", (("job", "new"),), "v1", NOW_MS + MINUTE_MS, NOW_MS)
    assert scene.state.put_group(Group(head, b"\xff form of tomorrow"), "")
    scene.put("good")
    report = local.cycle()
    assert {one.plan.target.url: one.reason for one in report.scrapes} == {
        "group/new": "internal", "group/good": "ok",
    }  # fmt: skip
    assert scene.arrived("good") == [(0, 1.0)]


def test_a_series_of_two_groups_is_sent_once(scene: Scene) -> None:
    """Two pushes of one moment may both be taken: one sample goes out, the other is counted; it ends once."""
    local = Local(scene)
    family = Family("rows", MetricType.GAUGE)
    for name, grouping, labels, value in (
        ("a", (("job", "twice"), ("tag", "v")), (), 1.0),
        ("b", (("job", "twice"),), (("tag", "v"),), 2.0),
    ):
        body = pack((FamilySamples(family, (PrintedSample("rows", labels, value),)),))
        head = GroupHead(key(name), "default", grouping, "v1", NOW_MS + 10 * MINUTE_MS, NOW_MS)
        assert scene.state.put_group(Group(head, body), "")
    (delivery,) = local.cycle().deliveries
    assert delivery.dropped == (("duplicate", 1),)
    local.cycle()
    scene.put("a", deleted=True, version="v2", replaces="v1")
    local.cycle()
    scene.put("b", deleted=True, version="v2", replaces="v1")
    local.cycle()
    assert scene.arrived("twice") == [(0, 1.0), (1, 1.0), (2, 2.0), (3, None)]
    assert scene.receiver.violations == []


def test_forbidden_labels_cost_their_group_only(scene: Scene) -> None:
    """A group whose labels the configuration forbids is told as down; the others are sent."""
    scene.document["tenancy"] = {"labels": {"tenant_id": "{job}"}}
    local = Local(scene)
    scene.put("bad job")
    scene.put("good")
    report = local.cycle()
    assert {one.plan.target.url: one.reason for one in report.scrapes} == {
        "group/bad job": "internal", "group/good": "ok",
    }  # fmt: skip
    assert scene.arrived("good") == [(0, 1.0)]
