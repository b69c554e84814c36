"""Forward: a message's shard is run once, by its documents, in the time there is."""

from __future__ import annotations

import json
import threading
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pytest
from msgspec import structs
from pushvar.app.worker import LEASE_MARGIN_MS, Worker
from pushvar.app.world import World
from pushvar.collect.documents import config_document, slice_document
from pushvar.collect.shards import ShardMessage
from pushvar.collect.targets import build_target
from pushvar.config.load import load
from pushvar.errors import EventError, StateError
from pushvar.net.address import is_allowed, is_elsewhere
from pushvar.state import open_state

from tests.programs.faulty_server import FaultyServer, faulty_server
from tests.programs.storing_receiver import GOOD, storing_receiver

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from pushvar.model import Report
    from pushvar.state.protocol import StateStore

NOW_MS = 1_795_176_012_345
CYCLE_MS = 1_795_176_000_000
MINUTE_MS = 60_000


@dataclass
class Scene:
    """A state store with the documents of one shard, a server that is target and backend, a clock."""

    server: FaultyServer
    state: StateStore
    now_ms: int = NOW_MS
    monotonic_s: float = 100.0
    environment: dict[str, str] = field(default_factory=dict)
    workers: list[Worker] = field(default_factory=list)
    intervals: dict[str, str] = field(default_factory=lambda: {"pay": "1m"})
    path: str = "/ok"
    own: bool = False
    more: dict[str, Any] = field(default_factory=dict)
    write_url: str = ""

    def worker(self, allowed: Callable[[str], bool] = is_allowed) -> Worker:
        """A worker as after a cold start."""
        world = World(
            self.environment, lambda path: path, lambda: self.now_ms, lambda: self.monotonic_s,
            self.sleep, lambda: 0.5,
        )  # fmt: skip
        self.workers.append(Worker(self.state, world, allowed=allowed))
        return self.workers[-1]

    def sleep(self, seconds: float) -> None:
        """Let time pass, at once; like the real one it refuses to go back."""
        assert seconds >= 0
        self.now_ms += round(seconds * 1000)
        self.monotonic_s += seconds

    def message(self, *, cycle: int = CYCLE_MS, planned_at: int = 0, shard: str = "0") -> ShardMessage:
        """The shard's message: one target for each job."""
        address = self.server.url.removeprefix("http://")
        jobs = [
            {"job_name": name, "metrics_path": self.path, "scrape_interval": interval, "scrape_timeout": "1s"}
            | self.more
            for name, interval in self.intervals.items()
        ]
        url = self.write_url or f"{self.server.url}/status/204"
        remote = {"name": "b", "url": url, "metadata_config": {"send": False}}
        config = load(
            json.dumps(
                {"global": {"self_metrics": self.own}, "scrape_configs": jobs, "remote_write": [remote]}
            ),
            source="test",
        )
        targets = tuple(build_target(config, job, address, {}) for job in config.scrape_configs)
        return ShardMessage(
            cycle=cycle, planned_at=planned_at or self.now_ms, shard=shard,
            config_version=self.state.put_document(config_document(config)),
            slice_version=self.state.put_document(slice_document(targets)),
        )  # fmt: skip

    def run(self, message: ShardMessage | None = None, *, worker: Worker | None = None) -> Report:
        """Run a message, by a worker of its own unless one is given."""
        (report,) = (worker or self.worker()).run(message or self.message(), owner="me", budget_s=40.0)
        return report

    def rounds(self, message: ShardMessage, *, owner: str = "me", budget_s: float = 56.0) -> list[Report]:
        """Run a message of several rounds by a worker of its own."""
        return list(self.worker().run(message, owner=owner, budget_s=budget_s))

    def pushes(self) -> int:
        """How many requests reached the backend."""
        return sum(request.method == "POST" for request in self.server.requests)


@pytest.fixture
def scene() -> Iterator[Scene]:
    """Give a shard of one target."""
    store = open_state("memory:")
    with faulty_server() as server:
        one = Scene(server, store)
        yield one
        for worker in one.workers:
            worker.close()
    store.close()


def test_a_message_is_run(scene: Scene) -> None:
    """Its target is fetched and pushed; shard and cycle are the message's."""
    report = scene.run(scene.message(shard="7"))
    assert (report.shard, report.cycle, report.skipped) == ("7", CYCLE_MS, "")
    assert [scrape.reason for scrape in report.scrapes] == ["ok"]
    assert (report.deliveries[0].failed, scene.pushes()) == (0, 1)


def test_the_same_message_again_changes_nothing(scene: Scene) -> None:
    """A queue delivers at least once: the second delivery is told, and nothing is fetched or sent."""
    message = scene.message()
    scene.run(message)
    requests = len(scene.server.requests)
    assert scene.run(message).skipped == "repeated"
    assert len(scene.server.requests) == requests


def test_an_older_cycle_after_a_newer_one(scene: Scene) -> None:
    """Messages may overtake each other: what is older than the shard's last cycle is not run."""
    scene.run(scene.message(cycle=CYCLE_MS + MINUTE_MS))
    assert scene.run(scene.message(cycle=CYCLE_MS)).skipped == "repeated"


def test_a_race(scene: Scene) -> None:
    """Three deliveries at once: exactly one writes, the others leave it alone."""
    scene.path = "/hang"
    message = scene.message()
    reports: list[Report] = []

    def run(owner: str) -> None:
        reports.extend(scene.worker().run(message, owner=owner, budget_s=9.0))

    threads = [threading.Thread(target=run, args=(owner,)) for owner in "abc"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(report.skipped for report in reports) == ["", "held", "held"]
    assert scene.pushes() == 1


def test_what_plan_says_of_its_configuration_is_sent(scene: Scene) -> None:
    """As gauges of the shard: one when it is the newest, zero when not, none while plan says nothing."""
    scene.own = True
    said: tuple[dict[str, Any], ...] = (
        {},
        {"config_taken": 7_000, "config_outdated": True},
        {"config_taken": 9_000},
    )
    with storing_receiver(lambda _asked: GOOD, lambda: 0) as (backend, listen):
        listen()
        scene.write_url = backend.url
        for more in said:
            scene.now_ms += MINUTE_MS
            scene.run(structs.replace(scene.message(cycle=scene.now_ms), **more))
    values = {
        dict(labels)["__name__"]: [*times.values()]
        for labels, times in backend.stored.items()
        if dict(labels).get("instance") == "shard-0"
    }
    assert values["pushvar_config_last_reload_successful"] == [0.0, 1.0]
    assert values["pushvar_config_last_reload_success_timestamp_seconds"] == [7.0, 9.0]


def test_a_refused_secret_is_read_again(scene: Scene) -> None:
    """By the shard's next cycle in the same process, whatever the age of what it knows."""
    scene.path, scene.more = "/status/401", {"authorization": {"credentials": "env:TOKEN"}}
    worker = scene.worker()
    for cycle in range(2):
        scene.environment["TOKEN"] = f"t{cycle}"
        scene.run(scene.message(cycle=CYCLE_MS + cycle * MINUTE_MS), worker=worker)
    sent = [one.headers["authorization"] for one in scene.server.requests if one.method == "GET"]
    assert sent == ["Bearer t0", "Bearer t1"]


def test_a_late_message_does_not_scrape(scene: Scene) -> None:
    """Lateness counts from the plan; just in time is not late."""
    message = scene.message(planned_at=scene.now_ms - MINUTE_MS)
    late = scene.message(planned_at=scene.now_ms - MINUTE_MS - 1)
    assert scene.run(late).skipped == "late"
    assert scene.run(late).detail == "60.0 s old, 60 s are allowed"
    assert scene.server.requests == []
    assert scene.run(message).skipped == ""


def test_a_cycle_in_the_future(scene: Scene) -> None:
    """It would make all cycles until then repetitions: refused before the shard is touched."""
    with pytest.raises(EventError, match="lies in the future"):
        scene.run(scene.message(cycle=CYCLE_MS + 3_600_000))
    assert scene.run(scene.message()).skipped == ""


def test_mixed_intervals(scene: Scene) -> None:
    """Each job in its own cycles, whichever container runs them."""
    scene.intervals = {"fast": "1m", "slow": "5m"}
    ran = []
    for minute in range(7):
        scene.now_ms = NOW_MS + minute * MINUTE_MS
        report = scene.run(scene.message(cycle=CYCLE_MS + minute * MINUTE_MS))
        ran.append(sorted(scrape.plan.target.job for scrape in report.scrapes))
    both, fast = ["fast", "slow"], ["fast"]
    assert ran == [both, fast, fast, fast, fast, both, fast]


def _jobs(report: Report) -> list[str]:
    return sorted(scrape.plan.target.job for scrape in report.scrapes)


def test_rounds(scene: Scene) -> None:
    """Intervals under a minute: complete cycles, one after the other, each at its time and in order."""
    scene.intervals = {"fast": "20s", "even": "1m"}
    begun_ms = scene.now_ms
    reports = scene.rounds(scene.message())
    assert [(one.cycle - CYCLE_MS, one.started_ms - begun_ms, _jobs(one)) for one in reports] == [
        (0, 0, ["even", "fast"]), (20_000, 20_000, ["fast"]), (40_000, 40_000, ["fast"]),
    ]  # fmt: skip
    assert [one.deliveries[0].failed for one in reports] == [0, 0, 0]
    assert scene.pushes() == 3
    scene.now_ms = begun_ms + MINUTE_MS
    again = scene.rounds(scene.message(cycle=CYCLE_MS + MINUTE_MS))
    assert [_jobs(one) for one in again] == [["even", "fast"], ["fast"], ["fast"]]


def test_rounds_of_a_message_that_comes_late(scene: Scene) -> None:
    """What has passed cannot be scraped; a job whose only moment that was has its turn all the same."""
    scene.intervals = {"fast": "10s", "even": "1m"}
    reports = scene.rounds(scene.message(planned_at=scene.now_ms - 34_000))
    ran = [((one.cycle - CYCLE_MS) // 1000, one.started_ms - NOW_MS, _jobs(one)) for one in reports]
    assert ran == [(30, 0, ["even", "fast"]), (40, 6_000, ["fast"]), (50, 16_000, ["fast"])]


def test_rounds_end_with_the_time_of_the_function(scene: Scene) -> None:
    """A round that has no time left is not begun and is told; nothing is half done."""
    scene.intervals = {"fast": "10s"}
    reports = scene.rounds(scene.message(), budget_s=30.5)
    assert [one.skipped for one in reports] == ["", "", "", "late"]
    assert reports[-1].detail == "the rounds before it took the time of the function"


def test_a_second_delivery_of_a_message_with_rounds(scene: Scene) -> None:
    """It ends where it finds the first one's work done, and does not sleep beside it."""
    scene.intervals = {"fast": "20s"}
    message = scene.message()
    scene.rounds(message)
    before_ms = scene.now_ms
    assert [one.skipped for one in scene.rounds(message, owner="other")] == ["repeated"]
    assert scene.now_ms == before_ms


def test_a_round_waits_for_the_function_before(scene: Scene) -> None:
    """The last round of the minute before still holds the shard: the others have their turns."""
    scene.intervals = {"fast": "20s"}
    lease = scene.state.acquire("0", "before", cycle=CYCLE_MS - 20_000, now_ms=scene.now_ms, ttl_ms=5_000)
    assert lease is not None
    reports = scene.rounds(scene.message())
    assert [one.skipped for one in reports] == ["held", "", ""]


def test_a_message_that_the_queue_kept_back(scene: Scene) -> None:
    """Lateness and rounds count from the moment that plan gave the shard."""
    scene.intervals = {"fast": "30s"}
    message = structs.replace(scene.message(planned_at=scene.now_ms - 18_000), delay_s=18)
    reports = scene.rounds(message)
    assert [one.started_ms - NOW_MS for one in reports] == [0, 30_000]
    waited = structs.replace(scene.message(planned_at=scene.now_ms - 70_000), delay_s=10)
    assert scene.rounds(waited)[0].skipped != "late"


def test_a_crash_costs_one_cycle(scene: Scene) -> None:
    """A function that was killed holds the lease for its time and a margin: the next minute it is free."""
    budget_ms = 48_000
    ttl_ms = budget_ms + LEASE_MARGIN_MS
    lease = scene.state.acquire("0", "killed", cycle=CYCLE_MS, now_ms=scene.now_ms, ttl_ms=ttl_ms)
    assert lease is not None
    assert scene.run().skipped == "held"
    scene.now_ms += MINUTE_MS
    report = scene.run(scene.message(cycle=CYCLE_MS + MINUTE_MS))
    assert (report.skipped, report.lost_cycles) == ("", 1)


def test_the_lease_outlives_the_budget_by_little(scene: Scene) -> None:
    """What is left of the function's time and the margin, no more."""
    taken = []
    acquire = scene.state.acquire

    def watched(*arguments: object, **named: object) -> object:
        taken.append(named["ttl_ms"])
        return acquire(*arguments, **named)  # type: ignore[arg-type]

    scene.state.acquire = watched  # type: ignore[method-assign,assignment]
    scene.run()
    assert taken == [40_000 + LEASE_MARGIN_MS]


def test_a_document_that_is_gone(scene: Scene) -> None:
    """It is named, with what to look at."""
    message = ShardMessage(
        cycle=CYCLE_MS, planned_at=NOW_MS, shard="0", config_version="0" * 64, slice_version="1" * 64
    )
    with pytest.raises(StateError, match=r"configuration \(0+\) is not in the state store; .*PUSHVAR_STATE"):
        scene.run(message)


def test_a_failed_run_frees_the_shard(scene: Scene) -> None:
    """When the store fails in the middle, the next message finds the shard free and counts the loss."""
    commit = scene.state.commit

    def broken(*_: object, **__: object) -> None:
        raise StateError("the table is throttled")

    scene.state.commit = broken  # type: ignore[method-assign]
    with pytest.raises(StateError, match="throttled"):
        scene.run()
    scene.state.commit = commit  # type: ignore[method-assign]
    report = scene.run(scene.message(cycle=CYCLE_MS + 1))
    assert (report.skipped, report.lost_cycles) == ("", 1)


def test_shards_of_one_configuration_share_what_is_compiled(scene: Scene) -> None:
    """Another shard's message in the same container meets a known program: nothing is compiled for it."""
    worker = scene.worker()
    scene.run(scene.message(shard="0"), worker=worker)
    first = worker._shared.copy()
    report = scene.run(scene.message(shard="1"), worker=worker)
    assert worker._shared == first
    shapes = {id(one.plan.shape) for one in report.scrapes}
    assert len(shapes) == 1


def test_loopback_is_refused_where_it_is_not_elsewhere(scene: Scene) -> None:
    """On Lambda the runtime's own interface answers on loopback: such a target is blocked and marked down."""
    report = scene.run(worker=scene.worker(is_elsewhere))
    assert [scrape.reason for scrape in report.scrapes] == ["blocked"]
    assert report.deliveries[0].sent == 5


@pytest.mark.parametrize(
    ("address", "allowed"),
    [
        ("10.0.0.1", True), ("192.168.1.1", True), ("2001:db8::1", True), ("127.0.0.1", False),
        ("127.8.8.8", False), ("::1", False), ("::ffff:127.0.0.1", False), ("64:ff9b::7f00:1", False),
        ("169.254.169.254", False),
    ],
)  # fmt: skip
def test_what_is_elsewhere(address: str, *, allowed: bool) -> None:
    """Private ranges are where targets live; this machine in any disguise is not."""
    assert is_elsewhere(address) is allowed
