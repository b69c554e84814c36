"""http_sd_configs against a real service: what is asked, what is taken, and what a bad answer may not do."""

from __future__ import annotations

import gzip
import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pytest
from pushvar.app.last_good import LastGood
from pushvar.collect.discovery import Means
from pushvar.collect.discovery.http_sd import place_of
from pushvar.collect.registry.file import FileRegistry
from pushvar.collect.targets import build_targets
from pushvar.net.address import is_elsewhere
from pushvar.state import open_state

from tests import components
from tests.programs import loopback
from tests.programs.process import serving
from tests.programs.target_lists import target_lists

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from pushvar.collect.registry.protocol import Registry, Snapshot

    from tests.programs.target_lists import TargetLists

GROUPS = [
    {"targets": ["10.0.0.1:8080", "10.0.0.2"], "labels": {"env": "prod", "__meta_rack": "7", "empty": ""}},
    {"targets": ["[::1]:80", "host.internal:9100"]},
    {"targets": []},
]
KEPT = "the targets that it gave last stay"


@dataclass
class Scene:
    """A service, a configuration that asks it, and a registry over that."""

    lists: TargetLists
    folder: Path
    now_s: float = 0.0
    more: dict[str, Any] = field(default_factory=dict)
    means: dict[str, Any] = field(default_factory=dict)
    tenancy: dict[str, Any] = field(default_factory=dict)

    def open(self) -> FileRegistry:
        """A new registry, as after a restart."""
        block = {"url": self.lists.url, "refresh_interval": "30s", **self.more}
        document = {
            "scrape_configs": [{"job_name": "a", "http_sd_configs": [block]}],
            "tenancy": self.tenancy,
        }
        document["remote_write"] = [{"url": "http://127.0.0.1:9/"}]
        path = self.folder / "pushvar.yml"
        path.write_text(json.dumps(document))
        return FileRegistry(str(path), means=Means(**self.means), monotonic=lambda: self.now_s)

    def addresses(self, registry: Registry, after_s: float = 0.0) -> list[str]:
        """The addresses that are known some time later."""
        self.now_s += after_s
        return addresses(registry.load())


def addresses(snapshot: Snapshot) -> list[str]:
    """All addresses of a snapshot."""
    return [address for group in snapshot.groups for address in group.addresses]


@pytest.fixture
def scene(tmp_path: Path) -> Iterator[Scene]:
    """A service with three groups."""
    with target_lists() as lists:
        lists.say(GROUPS)
        yield Scene(lists, tmp_path)


def test_a_list_is_targets(scene: Scene) -> None:
    """Groups come with ports, their own labels and the URL; the request says who asks and how often."""
    snapshot = scene.open().load()
    assert (snapshot.problems, snapshot.unheard) == ((), ())
    first, second, _empty = snapshot.groups
    assert first.addresses == ("10.0.0.1:8080", "10.0.0.2:80")
    assert first.labels == (("__meta_rack", "7"), ("__meta_url", scene.lists.url), ("env", "prod"))
    assert first.source == f"{place_of(scene.lists.url)}[0]"
    assert "dc=1" not in first.source
    assert second.labels == (("__meta_url", scene.lists.url),)
    ((path, headers),) = scene.lists.asked
    assert path == "/targets?dc=1"
    assert headers["accept"] == "application/json"
    assert headers["x-prometheus-refresh-interval-seconds"] == "30"
    assert headers["user-agent"].startswith("pushvar/")


def test_asked_once_in_a_refresh_interval(scene: Scene) -> None:
    """Nothing is asked before its time, the snapshot stays the same object, and a change is a new version."""
    registry = scene.open()
    first = registry.load()
    scene.lists.say([{"targets": ["b:1"]}])
    scene.now_s = 29.9
    assert registry.load() is first
    assert len(scene.lists.asked) == 1
    scene.now_s = 30.0
    second = registry.load()
    assert (addresses(second), len(scene.lists.asked)) == (["b:1"], 2)
    assert second.version != first.version
    scene.now_s = 60.0
    assert registry.load() is second


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"status": 500}, "HTTP 500, expected 200"),
        ({"status": 204, "body": b""}, "HTTP 204, expected 200"),
        ({"status": 302, "headers": {"Location": "http://a/"}}, "a redirect; write the URL that it leads to"),
        ({"kind": "text/plain"}, 'the content type is "text/plain"; the service has to say application/json'),
        ({"kind": "application/json; charset=latin-1"}, "the content type is"),
        ({"body": b"- targets: [a]"}, "not JSON"),
        ({"body": b"[{"}, "not JSON"),
        ({"body": b'{"targets": []}'}, "expected a list, found a mapping"),
        ({"body": b'[{"targets": ["http://a/"]}]'}, "a target is host:port, without scheme, user and path"),
        ({"body": b'[{"targets": [], "label": {}}]'}, "did you mean labels?"),
        ({"body": b'[{"targets": ["a"], "labels": {"sla_tier": "wood"}}]'}, '"wood" is not a tier'),
    ],
)  # fmt: skip
def test_a_bad_answer_changes_nothing(scene: Scene, change: dict[str, Any], said: str) -> None:
    """Whatever is wrong with an answer, the last list stays, and the reason is a problem in words."""
    registry = scene.open()
    before = registry.load()
    good = {name: getattr(scene.lists, name) for name in change}
    for name, value in change.items():
        setattr(scene.lists, name, value)
    scene.now_s = 30
    after = registry.load()
    assert (after.groups, after.version) == (before.groups, before.version)
    (problem,) = after.problems
    assert said in str(problem)
    assert str(problem).startswith(place_of(scene.lists.url))
    for name, value in good.items():
        setattr(scene.lists, name, value)
    scene.now_s = 60
    assert registry.load().problems == ()


@pytest.mark.parametrize(
    "kind", ["application/json", "Application/JSON; charset=utf-8", 'application/json;charset="UTF-8"']
)
def test_content_types(scene: Scene, kind: str) -> None:
    """JSON is what the service calls JSON, in UTF-8."""
    scene.lists.kind = kind
    assert len(scene.addresses(scene.open())) == 4


def test_credentials_and_headers(scene: Scene) -> None:
    """A password is a reference, resolved when it is used; own headers go along; gzip is understood."""
    scene.more = {
        "basic_auth": {"username": "u", "password": "env:P"},
        "http_headers": {"X-A": {"values": ["b"]}},
    }
    scene.means = {"secret": lambda reference: f"<{reference.name}>"}
    scene.lists.body = gzip.compress(scene.lists.body)
    scene.lists.headers = {"Content-Encoding": "gzip"}
    assert len(scene.addresses(scene.open())) == 4
    ((_path, headers),) = scene.lists.asked
    assert (headers["authorization"], headers["x-a"]) == ("Basic dTo8UD4=", "b")


def test_a_secret_that_is_not_there(scene: Scene) -> None:
    """Without the secret nothing is asked, and the problem names the reference."""
    scene.more = {"authorization": {"credentials": "env:TOKEN"}}
    snapshot = scene.open().load()
    assert [str(one) for one in snapshot.problems] == [
        f"{place_of(scene.lists.url)}: env:TOKEN cannot be looked up here"
    ]
    assert scene.lists.asked == []


def test_addresses_obey_the_rules_of_targets(scene: Scene) -> None:
    """A service may not be where no target may be: on Lambda not on the function's own machine."""
    scene.means = {"allowed": is_elsewhere}
    snapshot = scene.open().load()
    assert "127.0.0.1 is 127.0.0.1, which no target may be" in str(snapshot.problems[0])
    assert scene.lists.asked == []


def test_a_slow_service_holds_nobody_up(scene: Scene) -> None:
    """Where a list is known a load waits ``patience_s``; the answer is taken by a later load."""
    scene.means = {"patience_s": 0.05}
    registry = scene.open()
    scene.lists.wait_s = 0.3
    before = registry.load()
    assert len(before.groups) == 3
    scene.lists.say([{"targets": ["b:1"]}])
    scene.now_s = 30
    assert registry.load() is before
    loopback.wait_until(lambda: addresses(registry.load()) == ["b:1"], timeout_s=5, what="the slow list")
    assert len(scene.lists.asked) == 2


def test_a_hanging_service_is_a_problem(scene: Scene) -> None:
    """An answer that does not come in time is a failure like any other."""
    scene.means = {"timeout_s": 0.2}
    scene.lists.wait_s = 1
    snapshot = scene.open().load()
    assert f"no complete answer within 0.2 s; {KEPT}" in str(snapshot.problems[0])
    assert snapshot.unheard == (f"{place_of(scene.lists.url)}[",)


def test_the_last_list_survives_a_restart(scene: Scene) -> None:
    """A process that has just begun takes the list from the state store until the service answers it."""
    state = open_state("memory:")

    def opened() -> Registry:
        return LastGood(scene.open(), state, lambda: 0)

    before = opened().load()
    scene.lists.status = 503
    again = opened()
    after = again.load()
    assert (after.groups, after.version) == (before.groups, before.version)
    assert "HTTP 503" in str(after.problems[0])
    assert scene.addresses(again, after_s=30) == addresses(before)
    scene.lists.status = 200
    scene.lists.say([{"targets": ["b:1"]}])
    assert scene.addresses(again, after_s=30) == ["b:1"]
    scene.lists.say([])
    assert scene.addresses(opened()) == []
    scene.lists.status = 503
    scene.tenancy = {"strict": True}
    assert scene.addresses(opened()) == []


def test_strict_tenancy_holds_for_discovered_targets(scene: Scene) -> None:
    """Targets without a customer_id are refused one by one; the others of the list are used."""
    scene.tenancy = {"strict": True}
    scene.lists.say([{"targets": ["a:1"]}, {"targets": ["b:1"], "labels": {"customer_id": "acme"}}])
    snapshot = scene.open().load()
    built = build_targets(snapshot.config, snapshot.groups)
    assert [target.url for target in built.targets] == ["http://b:1/debug/vars"]
    assert "customer_id: missing, and tenancy is strict" in str(built.refused[0])


def test_the_same_targets_as_prometheus(scene: Scene) -> None:
    """A real Prometheus with the same block and the same list has the same targets and labels."""
    step = {"action": "labelmap", "regex": "__meta_(.*)"}
    registry = scene.open()
    path = scene.folder / "pushvar.yml"
    document = json.loads(path.read_text())
    (job,) = document["scrape_configs"]
    job |= {"relabel_configs": [step], "metrics_path": "/m", "scrape_interval": "1h", "scrape_timeout": "10s"}
    path.write_text(json.dumps(document))
    snapshot = registry.load()
    built = build_targets(snapshot.config, snapshot.groups)
    ours = [
        {name: value for name, value in target.labels if name != "customer_id"} for target in built.targets
    ]
    assert len(ours) == 4
    key = str.casefold
    theirs = labels_in_prometheus(scene.folder, {"scrape_configs": [job]}, len(ours))
    hidden = {"sla_tier", "service_domain"}
    plain = [{name: value for name, value in labels.items() if name not in hidden} for labels in ours]
    assert sorted(map(str, map(sorted_items, plain)), key=key) == sorted(
        map(str, map(sorted_items, theirs)), key=key
    )


def sorted_items(labels: dict[str, str]) -> list[tuple[str, str]]:
    """Labels in order."""
    return sorted(labels.items())


def labels_in_prometheus(folder: Path, document: dict[str, Any], count: int) -> list[dict[str, str]]:
    """The labels of all targets of a real Prometheus, once it has so many."""
    config = folder / "prometheus.yml"
    config.write_text(json.dumps(document))
    command = [
        str(components.find("prometheus")),
        f"--config.file={config}",
        f"--storage.tsdb.path={folder / 'data'}",
    ]
    with serving(
        lambda ports: [*command, f"--web.listen-address=127.0.0.1:{ports[0]}"],
        folder / "prometheus.log",
        ready_path="/-/ready",
    ) as (_, port):

        def active() -> list[dict[str, str]]:
            answer = loopback.get(f"http://127.0.0.1:{port}/api/v1/targets")
            return [one["labels"] for one in json.loads(answer.body)["data"]["activeTargets"]]

        loopback.wait_until(lambda: len(active()) == count, timeout_s=30, what="all targets")
        return active()
