"""The receiver as an HTTP server: connections, methods, addresses, the length of answers."""

from __future__ import annotations

import json
import socket
import threading
import time
from contextlib import closing
from http.client import HTTPConnection
from typing import TYPE_CHECKING

import pytest
from pushvar.errors import ConfigError
from pushvar.receiver.server import Receiver

from tests.io.receiver_requests import (
    NOW_MS,
    Row,
    call,
    get,
    good,
    labels,
    post,
)

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    """A fresh receiver whose clock stands still."""
    with Receiver(clock_ms=lambda: NOW_MS) as running:
        yield running


def test_a_body_cut_short_is_refused(receiver: Receiver) -> None:
    """A sender that dies while sending leaves nothing behind."""
    with socket.create_connection((receiver.host, receiver.port), timeout=10) as sender:
        sender.sendall(b"POST /api/v1/write HTTP/1.1\r\nHost: x\r\nContent-Length: 99\r\n\r\nshort")
        sender.shutdown(socket.SHUT_WR)
        answer = sender.makefile("rb").read()
    assert answer.startswith(b"HTTP/1.1 400 ")
    assert answer.endswith(b"the body is shorter than Content-Length\n")
    assert receiver.totals().requests == 0


def test_a_long_label_value_does_not_make_a_long_answer(receiver: Receiver) -> None:
    """A megabyte in a broken series is cut in the answer and in the store."""
    reply = post(receiver, good(Row(labels("a-b", note="x" * 1_000_000))))
    assert reply.status == 400
    assert len(reply.body) < 1500
    assert "1,000," in reply.text


def test_an_ipv6_address_stands_in_brackets() -> None:
    """The URL of a receiver on ::1 is one that a client understands."""
    assert Receiver(host="::1", port=9009).write_url == "http://[::1]:9009/api/v1/write"


def test_a_taken_port_is_named(receiver: Receiver) -> None:
    """The message says which address is taken and what to do."""
    with pytest.raises(ConfigError, match=rf"cannot listen on 127\.0\.0\.1:{receiver.port}: .*port 0"):
        Receiver(port=receiver.port).start()


def test_one_connection_serves_many_requests(receiver: Receiver) -> None:
    """A sender keeps its connection; the answers do not close it."""
    connection = HTTPConnection(receiver.host, receiver.port, timeout=10)
    with closing(connection):
        for index in range(3):
            request = good(Row(labels(), ((NOW_MS + index, 1.0),)))
            connection.request("POST", "/api/v1/write", request.body, dict(request.headers))
            response = connection.getresponse()
            assert (response.status, response.read(), response.will_close) == (204, b"", False)


def test_stop_ends_open_connections_at_once(receiver: Receiver) -> None:
    """An idle sender does not hold the receiver up, and its next request finds the door closed."""
    connection = HTTPConnection(receiver.host, receiver.port, timeout=10)
    with closing(connection):
        connection.request("GET", "/-/healthy")
        connection.getresponse().read()
        began_s = time.monotonic()
        receiver.stop()
        assert time.monotonic() - began_s < 1
        assert connection.sock.recv(1) == b""


def test_a_receiver_may_be_started_again(receiver: Receiver) -> None:
    """It comes back on the same port, without what a temporary database held."""
    post(receiver, good(Row(labels())))
    url = receiver.url
    receiver.stop()
    receiver.start()
    assert receiver.url == url
    assert receiver.totals().requests == 0
    assert post(receiver, good(Row(labels()))).status == 204


def test_parallel_senders_lose_nothing(receiver: Receiver) -> None:
    """Twenty connections at once, each with its own series, are all kept."""

    def send(index: int) -> None:
        for step in range(10):
            post(receiver, good(Row(labels("n", shard=str(index)), ((NOW_MS + step, 1.0),))))

    threads = [threading.Thread(target=send, args=(index,)) for index in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    totals = receiver.totals()
    assert (totals.requests, totals.samples, totals.series, totals.violations) == (200, 200, 20, 0)


@pytest.mark.parametrize(
    ("method", "path", "status", "allow"),
    [
        ("GET", "/api/v1/write", 405, "POST"),
        ("PUT", "/api/v1/write", 405, "POST"),
        ("POST", "/", 405, "GET, HEAD"),
        ("DELETE", "/", 405, "GET, HEAD"),
        ("OPTIONS", "/requests", 405, "GET, HEAD"),
        ("POST", "/elsewhere", 404, None),
        ("GET", "/elsewhere", 404, None),
    ],
)
def test_other_methods_and_addresses_are_refused(
    receiver: Receiver, method: str, path: str, status: int, allow: str | None
) -> None:
    """405 says what is allowed; an unknown address is 404 whatever the method."""
    reply = call(receiver, method, path, body=b"x" if method == "POST" else None)
    assert (reply.status, reply.headers.get("Allow")) == (status, allow)


def test_a_body_without_a_length_is_refused(receiver: Receiver) -> None:
    """411, for nothing could be said about its size."""
    assert call(receiver, "POST", "/api/v1/write", good(Row(labels())).headers).status == 411


def test_health_and_status_are_for_programs(receiver: Receiver) -> None:
    """``/-/healthy`` says ok, ``/api/v1/status`` gives the totals with a schema version."""
    request = good(Row(labels()))
    post(receiver, request)
    assert get(receiver, "/-/healthy").body == b"ok\n"
    status = get(receiver, "/api/v1/status")
    assert status.headers["Content-Type"] == "application/json"
    assert json.loads(status.body) == {
        "schema": 1,
        "requests": 1,
        "samples": 1,
        "resent": 0,
        "series": 1,
        "bytes": len(request.body),
        "violations": 0,
        "warnings": 0,
    }


def test_a_long_answer_is_cut(receiver: Receiver) -> None:
    """A request with a thousand mistakes is answered with the first hundred and a count."""
    reply = post(receiver, good(*(Row(labels("x", n=str(index)), ((1, 1.0),)) for index in range(1000))))
    lines = reply.text.splitlines()
    assert (len(lines), lines[-1]) == (101, "and 900 more")


def test_head_answers_without_a_body(receiver: Receiver) -> None:
    """A probe with HEAD gets the headers only."""
    reply = call(receiver, "HEAD", "/")
    assert (reply.status, reply.body) == (200, b"")
    assert int(reply.headers["Content-Length"]) > 1000
