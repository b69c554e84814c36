"""The HTTP server of ``pushvar gateway``: what reaches the door behind it, and who waits for whom."""

from __future__ import annotations

import gzip
import json
import socket
import threading
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from http.client import HTTPConnection, HTTPResponse
from typing import TYPE_CHECKING, Any

import click
import pytest
from pushvar.cli.gateway_address import Address, AddressType
from pushvar.cli.gateway_application import Application
from pushvar.cli.gateway_server import Limits, Server
from pushvar.errors import ConfigError
from pushvar.jobs.exchange import PushReply, PushRequest

if TYPE_CHECKING:
    from collections.abc import Iterator

PATIENCE_S = 30.0
LONG_BYTES = 20_000_000
UNREACHED = "192.0.2.1"  # of nobody (RFC 5737)
EVERYWHERE = "0.0.0.0"  # noqa: S104 - a test names it, none listens there


@dataclass
class Echo:
    """A door that says what it was asked; some paths make it wait, fail or say a lot."""

    gate: threading.Event = field(default_factory=threading.Event)
    entered: threading.Event = field(default_factory=threading.Event)
    asked: list[PushRequest] = field(default_factory=list)
    told: list[tuple[str, int, str]] = field(default_factory=list)

    def handle(self, request: PushRequest) -> PushReply:
        """Answer one request."""
        self.asked.append(request)
        if request.target == "/wait":
            self.entered.set()
            self.gate.wait(PATIENCE_S)
        if request.target == "/fail":
            raise LookupError("no such key")
        if request.target == "/long":
            return PushReply(200, b"x" * LONG_BYTES)
        said = [request.method, request.target, len(request.body)]
        return PushReply(200, json.dumps(said).encode(), "application/json", (("X-Seen", "yes"),))

    def tell(self, request: PushRequest, reply: PushReply, took_s: float) -> None:
        """Note what was told of a request."""
        assert took_s >= 0
        self.told.append((request.target, reply.status, reply.detail))


@dataclass(frozen=True)
class Running:
    """A server that serves, in a thread of its own."""

    door: Echo
    port: int
    end: threading.Event
    thread: threading.Thread

    def connect(self) -> socket.socket:
        """A connection to it."""
        return socket.create_connection(("127.0.0.1", self.port), timeout=PATIENCE_S)

    def ask(self, method: str, target: str, body: Any = None, **headers: str) -> tuple[int, bytes]:
        """Status and body of one request on a connection of its own."""
        connection = HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE_S)
        given = {name.replace("_", "-"): value for name, value in headers.items()}
        connection.request(method, target, body, given, encode_chunked=True)
        answer = connection.getresponse()
        said = answer.status, answer.read()
        connection.close()
        return said


@contextmanager
def serving(limits: Limits | None = None) -> Iterator[Running]:
    """Serve an echo until the block ends."""
    door, end = Echo(), threading.Event()
    listening = Address("127.0.0.1", 0).listening()
    server = Server(Application(door, door.tell), listening, limits or Limits())
    thread = threading.Thread(target=server.serve, args=(end.is_set,))
    port = listening.getsockname()[1]
    thread.start()
    try:
        yield Running(door, port, end, thread)
    finally:
        door.gate.set()
        end.set()
        thread.join(PATIENCE_S)
        assert not thread.is_alive()


@pytest.fixture(scope="module")
def server() -> Iterator[Running]:
    """Give a server that tests share, which only ask."""
    with serving() as running:
        yield running


def answer_on(connection: socket.socket) -> tuple[int, bytes]:
    """The next answer on a connection."""
    answer = HTTPResponse(connection)
    answer.begin()
    return answer.status, answer.read()


def raw(running: Running, sent: bytes) -> tuple[int, bytes]:
    """The answer to these bytes."""
    with running.connect() as connection:
        connection.sendall(sent)
        return answer_on(connection)


@pytest.mark.parametrize(
    ("line", "target"),
    [
        (b"/metrics/job/a%2Fb", "/metrics/job/a%2Fb"),
        (b"/metrics/job@base64/ZGI=/x@base64/=", "/metrics/job@base64/ZGI=/x@base64/="),
        (b"//metrics/job//x/../y/./", "//metrics/job//x/../y/./"),
        (b"/metrics/job/x?a=%2F&b=?#", "/metrics/job/x?a=%2F&b=?#"),
        (b"/metrics/job/%zz/%c3%bc", "/metrics/job/%zz/%c3%bc"),
        (b"/metrics/job/\xc3\xbc/\x1b", "/metrics/job/%C3%BC/%1B"),
        (b"http://example.test:9091/metrics/job/x?y", "/metrics/job/x?y"),
        (b"http://example.test", "/"),
        (b"*", "*"),
    ],
)
def test_a_target_arrives_as_it_was_sent(server: Running, line: bytes, target: str) -> None:
    """Nothing is unescaped, joined or resolved on the way; what is not ASCII is escaped."""
    status, _ = raw(server, b"PUT " + line + b" HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
    assert (status, server.door.asked[-1].target) == (200, target)


@pytest.mark.parametrize("method", ["GET", "PUT", "POST", "DELETE", "PATCH", "OPTIONS"])
def test_every_method_arrives(server: Running, method: str) -> None:
    """What a method means is the door's to say."""
    status, body = server.ask(method, "/metrics/job/x", b"rows 1\n")
    assert (status, json.loads(body)) == (200, [method, "/metrics/job/x", 7])


def test_headers_and_body_arrive_untouched(server: Running) -> None:
    """A compressed body is the door's to open; names of headers are in lower case."""
    body = gzip.compress(b"rows 1\n")
    server.ask(
        "PUT", "/metrics/job/x", body, Content_Encoding="gzip", X_Pushvar_TTL="1h", Authorization="Basic eA=="
    )
    request = server.door.asked[-1]
    assert request.body == body
    expected = {"content-encoding": "gzip", "x-pushvar-ttl": "1h", "authorization": "Basic eA=="}
    assert expected.items() <= request.headers.items()
    assert request.headers["content-length"] == str(len(body))
    assert request.principal == ""


def test_a_repeated_header_is_no_way_in(server: Running) -> None:
    """Two credentials arrive as one text, which is none; a name with an underscore does not arrive."""
    lines = (
        b"PUT /x HTTP/1.1",
        b"Authorization: Basic eA==",
        b"Authorization: Basic eQ==",
        b"X_Y: z",
        b"",
        b"",
    )
    raw(server, b"\r\n".join(lines))
    headers = server.door.asked[-1].headers
    assert headers["authorization"] == "Basic eA==, Basic eQ=="
    assert "x-y" not in headers


def test_an_answer_arrives_whole(server: Running) -> None:
    """Status, type, headers, length."""
    connection = HTTPConnection("127.0.0.1", server.port, timeout=PATIENCE_S)
    connection.request("GET", "/metrics")
    answer = connection.getresponse()
    said = answer.read()
    assert (answer.status, answer.reason) == (200, "OK")
    assert answer.headers["Content-Type"] == "application/json"
    assert answer.headers["X-Seen"] == "yes"
    assert answer.headers["Content-Length"] == str(len(said))
    connection.close()


def test_a_head_is_answered_without_a_body(server: Running) -> None:
    """With the length that a GET would have."""
    with server.connect() as connection:
        connection.sendall(b"HEAD /metrics HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        said = b"".join(iter(lambda: connection.recv(65_536), b""))
    head, _, body = said.partition(b"\r\n\r\n")
    assert b"Content-Length: 23" in head
    assert body == b""


def test_a_chunked_body(server: Running) -> None:
    """A Go client sends one when it does not know the length; extensions and trailers are read over."""
    chunks = (b"5;x=y\r\nrows ", b"\r\n2\r\n1", b"\n\r\n0\r\nX-Trailer: t\r\n\r\n")
    with server.connect() as connection:
        connection.sendall(b"POST /metrics/job/x HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n")
        for chunk in chunks:
            connection.sendall(chunk)
        assert answer_on(connection)[0] == 200
    request = server.door.asked[-1]
    assert (request.body, request.headers["content-length"]) == (b"rows 1\n", "7")
    assert "transfer-encoding" not in request.headers


def test_a_client_that_asks_before_it_sends(server: Running) -> None:
    """So does curl: it waits for the 100 before a long body."""
    with server.connect() as connection:
        connection.sendall(
            b"PUT /metrics/job/x HTTP/1.1\r\nHost: x\r\nContent-Length: 7\r\nExpect: 100-continue\r\n\r\n"
        )
        assert connection.recv(64) == b"HTTP/1.1 100 Continue\r\n\r\n"
        connection.sendall(b"rows 1\n")
        assert answer_on(connection) == (200, b'["PUT", "/metrics/job/x", 7]')


def test_a_connection_is_kept(server: Running) -> None:
    """For requests one after the other, and for those that are sent before the answers."""
    one = b"PUT /metrics/job/%d HTTP/1.1\r\nHost: x\r\nContent-Length: 7\r\n\r\nrows 1\n"
    with server.connect() as connection:
        for number in (1, 2):
            connection.sendall(one % number)
            assert answer_on(connection)[1].startswith(b'["PUT", "/metrics/job/%d"' % number)
        connection.sendall(one % 3 + one % 4)
        reader = connection.makefile("rb")
        said = reader.read(2 * len(b'["PUT", "/metrics/job/3", 7]'))
        while said.count(b"]") < 2:
            said += reader.read(1)
        assert said.index(b"/metrics/job/3") < said.index(b"/metrics/job/4")
        reader.close()


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        (b"nonsense\r\n\r\n", 400),
        (b"PUT /x HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n", 400),
        (b"PUT /x HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n", 400),
        (b"PUT /x HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", 400),
        (b"PUT /x HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: gzip, chunked\r\n\r\n", 501),
        (b"PUT /x HTTP/1.1\r\nHost x\r\n\r\n", 400),
        (b"PUT /x HTTP/1.1\r\nX: " + b"y" * 70_000 + b"\r\n\r\n", 431),
        (b"PUT /x HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999\r\n\r\n", 413),
    ],
)
def test_what_is_no_request_is_refused(server: Running, sent: bytes, status: int) -> None:
    """And never reaches the door."""
    before = len(server.door.asked)
    assert raw(server, sent)[0] == status
    assert len(server.door.asked) == before


def test_a_body_without_end_is_cut_off() -> None:
    """Also when its length was never said."""
    with serving(Limits(body_bytes=100_000)) as running, running.connect() as connection:
        connection.sendall(
            b"PUT /x HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nfffff\r\n" + b"x" * 110_000
        )
        assert answer_on(connection)[0] == 413
        assert running.door.asked == []


def test_a_door_that_fails_is_a_500_and_a_word_in_the_log(server: Running) -> None:
    """The client sees no detail; the connection and the server live on."""
    status, body = server.ask("PUT", "/fail")
    assert (status, body) == (500, b"the gateway failed; its log says how\n")
    target, told, detail = server.door.told[-1]
    assert (target, told) == ("/fail", 500)
    assert detail.startswith("LookupError: no such key (line ")
    assert server.ask("GET", "/")[0] == 200


def test_clients_that_drip_hold_up_nobody() -> None:
    """Many more of them than there are threads, each in the middle of head or body."""
    halves = (
        b"PUT /slow HTTP/1.1\r\nHo",
        b"PUT /slow HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\nro",
        b"",
    )
    with serving(Limits(threads=2)) as running, ExitStack() as stack:
        slow = [stack.enter_context(running.connect()) for _ in range(60)]
        for number, connection in enumerate(slow):
            connection.sendall(halves[number % 3])
        assert [running.ask("PUT", f"/{number}", b"rows 1\n")[0] for number in range(20)] == [200] * 20
        slow[1].sendall(b"ws 12\r\n")
        assert answer_on(slow[1])[0] == 200


def test_a_client_that_drips_is_shown_out() -> None:
    """A byte now and then keeps no connection for ever; one that says nothing goes as well."""
    with serving(Limits(request_s=0.3, idle_s=0.3)) as running:
        with running.connect() as drips, running.connect() as idle:
            gone = False
            while not gone:
                try:
                    drips.sendall(b"P")
                    drips.settimeout(0.05)
                    gone = drips.recv(1) == b""
                except TimeoutError:
                    continue
                except OSError:
                    gone = True
            assert idle.recv(1) == b""
        assert running.door.asked == []


def test_a_client_that_does_not_read_holds_up_nobody() -> None:
    """A long answer waits for it outside of the one thread that there is."""
    with serving(Limits(threads=1)) as running, running.connect() as lazy:
        lazy.sendall(b"GET /long HTTP/1.1\r\nHost: x\r\n\r\n")
        assert running.ask("PUT", "/metrics/job/x", b"rows 1\n")[0] == 200
        assert len(answer_on(lazy)[1]) == LONG_BYTES


def test_two_hundred_at_once() -> None:
    """All are connected before the first one asks; each gets its own answer."""
    one = b"PUT /metrics/job/%d HTTP/1.1\r\nHost: x\r\nContent-Length: 7\r\n\r\nrows 1\n"
    with serving() as running, ExitStack() as stack:
        connections = [stack.enter_context(running.connect()) for _ in range(200)]
        for number, connection in enumerate(connections):
            connection.sendall(one % number)
        for number, connection in enumerate(connections):
            assert answer_on(connection) == (200, b'["PUT", "/metrics/job/%d", 7]' % number)
        assert len({request.target for request in running.door.asked}) == 200


def test_more_than_there_is_room_for_wait_for_their_turn() -> None:
    """Connections beyond the limit are served when others have gone, or rest."""
    with serving(Limits(connections=20)) as running, ExitStack() as stack:
        connections = [stack.enter_context(running.connect()) for _ in range(50)]
        for connection in connections:
            connection.sendall(b"GET /x HTTP/1.1\r\nHost: x\r\n\r\n")
        assert [answer_on(connection)[0] for connection in connections] == [200] * 50


def test_the_end_waits_for_what_is_under_way() -> None:
    """A request that is being answered is answered, one that rests is closed, a new one is refused."""
    with serving() as running, running.connect() as asking, running.connect() as resting:
        asking.sendall(b"PUT /wait HTTP/1.1\r\nHost: x\r\n\r\n")
        assert running.door.entered.wait(PATIENCE_S)
        running.end.set()
        assert resting.recv(1) == b""
        with pytest.raises(ConnectionRefusedError):
            running.connect()
        running.door.gate.set()
        assert answer_on(asking)[0] == 200
        running.thread.join(PATIENCE_S)
        assert not running.thread.is_alive()


def test_the_end_does_not_wait_for_ever() -> None:
    """Neither for a request that never comes nor for an answer that takes too long."""
    with serving(Limits(parting_s=0.2)) as running, running.connect() as drips, running.connect() as asking:
        drips.sendall(b"PUT /slow HTTP/1.1\r\n")
        asking.sendall(b"PUT /wait HTTP/1.1\r\nHost: x\r\n\r\n")
        assert running.door.entered.wait(PATIENCE_S)
        running.end.set()
        running.thread.join(PATIENCE_S)
        assert not running.thread.is_alive()
        assert drips.recv(1) == b""


@pytest.mark.parametrize(
    ("text", "host", "port", "shown"),
    [
        ("127.0.0.1:9091", "127.0.0.1", 9091, "127.0.0.1:9091"),
        ("localhost:0", "localhost", 0, "localhost:0"),
        (":9091", "", 9091, ":9091"),
        ("[::1]:9091", "::1", 9091, "[::1]:9091"),
    ],
)
def test_an_address(text: str, host: str, port: int, shown: str) -> None:
    """As Go programs take it."""
    address = AddressType().convert(text, None, None)
    assert address == Address(host, port)
    assert str(address) == shown


@pytest.mark.parametrize(
    "text",
    ["", "9091", "127.0.0.1", "127.0.0.1:", "x:http", "x:65536", "x:-1", "::1:9091", "x:٣", "[::1:9091"],
)
def test_no_address(text: str) -> None:
    """The words say what one looks like."""
    with pytest.raises(click.BadParameter, match=r"127\.0\.0\.1:9091|\[::1\]:9091"):
        AddressType().convert(text, None, None)


@pytest.mark.parametrize(
    ("host", "local"),
    [("127.0.0.1", True), ("127.9.9.9", True), ("::1", True), ("localhost", True), ("", False),
     (EVERYWHERE, False), ("::", False), (UNREACHED, False)],
)  # fmt: skip
def test_who_reaches_an_address(host: str, local: bool) -> None:  # noqa: FBT001
    """This machine alone, or others too; every address is not this machine's alone."""
    assert Address(host, 9091).resolved().local is local


def test_an_address_that_cannot_be_had() -> None:
    """Taken, of another machine, of nobody: the words say which and what to do."""
    with Address("127.0.0.1", 0).listening() as taken:
        port = taken.getsockname()[1]
        with pytest.raises(
            ConfigError, match=rf"cannot listen on 127\.0\.0\.1:{port}: Address already in use"
        ):
            Address("127.0.0.1", port).listening()
    with pytest.raises(ConfigError, match=rf"cannot listen on {UNREACHED}:9091"):
        Address(UNREACHED, 9091).listening()
    with pytest.raises(ConfigError, match=r"no address of 'no\.such\.invalid' is known"):
        Address("no.such.invalid", 9091).resolved()


def test_every_address_is_of_both_kinds() -> None:
    """Without a host, clients come by IPv4, and by IPv6 where there is any."""
    with Address("", 0).listening() as listening:
        port = listening.getsockname()[1]
        for host in ("127.0.0.1", "::1") if socket.has_dualstack_ipv6() else ("127.0.0.1",):
            socket.create_connection((host, port), timeout=PATIENCE_S).close()
