"""Plans: what is given out, what is stored, what is said about a configuration that is not quite right."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pytest
from msgspec import structs
from pushvar.app.last_good import POINTER, SETTLE_MS, TAKEN, LastGood
from pushvar.app.planner import Planner
from pushvar.app.summary import plan_metrics
from pushvar.collect.documents import read_config, read_slice
from pushvar.collect.groups import MOST_GROUPS_PER_SHARD
from pushvar.collect.registry.protocol import Snapshot
from pushvar.collect.shards import read_message, shard_of_labels
from pushvar.config.load import load
from pushvar.errors import ConfigError, ConfigErrors, StateError
from pushvar.model import Group, GroupHead
from pushvar.state import open_state

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from pushvar.collect.shards import ShardMessage
    from pushvar.state.protocol import StateStore

NOW_MS = 1_795_176_012_345
NOMINAL = "2026-11-20T12:00:00Z"
NOMINAL_MS = 1_795_176_000_000


@dataclass
class Counted:
    """A state store that counts the documents that were put, and whose groups were listed."""

    store: StateStore
    puts: int = 0
    listed: list[str] = field(default_factory=list)
    broken: bool = False

    def group_tenants(self) -> Mapping[str, int]:
        """Ask, unless it is broken."""
        if self.broken:
            raise StateError("the table is away")
        return self.store.group_tenants()

    def groups(self, tenant: str) -> tuple[GroupHead, ...]:
        """Note and list."""
        self.listed.append(tenant)
        return self.store.groups(tenant)

    def put_document(self, body: bytes) -> str:
        """Count and put."""
        self.puts += 1
        return self.store.put_document(body)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.store, name)


@dataclass
class Source:
    """A registry that gives what the test says."""

    text: str = ""
    unsettled: str = ""
    error: ConfigError | None = None

    def load(self) -> Snapshot:
        """The configuration of ``text``, its static targets as groups."""
        if self.error is not None:
            raise self.error
        from pushvar.collect.registry.protocol import TargetGroup

        config = load(self.text, source="tree")
        groups = tuple(
            TargetGroup(job.job_name, f"scrape_configs[{at}]", group.targets, group.labels)
            for at, job in enumerate(config.scrape_configs)
            for group in job.static_configs
        )
        return Snapshot(config, groups, config.version, unsettled=self.unsettled)


@dataclass
class Scene:
    """A planner and what surrounds it."""

    state: Counted
    source: Source = field(default_factory=Source)
    now_ms: int = NOW_MS
    sent: list[ShardMessage] = field(default_factory=list)
    refuse: Mapping[int, str] = field(default_factory=dict)
    shards: int = 0

    def send(self, messages: Sequence[ShardMessage]) -> Mapping[int, str]:
        """Take the messages, but for those that the queue refuses."""
        sent = [one for at, one in enumerate(messages) if at not in self.refuse]
        self.sent = [read_message(one.text()) for one in sent]
        return self.refuse

    def planner(self) -> Planner:
        """A planner as after a cold start."""
        state: Any = self.state
        registry = LastGood(self.source, state, lambda: self.now_ms)
        return Planner(
            registry, state, self.send, lambda: self.now_ms, lambda: self.now_ms / 1000, shards=self.shards
        )

    def configure(self, targets: int, *, gateway: dict[str, Any] | None = None, **job: object) -> None:
        """Make it one job with so many targets, and groups of batch jobs when the gateway is open."""
        addresses = [f"10.0.{at >> 8}.{at & 255}:80" for at in range(targets)]
        whole = {"job_name": "pay", "static_configs": [{"targets": addresses}], **job}
        document = {"scrape_configs": [whole], "remote_write": [{"url": "http://b/w"}]}
        self.source.text = json.dumps(document | ({"gateway": gateway} if gateway else {}))

    def push(self, instance: str, *, version: str = "v1", replaces: str = "", tenant: str = "default") -> str:
        """Put a group into the store; gives its key."""
        key = hashlib.sha256(f"{tenant}/{instance}".encode()).hexdigest()[:20]
        grouping = (("instance", instance), ("job", "batch"))
        head = GroupHead(key, tenant, grouping, version, expires_ms=self.now_ms + 3_600_000)
        assert self.state.store.put_group(Group(head, b"body"), replaces)
        return key


@pytest.fixture
def scene() -> Iterator[Scene]:
    """Give a planner over an empty store."""
    store = open_state("memory:")
    yield Scene(Counted(store))
    store.close()


def test_a_plan(scene: Scene) -> None:
    """One message for each shard; its documents hold the configuration and all targets, each once."""
    scene.configure(250)
    planned = scene.planner().plan(NOMINAL)
    assert (planned.cycle, planned.planned_at) == (NOMINAL_MS, NOW_MS)
    assert (planned.targets, planned.shards, planned.unsent, planned.problems) == (250, 3, {}, ())
    assert [(one.shard, one.cycle, one.planned_at) for one in scene.sent] == [
        (str(shard), NOMINAL_MS, NOW_MS) for shard in range(3)
    ]
    config = scene.state.get_document(scene.sent[0].config_version)
    assert read_config(config).remote_write[0].url == "http://b/w"
    slices = [read_slice(scene.state.get_document(one.slice_version)) for one in scene.sent]
    urls = sorted(target.url for part in slices for target in part)
    assert len(urls) == len(set(urls)) == 250


def test_nothing_is_stored_again(scene: Scene) -> None:
    """A warm plan of an unchanged registry puts no document; a cold one puts the same ones again."""
    scene.configure(250)
    planner = scene.planner()
    planner.plan(NOMINAL)
    first, puts = scene.sent, scene.state.puts
    planner.plan(NOMINAL)
    assert (scene.sent, scene.state.puts) == (first, puts)
    scene.planner().plan(NOMINAL)
    assert scene.sent == first


def test_a_changed_target_changes_one_slice(scene: Scene) -> None:
    """One target more: the configuration and the other shards' slices keep their versions."""
    scene.shards = 4
    scene.configure(40)
    planner = scene.planner()
    planner.plan(NOMINAL)
    before = scene.sent
    scene.configure(41)
    planner.plan(NOMINAL)
    changed = [old for old, new in zip(before, scene.sent, strict=True) if old != new]
    assert len(changed) == 1
    assert len({one.config_version for one in (*before, *scene.sent)}) == 1


def test_duplicate_targets_are_refused(scene: Scene) -> None:
    """Of two with equal labels the first is planned, the second is named."""
    scene.configure(
        1, static_configs=[{"targets": ["10.0.0.1:80"]}, {"targets": ["10.0.0.1:80", "10.0.0.2:80"]}]
    )
    planned = scene.planner().plan(NOMINAL)
    assert planned.targets == 2
    assert ["10.0.0.1:80" in str(problem) for problem in planned.problems] == [True]


def test_messages_that_the_queue_refuses(scene: Scene) -> None:
    """They are named by shard; the others went out."""
    scene.shards, scene.refuse = 3, {1: "InternalError: try again"}
    scene.configure(9)
    planned = scene.planner().plan(NOMINAL)
    assert (planned.unsent, [one.shard for one in scene.sent]) == (
        {"1": "InternalError: try again"},
        ["0", "2"],
    )


def test_an_event_without_a_usable_time(scene: Scene) -> None:
    """The clock names the cycle, and the plan says what was wrong with the event."""
    scene.configure(1)
    for text in (None, "<aws.scheduler.scheduled-time>", "2031-01-01T00:00:00Z"):
        planned = scene.planner().plan(text)
        assert planned.cycle == NOW_MS
        assert [problem.path for problem in planned.problems] == ["event.scheduled_time"]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"scrape_interval": "9s", "scrape_timeout": "5s"}, "pay is scraped every 10 s"),
        (
            {"static_configs": [{"targets": [f"h{n}:80" for n in range(501)]}]},
            "501 targets in one, 500",
        ),
    ],
)
def test_what_cannot_be_kept_is_said(scene: Scene, change: dict[str, Any], said: str) -> None:
    """An interval shorter than a round, more targets than a shard can fetch: planned, and complained of."""
    scene.shards = 1
    scene.configure(1, **change)
    assert said in " ".join(map(str, scene.planner().plan(NOMINAL).problems))


def test_a_bad_version_leaves_the_last_good_one(scene: Scene) -> None:
    """The shards go on with what was good, also after a cold start, and every problem is told."""
    scene.configure(3)
    scene.planner().plan(NOMINAL)
    before = scene.sent
    scene.source.error = ConfigErrors([ConfigError("a", "wrong"), ConfigError("b", "wrong too")])
    for planner in (scene.planner(), scene.planner()):
        planned = planner.plan(NOMINAL)
        assert ([str(one) for one in planned.problems], planned.targets) == (["a: wrong", "b: wrong too"], 3)
        assert plan_metrics(planned)["ConfigInvalid"] == 1
        assert [one.config_outdated for one in scene.sent] == [True]
        assert [structs.replace(one, config_outdated=False) for one in scene.sent] == before
    scene.source.error = None
    planned = scene.planner().plan(NOMINAL)
    assert (planned.problems, plan_metrics(planned)["ConfigInvalid"], scene.sent) == ((), 0, before)


def test_when_a_version_was_taken(scene: Scene) -> None:
    """It is the first plan that had it, whichever process asks later; a refused one changes nothing."""
    scene.configure(3)
    planner, taken = scene.planner(), []
    for now_ms, targets, error, cold in (
        (NOW_MS, 3, None, False),
        (NOW_MS + 1_000, 3, None, True),
        (NOW_MS + 2_000, 4, None, False),
        (NOW_MS + 3_000, 4, ConfigError("a", "wrong"), True),
        (NOW_MS + 4_000, 4, None, False),
        (NOW_MS + 5_000, 3, None, False),
    ):
        scene.now_ms, scene.source.error = now_ms, error
        scene.configure(targets)
        planner = scene.planner() if cold else planner
        planner.plan(NOMINAL)
        taken.append(scene.sent[0].config_taken - NOW_MS)
    assert taken == [0, 0, 2_000, 2_000, 2_000, 5_000]


def test_a_store_that_does_not_know_when(scene: Scene) -> None:
    """An older pushvar left the last good version alone: no time is made up until a version is taken."""
    scene.configure(3)
    scene.planner().plan(NOMINAL)
    scene.state.set_pointer(TAKEN, scene.state.put_document(b'{"digest": "other", "first_ms": 1}'))
    scene.source.error = ConfigError("a", "wrong")
    planner = scene.planner()
    planner.plan(NOMINAL)
    assert scene.sent[0].config_taken == 0
    scene.source.error = None
    planner.plan(NOMINAL)
    assert scene.sent[0].config_taken == NOW_MS


def test_no_configuration_at_all(scene: Scene) -> None:
    """Without a last good one there is nothing to plan, and the error says why."""
    scene.source.error = ConfigError("", "the tree is empty")
    with pytest.raises(ConfigError, match="the tree is empty"):
        scene.planner().plan(NOMINAL)
    assert scene.sent == []


def test_a_configuration_without_a_backend(scene: Scene) -> None:
    """Nobody to send to: it is no version that may be used."""
    scene.configure(1)
    scene.planner().plan(NOMINAL)
    scene.source.text = json.dumps({"scrape_configs": [{"job_name": "pay"}]})
    planned = scene.planner().plan(NOMINAL)
    assert planned.targets == 1
    assert "no backend to send to" in str(planned.problems[0])


def test_a_damaged_memory(scene: Scene) -> None:
    """A last good document of a version that we cannot read stops a plan that needs it, in words."""
    scene.source.error = ConfigError("", "the tree is empty")
    scene.state.set_pointer(POINTER, scene.state.put_document(b'{"schema": 9}'))
    with pytest.raises(StateError, match="schema 9"):
        scene.planner().plan(NOMINAL)


# Trees that are being changed


def test_an_unsettled_tree_waits(scene: Scene) -> None:
    """It is taken when it is read a second time, half a minute later and the same; else it waits anew."""
    scene.configure(1)
    scene.planner().plan(NOMINAL)
    scene.configure(2)
    scene.source.unsettled = "aa"
    planned = scene.planner().plan(NOMINAL)
    assert planned.targets == 1
    assert "does not match its manifest" in str(planned.problems[0])
    scene.now_ms += SETTLE_MS - 1
    assert scene.planner().plan(NOMINAL).targets == 1
    scene.configure(3)
    scene.source.unsettled = "bb"
    assert scene.planner().plan(NOMINAL).targets == 1, "it changed meanwhile"
    scene.now_ms += SETTLE_MS
    planned = scene.planner().plan(NOMINAL)
    assert (planned.targets, planned.problems) == (3, ())
    assert scene.planner().plan(NOMINAL).targets == 3, "what was taken once stays"


def test_a_first_tree_without_manifest(scene: Scene) -> None:
    """Nothing is known yet: the first read refuses, the second takes it."""
    scene.configure(1)
    scene.source.unsettled = "aa"
    with pytest.raises(ConfigError, match="30 s later"):
        scene.planner().plan(NOMINAL)
    scene.now_ms += SETTLE_MS
    assert scene.planner().plan(NOMINAL).targets == 1


# Groups of batch jobs

OPEN = {"anonymous": "default"}


def test_each_group_is_one_shards(scene: Scene) -> None:
    """Every group stands in the message of exactly one shard, where a target with its labels would be."""
    scene.shards = 4
    scene.configure(40, gateway=OPEN)
    keys = [scene.push(f"i-{n}") for n in range(50)]
    assert scene.planner().plan(NOMINAL).groups == 50
    told = [key for one in scene.sent for key in one.groups or ()]
    assert sorted(told) == sorted(keys)
    for message in scene.sent:
        for key in message.groups or ():
            labels = (*scene.state.store.get_groups([key])[key].head.grouping, ("customer_id", "default"))
            assert str(shard_of_labels(labels, 4)) == message.shard


def test_a_push_changes_the_version_and_nothing_else(scene: Scene) -> None:
    """A new push is in the next message, and costs no document; an unchanged tenant is not listed again."""
    scene.shards = 1
    scene.configure(2, gateway=OPEN)
    key, other = scene.push("a"), scene.push("b", tenant="other")
    planner = scene.planner()
    planner.plan(NOMINAL)
    puts, listed = scene.state.puts, len(scene.state.listed)
    assert scene.sent[0].groups == {key: "v1", other: "v1"}
    scene.push("a", version="v2", replaces="v1")
    planner.plan(NOMINAL)
    assert scene.sent[0].groups == {key: "v2", other: "v1"}
    assert (scene.state.puts, scene.state.listed[listed:]) == (puts, ["default"])


def test_a_change_that_went_untold_is_found_in_time(scene: Scene) -> None:
    """Everything is listed again after five minutes."""
    scene.configure(2, gateway=OPEN)
    scene.push("a")
    planner = scene.planner()
    planner.plan(NOMINAL)
    planner.plan(NOMINAL)
    assert scene.state.listed == ["default"]
    scene.now_ms += 301_000
    planner.plan(NOMINAL)
    assert scene.state.listed == ["default", "default"]


def test_a_closed_gateway_has_no_groups(scene: Scene) -> None:
    """Who takes no pushes is not asked for groups: those that there were end."""
    scene.configure(2)
    scene.push("a")
    scene.planner().plan(NOMINAL)
    assert (scene.sent[0].groups, scene.state.listed) == ({}, [])


def test_groups_that_cannot_be_listed_stay_as_they_are(scene: Scene) -> None:
    """The targets are forwarded all the same; the shards are told that nobody knows the groups."""
    scene.configure(2, gateway=OPEN)
    scene.state.broken = True
    planned = scene.planner().plan(NOMINAL)
    assert scene.sent[0].groups is None
    assert [one.path for one in planned.problems] == ["groups"]


def test_many_groups_make_shards(scene: Scene) -> None:
    """A thousand groups fill a shard; there are never fewer shards than the targets need."""
    scene.configure(150, gateway=OPEN)
    for number in range(2_001):
        scene.push(f"i-{number}")
    assert scene.planner().plan(NOMINAL).shards == 3


def test_too_many_groups_for_a_message(scene: Scene) -> None:
    """They are named and stay as they are: none is taken for deleted."""
    scene.shards = 1
    scene.configure(2, gateway=OPEN)
    for number in range(MOST_GROUPS_PER_SHARD + 1):
        scene.push(f"i-{number}")
    planned = scene.planner().plan(NOMINAL)
    assert scene.sent[0].groups is None
    assert "5001 pushed groups in one" in str(planned.problems[0])
    assert len(scene.sent[0].text().encode()) < 262_144
