"""The front door as a whole: what is where, and that nothing a client sends breaks it."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pushvar.catalogue import PUSH_OUTCOMES
from pushvar.config.schema import Gateway
from pushvar.jobs.exchange import PushRequest

from tests.unit.push_door import Door, X, basic, bearer

PUSH, LOOK = "DELETE, OPTIONS, POST, PUT", "GET, HEAD, OPTIONS"
PROTOBUF = "application/vnd.google.protobuf; proto=io.prometheus.client.MetricFamily; encoding=delimited"

OPENMETRICS = "application/openmetrics-text"


@pytest.mark.parametrize(
    ("target", "statuses", "allow"),
    [
        ("/metrics/job/a", {"PUT": 200, "POST": 200, "DELETE": 202, "OPTIONS": 200}, PUSH),
        ("/metrics/job/a?b=/c#d", {"PUT": 200, "POST": 200, "DELETE": 202, "OPTIONS": 200}, PUSH),
        ("/metrics", {"GET": 200, "HEAD": 200, "OPTIONS": 200}, LOOK),
        ("/metrics?name[]=x", {"GET": 200, "HEAD": 200, "OPTIONS": 200}, LOOK),
        ("/api/v1/metrics", {"GET": 200, "HEAD": 200, "OPTIONS": 200}, LOOK),
        ("/api/v1/status", {"GET": 200, "HEAD": 200, "OPTIONS": 200}, LOOK),
        ("/-/healthy", {"GET": 200, "HEAD": 200, "OPTIONS": 200}, LOOK),
        ("/-/ready", {"GET": 200, "HEAD": 200, "OPTIONS": 200}, LOOK),
    ],
)
@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "POST", "DELETE", "OPTIONS", "PATCH", "put", ""])
def test_methods(target: str, statuses: dict[str, int], allow: str, method: str) -> None:
    """What a path has not is 405, with what it has."""
    reply = Door().ask(method, target, X)
    assert reply.status == statuses.get(method, 405)
    if reply.status == 405:
        assert (reply.outcome, reply.body) == ("not_found", b"Method Not Allowed\n")
    if reply.status == 405 or method == "OPTIONS":
        assert dict(reply.headers) == {"Allow": allow}


@pytest.mark.parametrize(
    "target",
    ["", "/", "*", "/metrics/", "/metrics/job", "/metrics/job/", "/x", "//metrics/job/a", "/api/v1",
     "/api/v1/admin/wipe", "/-/quit", "/static/a", "/debug/pprof/"],
)  # fmt: skip
@pytest.mark.parametrize("method", ["GET", "PUT", "OPTIONS"])
def test_what_is_not_there(target: str, method: str) -> None:
    """404, in the words of the Pushgateway."""
    reply = Door().ask(method, target, X)
    assert (reply.status, reply.outcome, reply.body) == (404, "not_found", b"404 page not found\n")


def test_what_is_missing_is_told_before_credentials() -> None:
    """A path that is none says nothing about anybody."""
    closed = Door(Gateway(credentials=(basic("acme", "ann"),)), {"ann": "a"})
    statuses = [
        closed.ask("GET", target).status for target in ("/x", "/metrics/job/a", "/metrics", "/-/healthy")
    ]
    assert statuses == [404, 405, 401, 200]
    assert closed.ask("PUT", "/metrics/job/a/odd", X).status == 401


# Whatever a client sends

SEGMENTS = st.sampled_from(
    ["metrics", "job", "job@base64", "", "a", "=", "YQ", "b@base64", "%2F", "%ff", "%", "..", "__a",
     "customer_id", "acme", "sla_tier", "instance", "le", "quantile", "api", "v1", "\ud800", "ü", "\0"]
)  # fmt: skip
PATHS = st.lists(SEGMENTS, max_size=8).map(lambda parts: "/" + "/".join(parts)) | st.text()
PUSHES = st.lists(SEGMENTS, max_size=5).map(lambda parts: "/metrics/job/" + "/".join(["j", *parts]))
LINES = st.sampled_from(
    [
        b"x 1\n", b"x 1", b'x{a="b"} 1\n', b"# TYPE x counter\n", b"# TYPE x histogram\n", b"x_sum NaN\n",
        b'x_bucket{le="1"} 2\n', b"x_count 1\n", b"up 1\n", b"x 1 2\n", b"# HELP x \xff\n", b"\r\n", b"\0",
        b'{"a": 1}', b"# EOF\n", b'x{job="1",le="2"} 1e999\n', b"push_time_seconds 1\n", b"\x1f\x8b",
        b"\xff\x06\x00\x00sNaPpY",
    ]
)  # fmt: skip
BODIES = st.binary(max_size=60) | st.lists(LINES, max_size=6).map(b"".join)
HEADERS = st.fixed_dictionaries(
    {},
    optional={
        "content-type": st.sampled_from([PROTOBUF, "application/json", OPENMETRICS, ";"]) | st.text(),
        "content-encoding": st.sampled_from(["gzip", "snappy", "identity"]) | st.text(),
        "x-pushvar-ttl": st.sampled_from(["1h", "5", "0"]) | st.text(),
        "x-customer-id": st.sampled_from(["acme", "default"]) | st.text(),
        "authorization": st.sampled_from(["Bearer t", "Basic YW5uOmE=", "Basic YW5u"]) | st.text(),
        "accept": st.just(OPENMETRICS) | st.text(),
    },
)
METHODS = st.sampled_from(["PUT", "POST", "DELETE", "GET", "HEAD", "OPTIONS"]) | st.text()
REQUESTS = st.builds(PushRequest, METHODS, PATHS | PUSHES, HEADERS, BODIES, st.just("") | st.text())
EVENTS = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["job", "metrics", "grouping", "name", "value", "labels", "ttl"]), inner
        )
    ),
    max_leaves=12,
)


@given(st.lists(REQUESTS, max_size=4))
@settings(max_examples=400, deadline=None)
def test_any_request_has_an_answer(requests: list[PushRequest]) -> None:
    """Never an exception, always one of the outcomes; and the pages can be made afterwards."""
    credentials = (basic("acme", "ann"), bearer("acme", "t"), bearer("beta", "t"))
    door = Door(Gateway(anonymous="default", credentials=credentials), {"ann": "a", "t": "t"})
    for request in requests:
        reply = door.api.handle(request)
        assert reply.outcome in PUSH_OUTCOMES
        assert 200 <= reply.status < 500
    for page in ("/metrics", "/api/v1/metrics"):
        assert door.ask("GET", page).status == 200
        assert door.ask("GET", page, authorization="Bearer t", accept=OPENMETRICS).status == 200
    door.store.close()


@given(EVENTS)
@settings(max_examples=200, deadline=None)
def test_any_event_has_an_answer(event: object) -> None:
    """Never an exception."""
    door = Door()
    reply = door.api.push_event(event)
    assert reply.outcome in PUSH_OUTCOMES
    assert 200 <= reply.status < 500
    assert door.ask("GET", "/metrics").status == 200
    door.store.close()
