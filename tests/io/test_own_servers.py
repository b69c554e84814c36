"""The servers that the tests bring along themselves: the recording proxy and the faulty server."""

from __future__ import annotations

import contextlib
import http.client
import socket
import time
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import pytest

from tests.programs import loopback
from tests.programs.faults import ANSWERS, BEHAVIOURS, DOCUMENT

if TYPE_CHECKING:
    from tests.conftest import Proxies
    from tests.programs.faulty_server import FaultyServer
    from tests.programs.servers import Server


def test_the_proxy_records_what_passed(go_program: Server, recorded: Proxies) -> None:
    """The client gets exactly the body that the proxy remembers, and the request is remembered too."""
    with recorded(go_program.url) as proxy:
        before_ms = time.time_ns() // 1_000_000
        answer = loopback.request("GET", f"{proxy.url}/debug/vars", headers={"X-Test": "1"})
        exchange = proxy.last()
        assert loopback.get(f"{proxy.url}/nowhere").status == 404
    assert (exchange.status, exchange.body) == (200, answer.body)
    assert exchange.request_headers["x-test"] == "1"
    assert before_ms <= exchange.time_ms <= time.time_ns() // 1_000_000
    assert [each.path for each in proxy.exchanges] == ["/debug/vars", "/nowhere"]


def test_the_proxy_tells_that_its_server_is_gone(faulty: FaultyServer, recorded: Proxies) -> None:
    """A refused upstream becomes a recorded 502."""
    with recorded(faulty.refused_url) as proxy:
        assert loopback.get(f"{proxy.url}/debug/vars").status == 502
        assert proxy.last().status == 502


def test_the_faulty_server_behaves_where_asked_to(faulty: FaultyServer) -> None:
    """Good paths answer well over one connection, and requests are remembered with their bodies."""
    client = http.client.HTTPConnection("127.0.0.1", urlsplit(faulty.url).port, timeout=10)
    for path in ("/ok", "/chunked", "/ok"):
        client.request("GET", path)
        assert client.getresponse().read() == DOCUMENT
    client.request("POST", "/status/503?again=1", body=b"payload")
    assert client.getresponse().status == 503
    client.close()
    assert [request.connection for request in faulty.requests] == [1, 1, 1, 1]
    assert faulty.requests[-1].body == b"payload"
    assert faulty.paths()[-1] == "/status/503?again=1"


@pytest.mark.parametrize("path", sorted({*ANSWERS, *BEHAVIOURS}))
def test_every_fault_is_served(faulty: FaultyServer, path: str) -> None:
    """Each path takes the request, and the server ends at once although the client still reads."""
    until_s = time.monotonic() + 0.2
    with socket.create_connection(("127.0.0.1", urlsplit(faulty.url).port or 0), timeout=0.2) as client:
        client.sendall(f"GET {path} HTTP/1.1\r\nHost: faulty\r\n\r\n".encode())
        with contextlib.suppress(OSError):
            while time.monotonic() < until_s and client.recv(1 << 16):
                pass
        assert faulty.paths() == [path]


@pytest.mark.parametrize(
    ("path", "failure"),
    [
        ("/hang", TimeoutError),
        ("/hang-body", TimeoutError),
        ("/truncated", http.client.IncompleteRead),
        ("/cut-chunk", http.client.IncompleteRead),
        ("/bad-chunk", http.client.IncompleteRead),
        ("/no-http", http.client.BadStatusLine),
        ("/long-header", http.client.LineTooLong),
        ("/many-headers", http.client.HTTPException),
        ("/endless-headers", http.client.HTTPException),
        ("/close", http.client.RemoteDisconnected),
        ("/reset", ConnectionResetError),
        ("/reset-body", ConnectionResetError),
    ],
)
def test_a_fault_is_what_its_path_says(faulty: FaultyServer, path: str, failure: type[Exception]) -> None:
    """A plain HTTP client comes to grief over each broken answer in the way that belongs to it."""
    with pytest.raises(failure):
        read_once(faulty, path)


def read_once(faulty: FaultyServer, path: str) -> bytes:
    """GET a path of the faulty server with Python's own client."""
    client = http.client.HTTPConnection("127.0.0.1", urlsplit(faulty.url).port, timeout=0.5)
    with contextlib.closing(client):
        client.request("GET", path)
        return client.getresponse().read()


def test_nobody_listens_where_connections_are_refused(faulty: FaultyServer) -> None:
    """The refused address stays refused as long as the server lives."""
    with pytest.raises(OSError, match="refused"):
        loopback.get(faulty.refused_url)


def test_a_redirect_names_another_host(faulty: FaultyServer) -> None:
    """The redirecting paths lead to the same server, by the same name or by another."""
    assert loopback.get(f"{faulty.url}/redirect-same").headers["location"] == f"{faulty.url}/ok"
    assert loopback.get(f"{faulty.url}/redirect-other").headers["location"] == f"{faulty.other_url}/ok"
