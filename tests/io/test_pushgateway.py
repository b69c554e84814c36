"""Pushes to a real Pushgateway: what it holds afterwards, and what it says when it refuses."""

from __future__ import annotations

import json
import os
import re
import struct
import time
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from pushvar.app.backends import Backends
from pushvar.app.engine import Engine
from pushvar.app.world import real_world
from pushvar.catalogue import HEALTH, MEMSTATS
from pushvar.collect.targets import build_target
from pushvar.config.load import load
from pushvar.convert.health import health_values
from pushvar.deliver.spool import Spool
from pushvar.deliver.staleness import REMOVED, VANISHED
from pushvar.errors import ConfigError
from pushvar.model import STALE_BITS, Load, Scrape
from pushvar.net.secrets import Secrets
from pushvar.state import open_state
from pushvar.state.protocol import Head

from tests.documents import body
from tests.programs import loopback, servers
from tests.programs.raw_server import Connection, ok, raw_server
from tests.spools import new_spool

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pushvar.model import Delivery, Target

    from tests.programs.servers import Server

TIME_MS = 1_795_173_629_844


class Pushed:
    """Scrapes of a configuration's targets, delivered to its backends without any fetch."""

    def __init__(self, *gateways: dict[str, Any], environment: dict[str, str] | None = None) -> None:
        document = {
            "global": {"external_labels": {"region": "eu"}},
            "scrape_configs": [{"job_name": "plain"}],
            "pushgateways": list(gateways),
        }
        self.config = load(json.dumps(document), source="test")
        self.environment = environment if environment is not None else {}
        self.clock_s = time.monotonic()
        secrets = Secrets(self.environment, str, lambda: self.clock_s)
        self.engine = Engine(self.config, (), secrets)
        self.later_ms = 0
        world = real_world()
        clock = replace(world, environment={}, now_ms=lambda: world.now_ms() + self.later_ms)
        self.backends = Backends(self.config, secrets, clock)
        self.store = open_state("memory:")

    def target(self, labels: dict[str, str]) -> Target:
        """A target with these labels; an empty instance takes it away, which no configuration can."""
        target = build_target(self.config, self.config.scrape_configs[0], "10.0.0.1:80", labels)
        gone = {name for name, value in labels.items() if not value}
        return replace(target, labels=tuple(pair for pair in target.labels if pair[0] not in gone))

    def up(self, document: bytes, **labels: str) -> Scrape:
        """A target with these labels that gave this document."""
        target = self.target(labels)
        converted = self.engine.convert(target, document)
        count = len(converted.plan.shape.rows)
        health = health_values(up=True, duration_s=0.1, scraped=count, kept=count, added=0)
        return Scrape(converted.plan, converted.values + health, TIME_MS)

    def down(self, **labels: str) -> Scrape:
        """A target with these labels that gave nothing."""
        target = self.target(labels)
        values = health_values(up=False, duration_s=0.1, scraped=0, kept=0, added=0)
        return Scrape(self.engine.failed(target), values, TIME_MS, "timeout", "no answer")

    def removed(self, scrape: Scrape) -> Scrape:
        """What the memory of series gives for a target that is gone."""
        count = len(HEALTH)
        return replace(scrape, values=struct.pack("<Q", STALE_BITS) * count, reason=REMOVED, detail="")

    def cycle(self, *scrapes: Scrape, for_s: float = 5.0) -> Delivery:
        """One cycle of a shard that remembers what waits; its scrapes are of this moment."""
        now_ms = int(time.time() * 1000) + self.later_ms
        lease = self.store.acquire("0", "test", cycle=now_ms, now_ms=now_ms, ttl_ms=1)
        assert lease is not None
        spool = Spool(self.store, lease)
        fresh = [replace(scrape, time_ms=now_ms) for scrape in scrapes]
        done = self.backends.deliver(Load(fresh), self.engine.families, time.monotonic() + for_s, spool)[0]
        self.store.commit(lease, Head(now_ms, now_ms, {}, spool.lanes), release=True)
        return done

    def deliver(self, *scrapes: Scrape, for_s: float = 10.0) -> Delivery:
        """Push them, and give the first backend's delivery."""
        return self.backends.deliver(
            Load(scrapes), self.engine.families, time.monotonic() + for_s, new_spool()
        )[0]


@pytest.fixture
def to_gateway(pushgateway: Server) -> Iterator[Pushed]:
    """Give a way to push to the Pushgateway."""
    made = Pushed({"name": "gw", "url": pushgateway.url})
    yield made
    made.backends.close()


def groups(pushgateway: Server, job: str) -> list[dict[str, Any]]:
    """The groups of a job that the gateway holds, each with ``labels`` and its families."""
    data = json.loads(pushgateway.text("/api/v1/metrics"))["data"]
    return [group for group in data if group["labels"]["job"] == job]


def group_of(pushgateway: Server, job: str, **labels: str) -> dict[str, Any]:
    """The only group of a job with these labels in its key."""
    (found,) = [one for one in groups(pushgateway, job) if labels.items() <= one["labels"].items()]
    return found


def values(group: dict[str, Any]) -> dict[str, list[str]]:
    """Name -> the values of its series, less the gateway's own push times."""
    return {
        name: [one["value"] for one in family["metrics"]]
        for name, family in group.items()
        if name not in {"labels", "last_push_successful"} and not name.startswith("push_")
    }


# What it holds


def test_every_family_has_its_official_type(pushgateway: Server, to_gateway: Pushed) -> None:
    """A Go document is taken beside the gateway's own go_* metrics, each family with the client's type."""
    scrape = to_gateway.up(body(goroutines=7, hits_total=3, depth=4), job="types", env="prod")
    delivery = to_gateway.deliver(scrape)
    assert (delivery.sent, delivery.failed, delivery.error) == (29 + 3, 0, "")
    group = group_of(pushgateway, "types")
    assert group["labels"] == {"job": "types", "instance": "10.0.0.1:80", "customer_id": "default"}
    types = {name: group[name]["type"] for name in group if name not in {"labels", "last_push_successful"}}
    official = {metric.family.name: metric.family.type.upper() for metric in MEMSTATS}
    own = {"go_gc_duration_seconds": "SUMMARY", "go_goroutines": "GAUGE", "hits_total": "COUNTER"}
    own |= {"depth": "UNTYPED", "push_time_seconds": "GAUGE", "push_failure_time_seconds": "GAUGE"}
    assert types == official | own
    (summary,) = group["go_gc_duration_seconds"]["metrics"]
    assert set(summary["quantiles"]) == {"0", "0.25", "0.5", "0.75", "1"}
    (depth,) = group["depth"]["metrics"]
    everything = {"env": "prod", "region": "eu", "service_domain": "types", "sla_tier": "bronze"}
    assert depth == {"labels": {**group["labels"], **everything}, "value": "4"}
    assert not {family.name for family in HEALTH} & set(group)


ODD = [
    "a/b",
    "/",
    "..",
    ".",
    "ünï😀",
    "50% off",
    "a%2Fb",
    "a+b ~c",
    "x\\y",
    "two\nlines",
    '"',
    "@base64",
    "=",
]


@pytest.mark.parametrize("value", ODD)
def test_odd_values_of_the_grouping_key(pushgateway: Server, to_gateway: Pushed, value: str) -> None:
    """Whatever a job or an instance is called, the gateway's group is called just so."""
    for labels in ({"job": value}, {"job": "odd", "instance": value}):
        delivery = to_gateway.deliver(to_gateway.up(b'{"odd": 1}', **labels))
        assert (delivery.sent, delivery.error) == (1, "")
        expected = {"instance": "10.0.0.1:80", "customer_id": "default", **labels}
        assert group_of(pushgateway, labels["job"], instance=expected["instance"])["labels"] == expected


def test_a_target_without_instance(pushgateway: Server, to_gateway: Pushed) -> None:
    """An empty instance is an empty label of the group."""
    assert to_gateway.deliver(to_gateway.up(b'{"a": 1}', job="nowhere", instance="")).sent == 1
    labels = group_of(pushgateway, "nowhere")["labels"]
    assert labels == {"job": "nowhere", "instance": "", "customer_id": "default"}


def test_two_targets_of_one_group(pushgateway: Server, to_gateway: Pushed) -> None:
    """Neither push overwrites the other: both stand in the gateway, told apart by their labels."""
    prod, test = (
        to_gateway.up(b'{"shared": %d}' % n, job="both", env=env) for n, env in ((1, "prod"), (2, "test"))
    )
    delivery = to_gateway.deliver(prod, test)
    assert (delivery.sent, delivery.requests, delivery.error) == (2, 1, "")
    metrics = group_of(pushgateway, "both")["shared"]["metrics"]
    assert {one["labels"]["env"]: one["value"] for one in metrics} == {"prod": "1", "test": "2"}


def test_two_tenants_of_one_job_are_two_groups(pushgateway: Server, to_gateway: Pushed) -> None:
    """The same job and instance of two customers: one's push leaves the other's values alone."""
    first, second = (
        to_gateway.up(b'{"a": %d}' % n, job="shared", customer_id=name) for n, name in ((1, "c1"), (2, "c2"))
    )
    assert to_gateway.deliver(first, second).requests == 2
    assert to_gateway.deliver(to_gateway.up(b'{"b": 3}', job="shared", customer_id="c2")).sent == 1
    assert values(group_of(pushgateway, "shared", customer_id="c1")) == {"a": ["1"]}
    assert values(group_of(pushgateway, "shared", customer_id="c2")) == {"b": ["3"]}


def test_a_failure_replaces_the_values(pushgateway: Server, to_gateway: Pushed) -> None:
    """After a failed fetch the group says up 0 and nothing old; after a good one it has values again."""
    assert to_gateway.deliver(to_gateway.up(b'{"temperature": 20}', job="flaky")).sent == 1
    assert to_gateway.deliver(to_gateway.down(job="flaky")).sent == len(HEALTH)
    group = group_of(pushgateway, "flaky")
    assert set(values(group)) == {family.name for family in HEALTH}
    assert group["up"]["metrics"][0]["value"] == "0"
    assert to_gateway.deliver(to_gateway.up(b"{}", job="flaky")).sent == 0
    assert values(group_of(pushgateway, "flaky")) == {}
    assert to_gateway.deliver(to_gateway.up(b'{"temperature": 21}', job="flaky")).sent == 1
    assert values(group_of(pushgateway, "flaky")) == {"temperature": ["21"]}


def test_numbers_that_are_none(pushgateway: Server, to_gateway: Pushed) -> None:
    """NaN and the infinities arrive as such."""
    document = b'{"n": NaN, "i": +Inf, "m": -Inf}'
    assert to_gateway.deliver(to_gateway.up(document, job="odd-numbers")).sent == 3
    assert values(group_of(pushgateway, "odd-numbers")) == {"n": ["NaN"], "i": ["+Inf"], "m": ["-Inf"]}


def test_help_texts_are_those_of_the_gateway(tmp_path: Path) -> None:
    """Families that the gateway has too get its help text: no release finds anything to complain of."""
    with servers.pushgateway(tmp_path) as server:
        pushed = Pushed({"name": "gw", "url": server.url})
        document = body(goroutines=7, process_cpu_seconds_total=1, own_total=2)
        for number in range(3):
            assert pushed.deliver(pushed.up(document, job=f"help-{number}")).error == ""
        pushed.backends.close()
        shown = dict(re.findall(r"(?m)^# HELP (\S+) (.*)$", server.text("/metrics")))
        held = {
            name: family["help"]
            for name, family in group_of(server, "help-2").items()
            if name not in {"labels", "last_push_successful"}
        }
        assert held.items() <= shown.items()
        assert held["process_cpu_seconds_total"] == "Total user and system CPU time spent in seconds."
        assert held["own_total"] == "expvar own_total"
        log = server.program.log.read_text()
    assert "help string" not in log


# What goes out of it


def jobs(pushgateway: Server, *names: str) -> list[str]:
    """Which of these jobs have a group there."""
    return [name for name in names if groups(pushgateway, name)]


def test_a_removed_target_takes_its_group_along(pushgateway: Server, to_gateway: Pushed) -> None:
    """The gateway forgets it; a group with another target stays, and so does one whose series vanished."""
    own, first, second, other = (
        to_gateway.up(b'{"a": 1}', job=job, env=env)
        for job, env in (("rm-own", ""), ("rm-shared", "1"), ("rm-shared", "2"), ("rm-other", ""))
    )
    assert to_gateway.cycle(own, first, second, other).sent == 4
    left = [to_gateway.removed(own), to_gateway.removed(first), replace(other, reason=VANISHED)]
    done = to_gateway.cycle(second, *left)
    assert (done.sent, done.failed, done.requests, done.error) == (1, 0, 2, "")
    assert jobs(pushgateway, "rm-own", "rm-shared", "rm-other") == ["rm-shared", "rm-other"]
    assert values(group_of(pushgateway, "rm-shared")) == {"a": ["1"]}
    assert to_gateway.cycle(to_gateway.removed(own)).error == "", "there is nothing to delete, which is fine"


def test_a_group_that_is_down_for_long_is_deleted(pushgateway: Server) -> None:
    """After delete_down_after, once; it comes back with the first good fetch."""
    pushed = Pushed({"name": "gw", "url": pushgateway.url, "delete_down_after": "30m"})
    bad, good = pushed.down(job="long-down"), pushed.up(b'{"a": 1}', job="long-down")
    seen = []
    for minutes, scrape in ((0, bad), (29, bad), (30, bad), (31, bad), (32, good), (33, bad)):
        pushed.later_ms = minutes * 60_000 + minutes
        done = pushed.cycle(scrape)
        assert (done.failed, done.error) == (0, "")
        seen.append((done.requests, done.sent, *jobs(pushgateway, "long-down")))
    pushed.backends.close()
    there, count = "long-down", len(HEALTH)
    assert seen == [(1, count, there), (1, count, there), (1, 0), (0, 0), (1, 1, there), (1, count, there)]


def test_a_gateway_that_is_stopped_and_started(tmp_path: Path) -> None:
    """One probe per cycle while it is away; then it gets the newest states, and the DELETE that waited."""
    with servers.pushgateway(tmp_path) as server:
        pushed = Pushed({"name": "gw", "url": server.url, "remote_timeout": "1s"})
        first = [pushed.up(b'{"a": 1}', job=job) for job in ("x", "y", "z")]
        assert pushed.cycle(*first).sent == 3
    second = [pushed.up(b'{"a": 2}', job=job) for job in ("x", "y")]
    done = pushed.cycle(*second, pushed.removed(first[2]), for_s=1)
    assert (done.spooled, done.waiting, done.dropped) == (2, 2, ())
    start_s = time.monotonic()
    done = pushed.cycle(pushed.up(b'{"a": 3}', job="x"))
    assert (done.requests, done.spooled, done.dropped, done.waiting) == (1, 1, (("superseded", 1),), 2)
    assert time.monotonic() - start_s < 1
    with servers.started_again(server, tmp_path):
        path = "/metrics/job/z/instance/10.0.0.1:80/customer_id/default"
        assert loopback.request("PUT", server.url + path, body=b"b 0\n").status == 200
        assert jobs(server, "z") == ["z"]
        done = pushed.cycle(pushed.up(b'{"a": 4}', job="x"))
        assert (done.sent, done.replayed, done.dropped, done.waiting) == (1, 1, (("superseded", 1),), 0)
        assert [values(group_of(server, job)) for job in ("x", "y")] == [{"a": ["4"]}, {"a": ["2"]}]
        assert jobs(server, "z") == []
        assert pushed.cycle().requests == 0
    pushed.backends.close()


# When it refuses


GROUPS = (
    b'{"status":"success","data":[{"labels":{"job":"o"},"a":{"type":"GAUGE","metrics":[]}},{"labels":{}}]}'
)

PROGRAMS = [
    None,
    pytest.param(
        "PUSHGATEWAY_BIN",
        marks=pytest.mark.skipif(
            "PUSHGATEWAY_BIN" not in os.environ,
            reason="PUSHGATEWAY_BIN names no Pushgateway of 1.11 or later, which none of the packages is",
        ),
    ),
]


@pytest.mark.parametrize("variable", PROGRAMS)
def test_a_refusal_is_explained(variable: str | None, tmp_path: Path) -> None:
    """Which family, as what, and which other group."""
    program = Path(os.environ[variable]) if variable else None
    with servers.pushgateway(tmp_path, program=program) as server:
        held = {
            "job/theirs/zone/z": b"# TYPE hits gauge\nhits 1\n",
            "job/wide": b'own{job="wide",instance="10.0.0.1:80",customer_id="default",region="eu",'
            b'service_domain="wide",sla_tier="bronze"} 1\n',
            "job/parts": b'# TYPE took histogram\ntook_bucket{le="+Inf"} 1\ntook_sum 1\ntook_count 1\n',
        }
        for path, text in held.items():
            assert loopback.request("PUT", f"{server.url}/metrics/{path}", body=text).status == 200
        pushed = Pushed({"name": "gw", "url": server.url})
        documents = {
            "type": b'{"fine": 1, "hits": 2}',
            "wide": b'{"own": 2}',
            "suffix": b'{"took_bucket": 2}',
            "gateways": b'{"go_memstats_alloc_bytes": 1}',
        }
        errors = []
        for job, document in documents.items():
            done = pushed.cycle(pushed.up(document, job=job))
            assert [reason for reason, _ in done.dropped] == ["refused"], (job, done)
            errors.append(done.error)
        pushed.backends.close()
    hint = "; in all of a gateway, its own go_* metrics too, a name has one type"
    assert [error.removesuffix(hint).rpartition("; ")[2] for error in errors] == [
        'hits is pushed as untyped, group {job="theirs", zone="z"} has it as gauge',
        'group {job="wide"} has a series of own with the labels of this group',
        'took_bucket is pushed as untyped, group {job="parts"} has took as histogram',
        "go_memstats_alloc_bytes is pushed as untyped, the gateway's own is gauge",
    ]


@pytest.mark.parametrize(
    "page", [ok(GROUPS), ok(GROUPS[:-9]), ok(b"<html>"), b"HTTP/1.1 404 No\r\n\r\n", b""]
)
def test_a_gateway_is_asked_for_its_groups_once_in_a_cycle(page: bytes) -> None:
    """However many it refuses, and whatever it says; the refusals are told in any case."""

    def act(client: Connection) -> None:
        while client.request():
            method, path, _ = client.server.heads[-1].split(" ", 2)
            if method == "GET":
                client.send(page if path == "/api/v1/metrics" else ok())
                if not page.endswith(GROUPS):
                    return
            else:
                client.send(b"HTTP/1.1 400 No\r\nContent-Length: 4\r\n\r\nwhy?")

    with raw_server(act) as server:
        pushed = Pushed({"url": f"http://127.0.0.1:{server.port}"})
        scrapes = [pushed.up(b'{"a": 1}', job=job) for job in ("x", "y")]
        done = pushed.cycle(*scrapes)
        pushed.backends.close()
    assert [head.split()[0] for head in server.heads] == ["GET", "PUT", "GET", "PUT"]
    assert done.dropped == (("refused", 2),)
    why = '; a is pushed as untyped, group {job="o"} has it as gauge' if GROUPS[:60] in page else ""
    assert f"HTTP 400: why?{why}; in all" in done.error


def test_an_inconsistent_type_costs_its_own_group(pushgateway: Server, to_gateway: Pushed) -> None:
    """The gateway's own words say which name; the groups before and after it are delivered."""
    delivery = to_gateway.deliver(
        to_gateway.up(b'{"fine": 1}', job="before"),
        to_gateway.up(b'{"go_memstats_alloc_bytes": 1, "lost": 2}', job="clash", pod="p" * 300),
        to_gateway.up(b'{"fine": 1}', job="after"),
    )
    assert (delivery.sent, delivery.failed, delivery.requests, delivery.retries) == (2, 2, 3, 0)
    where = f"{pushgateway.url}/metrics/job/clash/instance/10.0.0.1%3A80/customer_id/default"
    assert delivery.error.startswith(f"{where}: HTTP 400: ")
    assert "inconsistent with existing metrics" in delivery.error
    assert "go_memstats_alloc_bytes" in delivery.error
    assert re.search("(is not a|should have) GAUGE; ", delivery.error), "what comes last in a long answer"
    assert delivery.error.endswith("in all of a gateway, its own go_* metrics too, a name has one type")
    for job in ("before", "after"):
        assert values(group_of(pushgateway, job)) == {"fine": ["1"]}


def test_the_path_prefix_of_a_gateway(tmp_path: Path) -> None:
    """A gateway behind a prefix is found by it, and missed, with a hint, without it."""
    flag = "--web.route-prefix=/push"
    with servers.pushgateway(tmp_path, flag, ready_path="/push/-/ready") as server:
        right, wrong, doubled = (
            Pushed({"name": "gw", "url": server.url + path}) for path in ("/push/", "", "//push")
        )
        good, bad, redirected = (one.deliver(one.up(b'{"a": 1}')) for one in (right, wrong, doubled))
        for one in (right, wrong, doubled):
            one.backends.close()
    assert (good.sent, good.error) == (1, "")
    assert (bad.failed, bad.requests) == (1, 1)
    assert bad.error.endswith("check the url: the gateway's address and path prefix, without /metrics")
    assert (redirected.failed, redirected.requests) == (1, 1)
    assert redirected.error.endswith("redirects are not followed; write the final address as the url")


# On a server that misbehaves


def test_a_gateway_that_recovers() -> None:
    """A 503 and a broken connection are retried with the same bytes, and counted as retries only."""
    bodies = []

    def act(client: Connection) -> None:
        while client.request():
            if not client.body:  # the question for its help texts
                client.send(ok())
                continue
            bodies.append(client.body)
            if len(bodies) == 1:
                client.send(ok().replace(b"200 OK", b"503 Later"))
            elif len(bodies) == 2:
                client.reset()
                return
            else:
                client.send(ok().replace(b"200 OK", b"202 Accepted"))

    with raw_server(act) as server:
        pushed = Pushed({"url": f"http://127.0.0.1:{server.port}"})
        delivery = pushed.deliver(pushed.up(b'{"a": 1}'))
        pushed.backends.close()
    assert (delivery.sent, delivery.retries, delivery.requests, delivery.error) == (1, 2, 3, "")
    assert delivery.wire_bytes == len(bodies[0])
    assert len(set(bodies)) == 1
    lines = [head.partition("\r\n")[0].rpartition("/instance/")[0] for head in server.heads]
    assert lines == ["", *["PUT /metrics/job/plain"] * 3]
    assert server.heads[0].startswith("GET /metrics HTTP/1.1\r\n")
    assert not any("retry-attempt" in head.lower() for head in server.heads)


@pytest.mark.parametrize("answer", [None, b"HTTP/1.1 503 Later\r\nContent-Length: 0\r\n\r\n", b"?"])
def test_a_gateway_that_does_not_work_costs_its_time(answer: bytes | None) -> None:
    """Silent, failing or no HTTP at all: every group is counted as failed when the time is over."""

    def act(client: Connection) -> None:
        while client.request():
            if answer is None:
                client.wait()
            client.send(answer or b"")

    with raw_server(act) as server:
        pushed = Pushed({"url": f"http://127.0.0.1:{server.port}", "remote_timeout": "500ms"})
        scrapes = [pushed.up(b'{"a": 1, "b": 2}', job=job) for job in ("x", "y")]
        start_s = time.monotonic()
        delivery = pushed.deliver(*scrapes, for_s=1.5)
        pushed.backends.close()
    assert time.monotonic() - start_s < 2.5
    assert (delivery.sent, delivery.failed) == (0, 4)
    assert delivery.error


def test_the_question_for_help_texts_is_asked_until_it_is_answered() -> None:
    """Once is enough; a gateway that was away is asked again, and one that takes pushes never more.

    After a refusal it is asked for its groups.
    """
    act_on: dict[str, list[bytes]] = {}

    def act(client: Connection) -> None:
        while client.request():
            method = client.server.heads[-1].split()[0]
            if not (answers := act_on.get(method)):
                client.send(ok(b"# HELP go_goroutines theirs\n"))
            elif answer := answers.pop(0):
                client.send(answer)
            else:
                return

    def asked(cycles: int, **answers: list[bytes]) -> tuple[str, bool]:
        with raw_server(act) as server:
            act_on.clear()
            act_on.update(answers)
            pushed = Pushed({"url": f"http://127.0.0.1:{server.port}"})
            for _ in range(cycles):
                pushed.deliver(pushed.up(b'{"goroutines": 1}'), for_s=8)
            last = pushed.deliver(pushed.up(b'{"goroutines": 1}'))
            pushed.backends.close()
            assert last.sent == 1
            return "".join(head[0] for head in server.heads), last.wire_bytes < 130

    refused = b"HTTP/1.1 400 No\r\nContent-Length: 0\r\n\r\n"
    missing = b"HTTP/1.1 404 No\r\nContent-Length: 0\r\n\r\n"
    assert asked(1) == ("GPP", True)
    assert asked(2, GET=[b"", b""]) == ("GPPP", False), "it takes pushes"
    assert asked(2, GET=[b""], PUT=[refused, refused]) == ("GPGGPGP", True), "it was away"
    assert asked(2, GET=[missing], PUT=[refused]) == ("GPGPP", False), "it has no such page"


def test_redirects_are_not_followed() -> None:
    """A 301 is a failure with a hint; nothing is sent to where it points."""
    answer = b"HTTP/1.1 301 Moved Permanently\r\nLocation: /elsewhere\r\nContent-Length: 0\r\n\r\n"

    def act(client: Connection) -> None:
        while client.request():
            client.send(answer)

    with raw_server(act) as server:
        pushed = Pushed({"url": f"http://127.0.0.1:{server.port}"})
        delivery = pushed.deliver(pushed.up(b'{"a": 1}'))
        pushed.backends.close()
    assert (delivery.failed, delivery.requests) == (1, 1)
    assert [head.split()[0] for head in server.heads] == ["GET", "PUT"]
    assert delivery.error.endswith("HTTP 301; redirects are not followed; write the final address as the url")


@pytest.mark.parametrize(
    ("auth", "expected"),
    [
        ({"basic_auth": {"username": "u", "password": "env:SECRET"}}, "Authorization: Basic dTpzM2NyZXQ="),
        ({"authorization": {"credentials": "env:SECRET"}}, "Authorization: Bearer s3cret"),
        ({"headers": {"X-Scope": "acme"}}, "X-Scope: acme"),
    ],
)
def test_credentials_and_headers(auth: dict[str, Any], expected: str) -> None:
    """They are those of a remote_write; a secret that goes away costs this backend's samples."""
    with raw_server() as server:
        pushed = Pushed({"url": f"http://127.0.0.1:{server.port}", **auth}, environment={"SECRET": "s3cret"})
        pushed.backends.check()
        assert pushed.deliver(pushed.up(b'{"a": 1}')).sent == 1
        assert [expected in head.split("\r\n") for head in server.heads] == [True, True]
        if "headers" not in auth:
            del pushed.environment["SECRET"]
            pushed.clock_s += 1000
            delivery = pushed.deliver(pushed.up(b'{"a": 1}'))
            assert (delivery.sent, delivery.failed, delivery.error) == (
                0, 1, "env:SECRET is not set; export SECRET before starting",
            )  # fmt: skip
            with pytest.raises(ConfigError, match="env:SECRET is not set"):
                pushed.backends.check()
        pushed.backends.close()


def test_a_file_that_is_not_there_is_found_before_the_first_push() -> None:
    """Checking loads the TLS files of a Pushgateway; one that goes away later costs its own samples."""
    pushed = Pushed({"url": "https://h", "tls_config": {"ca_file": "gone.pem"}})
    with pytest.raises(ConfigError, match=r"gone\.pem"):
        pushed.backends.check()
    delivery = pushed.deliver(pushed.up(b'{"a": 1}'))
    assert (delivery.sent, delivery.failed, "gone.pem" in delivery.error) == (0, 1, True)


def test_a_fault_of_our_own_is_the_backends_alone(
    pushgateway: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Beside a backend that fails for a fault of pushvar's, the other delivers; what is lost is counted."""
    pushed = Pushed({"name": "one", "url": pushgateway.url}, {"name": "two", "url": pushgateway.url})
    scrapes = [pushed.up(b'{"a": 1, "b": 2}', job="fault"), pushed.down(job="fault", env="x")]
    monkeypatch.setattr(pushed.backends._backends[0], "_push", lambda *_: 1 / 0)
    first, second = pushed.backends.deliver(Load(scrapes), {}, time.monotonic() + 5, new_spool())
    pushed.backends.close()
    assert (first.backend, first.sent, first.failed) == ("one", 0, 2 + len(HEALTH))
    assert first.error == "ZeroDivisionError: division by zero"
    assert (second.backend, second.sent, second.error) == ("two", 2 + len(HEALTH), "")
