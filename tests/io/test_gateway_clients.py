"""Clients of the Pushgateway, unchanged, against both doors: ``pushvar gateway`` and the function's URL."""

from __future__ import annotations

import base64
import gzip
import json
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.error import HTTPError

import prometheus_client as client
import pytest
import snappy
from prometheus_client.exposition import basic_auth_handler, default_handler
from prometheus_client.parser import text_string_to_metric_families

from tests.functions.deployment import deploy
from tests.functions.function_url import function_url
from tests.programs import loopback
from tests.programs.gateways import gateway
from tests.programs.go_client import recorded

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

    from tests.programs.aws import Aws

    Send = Callable[[], None]
    Settings = dict[str, Any]
    Headers = Mapping[str, str]

GO = recorded()
SECRETS = {"acme": "s3cret", "globex": "t0ken-of-globex"}  # acme's is what the recorded Go client shows
CURL = {"Content-Type": "application/x-www-form-urlencoded", "User-Agent": "curl/8.5.0", "Accept": "*/*"}
TIMES = {"push_time_seconds", "push_failure_time_seconds"}


def _series(name: str, labels: dict[str, str]) -> str:
    shown = {**labels, "job": None, "instance": labels["instance"] or None}
    inside = ",".join(f'{label}="{value}"' for label, value in sorted(shown.items()) if value is not None)
    return f"{name}{{{inside}}}" if inside else name


def basic(password: str = SECRETS["acme"], user: str = "acme") -> dict[str, str]:
    """The header of a user and password."""
    return {"Authorization": f"Basic {base64.b64encode(f'{user}:{password}'.encode()).decode()}"}


ANY: Mapping[str, str] = {}
ACME, GLOBEX = basic(), {"Authorization": f"Bearer {SECRETS['globex']}"}


def closed(reference: Callable[[str], str]) -> Settings:
    """Two customers with a credential each, and nobody else; ``reference`` says where a secret lies."""
    acme = {"username": "acme", "password": reference("acme")}
    return {
        "credentials": [
            {"customer_id": "acme", "basic_auth": acme},
            {"customer_id": "globex", "authorization": {"credentials": reference("globex")}},
        ]
    }


@dataclass(frozen=True)
class Door:
    """A door that wants a credential at ``url``, one that wants none at ``open_url``."""

    url: str
    open_url: str

    def shown(self, job: str, who: Headers = ACME) -> dict[str, float]:
        """What ``GET /metrics`` shows a customer of a job: ``rows{shard="b"}`` -> value.

        Without the job, an empty instance and the times of pushes.
        """
        answer = loopback.request("GET", f"{self.url if who else self.open_url}/metrics", headers=who)
        assert answer.status == 200, answer.body
        return {
            _series(sample.name, sample.labels): sample.value
            for family in text_string_to_metric_families(answer.body.decode())
            for sample in family.samples
            if sample.labels["job"] == job and sample.name not in TIMES
        }

    def push(
        self, path: str, body: bytes, who: Headers = ACME, *, method: str = "PUT", headers: Headers = ANY
    ) -> loopback.Answer:
        """Push to a path below ``/metrics``."""
        url = self.url if who else self.open_url
        return loopback.request(method, f"{url}/metrics/{path}", body=body, headers={**who, **headers})


@contextmanager
def program(folder: Path, block: Settings) -> Iterator[str]:
    """Run ``pushvar gateway`` with this block, or without a configuration."""
    folder.mkdir()
    if not block:
        with gateway(folder) as server:
            yield server.url
        return
    config = folder / "pushvar.yml"
    config.write_text(json.dumps({"remote_write": [{"url": "http://127.0.0.1:9/write"}], "gateway": block}))
    env = {f"PUSH_{name.upper()}": value for name, value in SECRETS.items()}
    with gateway(folder, "--config", config, env=env) as server:
        yield server.url


@contextmanager
def function(aws: Aws, folder: Path, make: Callable[[Callable[[str], str]], Settings]) -> Iterator[str]:
    """Deploy the gateway function with a block, and serve its URL."""
    folder.mkdir()
    with pytest.MonkeyPatch.context() as patch:
        for name, value in aws.environment.items():
            patch.setenv(name, value)
        stack = deploy(aws, folder, patch.setenv)
        names = {name: f"/pushvar/{stack.stage}/secrets/{name}" for name in SECRETS}
        for name, value in SECRETS.items():
            aws.client("ssm").put_parameter(Name=names[name], Value=value, Type="SecureString")
        stack.configure([], "http://127.0.0.1:9/write", gateway=make(lambda name: f"ssm:{names[name]}"))
        container = stack.container("gateway")
        with function_url(container) as url:
            assert loopback.get(f"{url}/-/ready").status == 200  # it has read its environment now
            yield url
        container.close()


@pytest.fixture(scope="module", params=["program", "function"])
def door(
    request: pytest.FixtureRequest, aws_server: Aws, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Door]:
    """Give either door."""
    folder = tmp_path_factory.mktemp("doors")
    with ExitStack() as stack:
        if request.param == "program":
            url = stack.enter_context(
                program(folder / "closed", closed(lambda name: f"env:PUSH_{name.upper()}"))
            )
            yield Door(url, stack.enter_context(program(folder / "open", {})))
        else:
            url = stack.enter_context(function(aws_server, folder / "closed", closed))
            anybody = function(aws_server, folder / "open", lambda _: {"anonymous": "default"})
            yield Door(url, stack.enter_context(anybody))


@pytest.fixture(autouse=True)
def _no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the official client, which heeds proxies, go straight to the door."""
    monkeypatch.setenv("no_proxy", "127.0.0.1")


def as_acme(url: str, method: str, timeout: float | None, headers: Any, data: bytes) -> Send:
    """Let the official client show acme's user and password."""
    return basic_auth_handler(url, method, timeout, headers, data, "acme", SECRETS["acme"])


def showing(**more: str) -> Callable[..., Send]:
    """Let the official client send these headers."""

    def handler(url: str, method: str, timeout: float | None, headers: Any, data: bytes) -> Send:
        added = [(name.replace("_", "-"), value) for name, value in more.items()]
        return default_handler(url, method, timeout, [*headers, *added], data)

    return handler


def gauges(**values: float) -> client.CollectorRegistry:
    """A registry with these gauges."""
    registry = client.CollectorRegistry()
    for name, value in values.items():
        client.Gauge(name, f"Some {name}.", registry=registry).set(value)
    return registry


def test_push_replaces_a_group(door: Door) -> None:
    """``push_to_gateway``: what is not in the new push is gone; another group of the job stays."""
    pushes: tuple[tuple[client.CollectorRegistry, dict[str, str]], ...] = (
        (gauges(rows=1, bytes=2), {}), (gauges(rows=5), {"shard": "b"}), (gauges(rows=3), {}),
    )  # fmt: skip
    for registry, key in pushes:
        client.push_to_gateway(door.url, "replaced", registry, grouping_key=key, handler=as_acme)
    assert door.shown("replaced") == {"rows": 3, 'rows{shard="b"}': 5}


def test_push_add_keeps_the_others(door: Door) -> None:
    """``pushadd_to_gateway``: metrics of the same name are replaced, the rest of the group stays."""
    for registry in (gauges(rows=1, bytes=2), gauges(rows=3)):
        client.pushadd_to_gateway(door.url, "added", registry, handler=as_acme)
    assert door.shown("added") == {"rows": 3, "bytes": 2}


def test_delete(door: Door) -> None:
    """``delete_from_gateway``: the group goes, one beside it stays; what is not there may be deleted too."""
    for key in ({}, {"shard": "b"}):
        client.push_to_gateway(door.url, "deleted", gauges(rows=1), grouping_key=key, handler=as_acme)
    for _ in range(2):
        client.delete_from_gateway(door.url, "deleted", handler=as_acme)
    assert door.shown("deleted") == {'rows{shard="b"}': 1}


@pytest.mark.parametrize(
    ("value", "shown"),
    [("/var/lib", "/var/lib"), ("a b+c", "a b+c"), ("50%", "50%"), ("größe?#", "größe?#"), ("a//b", "a//b")],
)
def test_any_value_groups(door: Door, value: str, shown: str) -> None:
    """Slashes, spaces, what a URL would take for its own; however the client escapes it."""
    job = f"grouped {value}"
    client.push_to_gateway(door.url, job, gauges(rows=1), grouping_key={"path": value}, handler=as_acme)
    assert door.shown(job) == {f'rows{{path="{shown}"}}': 1}
    client.delete_from_gateway(door.url, job, grouping_key={"path": value}, handler=as_acme)
    assert door.shown(job) == {}


def test_an_empty_value_groups(door: Door) -> None:
    """The client writes it as ``@base64/=``; the label is shown, and is empty."""
    key = {"instance": "", "shard": ""}
    client.push_to_gateway(door.url, "empty", gauges(rows=1), grouping_key=key, handler=as_acme)
    assert door.shown("empty") == {'rows{shard=""}': 1}
    client.delete_from_gateway(door.url, "empty", grouping_key=key, handler=as_acme)
    assert door.shown("empty") == {}


def test_the_machine_groups(door: Door) -> None:
    """``instance_ip_grouping_key``."""
    key = client.instance_ip_grouping_key()
    client.push_to_gateway(door.url, "machine", gauges(rows=1), grouping_key=key, handler=as_acme)
    assert door.shown("machine") == {f'rows{{instance="{key["instance"]}"}}': 1}


def test_every_type_of_metric(door: Door) -> None:
    """What the client writes is what a scrape gets back."""
    registry = client.CollectorRegistry()
    client.Counter("jobs", "Jobs.", ["kind"], registry=registry).labels('a\\b"c\nd').inc(3)
    client.Histogram("took_seconds", "Time.", registry=registry, buckets=(0.5, 1.5)).observe(0.7)
    client.Summary("size_bytes", "Size.", registry=registry).observe(20)
    client.Info("build", "Build.", registry=registry).info({"version": "1"})
    client.Enum("state", "State.", states=["on", "off"], registry=registry).state("off")
    client.push_to_gateway(door.url, "types", registry, handler=as_acme)
    written = {
        _series(sample.name, {"instance": "", **sample.labels}): sample.value
        for family in text_string_to_metric_families(client.generate_latest(registry).decode())
        for sample in family.samples
    }
    assert door.shown("types") == written


def test_a_lifetime_goes_with_a_push(door: Door) -> None:
    """In a header, as a duration or in seconds; one that is neither is named, and nothing is stored."""
    for ttl in ("36h", "3600"):
        client.push_to_gateway(door.url, "lives", gauges(rows=1), handler=showing(X_Pushvar_TTL=ttl, **ACME))
    answer = door.push("job/lives-not", b"rows 1\n", headers={"X-Pushvar-TTL": "soon"})
    assert (answer.status, b"X-Pushvar-TTL" in answer.body) == (400, True)
    assert door.shown("lives") == {"rows": 1}
    assert door.shown("lives-not") == {}


@pytest.mark.parametrize(
    ("name", "delete", "job", "label"),
    [
        ("push", "delete", "db_backup", ""),
        ("add_text", "delete", "db_backup", ""),
        ("push_grouped", "delete_grouped", "db/backup", 'path="/var/lib x"'),
    ],
)
def test_go_pushes(door: Door, name: str, delete: str, job: str, label: str) -> None:
    """The requests of Go's official client, byte by byte: delimited protobuf, text, and deletions."""
    assert GO[name].replay(door.open_url) == (GO[name].status, b"")
    shown = door.shown(job, who=ANY)
    values: dict[str, tuple[float, ...]] = {}
    for series, value in shown.items():
        assert label in series
        values[series.partition("{")[0]] = (*values.get(series.partition("{")[0], ()), value)
    assert values == {
        "backup_last_completion_timestamp_seconds": (1763650800.25,),
        "backup_rows_total": (3, 12345678901),
        "backup_stage_seconds_bucket": (1, 2, 2, 3),
        "backup_stage_seconds_sum": (4,),
        "backup_stage_seconds_count": (3,),
        "backup_file_bytes": (20,),
        "backup_file_bytes_sum": (60,),
        "backup_file_bytes_count": (3,),
    }
    assert any('table="a\\b"c\nd"' in series for series in shown)
    assert GO[delete].replay(door.open_url)[0] == GO[delete].status
    assert door.shown(job, who=ANY) == {}


def test_go_shows_a_user_and_password(door: Door) -> None:
    """The group is acme's, whose credential it was."""
    assert GO["push_basic_auth"].replay(door.url)[0] == 200
    assert door.shown("db_backup")["backup_file_bytes_sum"] == 60
    assert door.shown("db_backup", GLOBEX) == {}
    assert GO["push"].replay(door.url)[0] == 401


def test_curl_pushes_text(door: Door) -> None:
    """``echo "rows 42" | curl --data-binary @- URL``: declared as a form, and taken as text."""
    assert door.push("job/curl/instance/db1", b"rows 42\n", method="POST", headers=CURL).status == 200
    assert door.push("job@base64/Y3VybA/path@base64/L3Zhci90bXA=", b"rows 7\n", headers=CURL).status == 200
    assert door.push("job/curl/path/%2Fvar%2Flib", b"rows 8\n", headers=CURL).status == 200
    assert door.shown("curl") == {
        'rows{instance="db1"}': 42, 'rows{path="/var/tmp"}': 7, 'rows{path="/var/lib"}': 8,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("job", "body", "headers"),
    [
        ("gzip", gzip.compress(b"rows 1\n"), {"Content-Encoding": "gzip"}),
        ("snappy", snappy.StreamCompressor().add_chunk(b"rows 1\n"), {"Content-Encoding": "snappy"}),
        (
            "openmetrics",
            b"# TYPE rows gauge\nrows 1\n# EOF\n",
            {"Content-Type": "application/openmetrics-text"},
        ),
        ("expvar", b'{"rows": 1}', {"Content-Type": "application/json"}),
    ],
)
def test_other_bodies(door: Door, job: str, body: bytes, headers: dict[str, str]) -> None:
    """Compressed, OpenMetrics, and what a Go program serves at /debug/vars."""
    answer = door.push(f"job/{job}", body, headers=headers)
    assert answer.status == 200, answer.body
    assert door.shown(job) == {"rows": 1}


@pytest.mark.parametrize(
    ("path", "who", "more", "status"),
    [
        ("job/denied", {"X-Nothing": "shown"}, {}, 401),
        ("job/denied", basic("wrong"), {}, 401),
        ("job/denied", basic(user="globex"), {}, 401),
        ("job/denied", basic(SECRETS["globex"], "globex"), {}, 401),
        ("job/denied", {"Authorization": "Bearer s3cret"}, {}, 401),
        ("job/denied", {"Authorization": "Digest x"}, {}, 401),
        ("job/denied", ACME, {"X-Customer-Id": "globex"}, 403),
        ("job/denied/customer_id/globex", ACME, {}, 403),
        ("job/denied/customer_id/acme", GLOBEX, {}, 403),
    ],
)
def test_nobody_pushes_for_another(
    door: Door, path: str, who: dict[str, str], more: dict[str, str], status: int
) -> None:
    """No credential, a wrong one, one of another customer: refused, and nothing is stored for anybody."""
    for method in ("PUT", "POST", "DELETE"):
        answer = door.push(path, b"" if method == "DELETE" else b"rows 1\n", who, method=method, headers=more)
        assert answer.status == status
        assert ("www-authenticate" in answer.headers) == (status == 401)
    assert door.shown("denied") == door.shown("denied", GLOBEX) == {}


def test_the_client_learns_that_it_is_refused(door: Door) -> None:
    """As an HTTPError, whose status it can see."""
    with pytest.raises(HTTPError) as refused:
        client.push_to_gateway(door.url, "denied", gauges(rows=1))
    with refused.value:
        assert refused.value.code == 401


def test_customers_do_not_see_each_other(door: Door) -> None:
    """The same job of two customers is two groups; each is shown and deletes its own."""
    for who, rows in ((ACME, 1), (GLOBEX, 2)):
        assert door.push("job/both", f"rows {rows}\n".encode(), who).status == 200
    assert (door.shown("both"), door.shown("both", GLOBEX)) == ({"rows": 1}, {"rows": 2})
    assert door.push("job/both", b"", GLOBEX, method="DELETE").status == 202
    assert (door.shown("both"), door.shown("both", GLOBEX)) == ({"rows": 1}, {})


@pytest.mark.parametrize(
    ("body", "headers", "words"),
    [
        (b"# " + b"x" * 4_200_000 + b"\nrows 1\n", {}, b"body_size_limit"),
        (
            gzip.compress(b"# " + b"x" * 4_200_000 + b"\nrows 1\n"),
            {"Content-Encoding": "gzip"},
            b"body_size_limit",
        ),
    ],
    ids=["plain", "gzip"],
)
def test_a_body_over_the_limit(door: Door, body: bytes, headers: dict[str, str], words: bytes) -> None:
    """The client sees which limit it was, for all of its body was read; nothing is stored."""
    answer = door.push("job/large", body, headers=headers)
    assert (answer.status, words in answer.body) == (413, True)
    assert door.shown("large") == {}
