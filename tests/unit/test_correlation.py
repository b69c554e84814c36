"""By which names a request is found again: what callers and AWS say of it, bounded and visible."""

from __future__ import annotations

import pytest
from pushvar.app.correlation import MOST_CHARACTERS, Correlation, correlation_of
from pushvar.app.push_line import push_line
from pushvar.jobs.exchange import PushReply, PushRequest

TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
PARENT = f"00-{TRACE}-00f067aa0ba902b7-01"
ROOT = "1-691f2a00-0123456789abcdef01234567"


@pytest.mark.parametrize(
    ("headers", "trace_id"),
    [
        ({}, ""),
        ({"traceparent": PARENT}, TRACE),
        ({"traceparent": f" {PARENT} "}, TRACE),
        ({"traceparent": f"01{PARENT[2:]}-more"}, TRACE),
        ({"traceparent": PARENT, "x-amzn-trace-id": f"Root={ROOT}"}, TRACE),
        ({"x-amzn-trace-id": f"Root={ROOT}"}, ROOT),
        ({"x-amzn-trace-id": f"Self=1-0-0; Root={ROOT};Parent=53995c3f42cd8ad8;Sampled=1"}, ROOT),
        ({"traceparent": f"ff{PARENT[2:]}", "x-amzn-trace-id": f"Root={ROOT}"}, ROOT),
        ({"traceparent": PARENT.replace(TRACE, "0" * 32)}, ""),
        ({"traceparent": PARENT.replace("00f067aa0ba902b7", "0" * 16)}, ""),
        ({"traceparent": PARENT.upper()}, ""),
        ({"traceparent": f"{PARENT}\n{PARENT}"}, ""),
        ({"x-amzn-trace-id": "Root=1-x-y"}, ""),
        ({"x-amzn-trace-id": f"Root={ROOT}0"}, ""),
    ],
)
def test_the_trace(headers: dict[str, str], trace_id: str) -> None:
    """The caller's own before the one of AWS; what is no trace is none."""
    assert correlation_of(headers).trace_id == trace_id


@pytest.mark.parametrize(
    ("headers", "request_id"),
    [
        ({}, ""),
        ({"x-request-id": "nightly-7"}, "nightly-7"),
        ({"x-request-id": "nightly-7", "x-amzn-requestid": "aws"}, "nightly-7"),
        ({"x-amzn-requestid": "aws"}, "aws"),
        ({"x-request-id": " \t", "x-amzn-requestid": "aws"}, "aws"),
        ({"x-request-id": "a b\r\nSet-Cookie: x\x1b[2J\u00e9"}, "abSet-Cookie:x[2J"),
        ({"x-request-id": "x" * 10_000}, "x" * MOST_CHARACTERS),
    ],
)
def test_the_request(headers: dict[str, str], request_id: str) -> None:
    """Nothing but visible ASCII, and not much of it, gets into a log or back into a header."""
    assert correlation_of(headers).request_id == request_id


def test_the_name_of_a_matter() -> None:
    """A trace joins more than one request; without one the request stands alone."""
    assert Correlation(TRACE, "r").name == TRACE
    assert Correlation("", "r").name == "r"


def test_the_line_of_a_push() -> None:
    """It carries all three names; an event of our own has none."""
    request = PushRequest("PUT", "/metrics/job/a", {"traceparent": PARENT, "x-request-id": "r"})
    line = push_line(request, PushReply(200, outcome="stored"))
    assert (line["correlation_id"], line["trace_id"], line["request_id"]) == (TRACE, TRACE, "r")
    assert push_line(None, PushReply(200, outcome="stored")) == {
        "method": "event", "status": 200, "outcome": "stored",
    }  # fmt: skip
