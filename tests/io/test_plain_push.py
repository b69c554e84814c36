"""Requests in one piece and answers read at once: the same on the wire and when read as the long way."""

from __future__ import annotations

import gzip
import http.client
import socket
import threading
import time
import zlib
from math import inf
from typing import TYPE_CHECKING, Any

import pytest
import requests
from hypothesis import given
from hypothesis import strategies as st
from pushvar.net.answer import PlainAnswer, WholeAnswer
from pushvar.net.plain import Writer, place
from pushvar.net.session import Session
from pushvar.net.tls import TlsSettings

from tests.programs.raw_server import Connection, ok, raw_server

if TYPE_CHECKING:
    from collections.abc import Iterator

BODY = b"\x00compressed\xff"
OK = b"HTTP/1.1 200 OK\r\n"
ZIPPED, DEFLATED = gzip.compress(b"why"), zlib.compress(b"why")


@pytest.fixture
def session() -> Iterator[Session]:
    """Give a session and close it."""
    made = Session(TlsSettings())
    yield made
    made.close()


class Carrier:
    """A connection that carries one answer; ``closed`` says whether it may carry another."""

    def __init__(self, sent: bytes, step: int = 10_000) -> None:
        self.sock, self._far = socket.socketpair()
        self.sock.settimeout(5)
        self.closed = False
        self._thread = threading.Thread(target=self._send, args=(sent, step))
        self._thread.start()

    def _send(self, sent: bytes, step: int) -> None:
        for at in range(0, len(sent), step):
            self._far.sendall(sent[at : at + step])
        self._far.shutdown(socket.SHUT_WR)

    def close(self) -> None:
        """Carry nothing more."""
        self.closed = True

    def end(self) -> None:
        """Close both sides."""
        self._thread.join()
        self.sock.close()
        self._far.close()


def short(sent: bytes, method: str = "POST", step: int = 10_000) -> dict[str, Any]:
    """What the short way makes of an answer."""
    carrier = Carrier(sent, step)
    try:
        return facts(PlainAnswer(carrier, method))
    finally:
        carrier.end()


def long(sent: bytes, method: str = "POST") -> dict[str, Any]:
    """What http.client makes of it."""
    carrier = Carrier(sent)
    try:
        return facts(WholeAnswer(carrier.sock, method=method))
    finally:
        carrier.end()


def facts(answer: Any) -> dict[str, Any]:
    """All that a push and a pool want to know, or the kind of the error."""
    try:
        answer.begin()
        fields: dict[str, list[str]] = {}
        for name, value in answer.headers.items():
            fields.setdefault(name.lower(), []).extend(part.strip() for part in value.split(","))
        told = {
            name: getattr(answer, name) for name in ("status", "version", "length", "chunked", "will_close")
        }
        return {**told, "fields": fields, "body": answer.read(4096), "read": answer.isclosed()}
    except Exception as error:  # noqa: BLE001 - that both fail alike is what is tested
        return {"error": type(error)}
    finally:
        answer.close()


ANSWERS = [
    ("204", b"HTTP/1.1 204 No Content\r\nDate: now\r\n\r\n"),
    ("no reason", b"HTTP/1.1 204\r\n\r\n"),
    ("length", OK + b"Content-Length: 3\r\n\r\nwhy"),
    ("no body", OK + b"content-length:0\r\n\r\n"),
    ("spaces", OK + b"Content-Length: \t 3 \r\n\r\nwhy"),
    ("more than its length", OK + b"Content-Length: 3\r\n\r\nwhy not"),
    ("kept", OK + b"Connection: Keep-Alive\r\nContent-Length: 3\r\n\r\nwhy"),
    ("closing", OK + b"Connection: close\r\nContent-Length: 3\r\n\r\nwhy"),
    ("other options", OK + b"Connection: upgrade, Close\r\nContent-Length: 3\r\n\r\nwhy"),
    ("until it closes", OK + b"\r\nwhy"),
    ("chunks", OK + b"Transfer-Encoding: chunked\r\n\r\n3\r\nwhy\r\n0\r\n\r\n"),
    (
        "chunks and length",
        OK + b"Transfer-Encoding: chunked\r\nContent-Length: 9\r\n\r\n3\r\nwhy\r\n0\r\n\r\n",
    ),
    ("1.0", b"HTTP/1.0 200 OK\r\nContent-Length: 3\r\n\r\nwhy"),
    ("continue", b"HTTP/1.1 100 Continue\r\n\r\n" + OK + b"Content-Length: 3\r\n\r\nwhy"),
    ("twice", OK + b"Vary: a\r\nVary: b\r\nContent-Length: 3\r\n\r\nwhy"),
    ("folded", OK + b"X: a\r\n b\r\nContent-Length: 3\r\n\r\nwhy"),
    ("bare line ends", b"HTTP/1.1 200 OK\nContent-Length: 3\n\nwhy"),
    ("no colon", OK + b"nonsense\r\nContent-Length: 3\r\n\r\nwhy"),
    ("no length", OK + b"Content-Length: x\r\n\r\nwhy"),
    ("negative", OK + b"Content-Length: -1\r\n\r\nwhy"),
    ("endless length", OK + b"Content-Length: " + b"9" * 5000 + b"\r\n\r\nwhy"),
    ("latin-1", OK + b"X: \xfc\r\nContent-Length: 3\r\n\r\nwhy"),
    ("long head", OK + b"X: " + b"x" * 20_000 + b"\r\nContent-Length: 3\r\n\r\nwhy"),
    ("304", b"HTTP/1.1 304 Not Modified\r\nContent-Length: 9\r\n\r\n"),
    ("no status", b"HTTP/1.1 abc OK\r\n\r\n"),
    ("no HTTP", b"SSH-2.0\r\n\r\n"),
    ("nothing", b""),
    ("half a head", OK + b"Content-Le"),
]


@pytest.mark.parametrize("step", [10_000, 7])
@pytest.mark.parametrize("method", ["POST", "HEAD"])
@pytest.mark.parametrize("sent", [sent for _, sent in ANSWERS], ids=[name for name, _ in ANSWERS])
def test_an_answer_is_what_http_client_says(sent: bytes, method: str, step: int) -> None:
    """However it is framed, and in however many pieces it comes."""
    assert short(sent, method, step) == long(sent, method)


NAMES = st.sampled_from(["Content-Length", "connection", "Transfer-Encoding", "X-One", "Date", "x one", ""])
VALUES = st.sampled_from(
    ["0", "3", " 3", "close", "keep-alive", "chunked", "identity", "a,b", "", "\t", "\u00fc"]
)
LINES = st.tuples(
    NAMES, st.sampled_from([": ", ":", " : ", ""]), VALUES, st.sampled_from(["\r\n", "\r\n", "\n"])
)


@given(st.sampled_from([200, 204, 304, 400, 503, 103]), st.lists(LINES, max_size=4))
def test_any_head_is_what_http_client_says(status: int, lines: list[tuple[str, str, str, str]]) -> None:
    """What is not plain is left to it; what is plain comes out the same."""
    head = f"HTTP/1.1 {status} Words\r\n" + "".join(map("".join, lines)) + "\r\n"
    sent = head.encode("latin-1") + b"3\r\nwhy\r\n0\r\n\r\n"
    assert short(sent) == long(sent)


@pytest.mark.parametrize(
    ("coding", "body"), [("gzip", ZIPPED), ("x-gzip", ZIPPED), ("deflate", DEFLATED), ("identity", b"why")]
)
def test_words_may_be_compressed(session: Session, coding: str, body: bytes) -> None:
    """They are read, and the connection is kept."""

    def act(client: Connection) -> None:
        while client.request():
            client.send(ok(body, f"Content-Encoding: {coding}"))

    with raw_server(act) as server:
        for _ in range(2):
            answer = session.send("POST", f"http://127.0.0.1:{server.port}/", BODY, {}, timeout_s=2)
            assert (answer.status, answer.text) == (200, "why")
        assert server.requests == [1, 1]


def test_compressed_words_are_bounded(session: Session) -> None:
    """A few bytes that stand for a hundred megabytes are not made into them."""
    bomb = gzip.compress(bytes(100_000_000))

    def act(client: Connection) -> None:
        client.request()
        client.send(ok(bomb, "Content-Encoding: gzip"))

    with raw_server(act) as server:
        answer = session.send("POST", f"http://127.0.0.1:{server.port}/", BODY, {}, timeout_s=2)
    assert (answer.status, len(answer.text)) == (200, 4096)


@pytest.mark.parametrize(
    "answer", [ok(b"", "Connection: close"), b"HTTP/1.0 200 OK\r\n\r\n", ok(b"x" * 9000), ok(b"")[:-2]]
)
def test_a_connection_that_is_over_carries_no_other_request(session: Session, answer: bytes) -> None:
    """Because the backend says so, or because something is left to read."""

    def act(client: Connection) -> None:
        client.request()
        client.send(answer)

    with raw_server(act) as server:
        for _ in range(3):
            session.send("POST", f"http://127.0.0.1:{server.port}/", BODY, {}, timeout_s=2)
        assert server.requests == [1, 2, 3]


def test_a_kept_connection_that_the_backend_closed(session: Session) -> None:
    """It is noticed before the next request, which then has a new one."""

    def act(client: Connection) -> None:
        client.request()
        client.send(ok())

    with raw_server(act) as server:
        for _ in range(3):
            assert (
                session.send("POST", f"http://127.0.0.1:{server.port}/", BODY, {}, timeout_s=2).status == 200
            )
            time.sleep(0.05)
        assert server.requests == [1, 2, 3]


def test_headers_are_read_whatever_their_case(session: Session) -> None:
    """As those of every answer; what comes twice is joined."""

    def act(client: Connection) -> None:
        client.request()
        client.send(ok(b"", "retry-after: 7", "X-Twice: a", "x-twice: b"))

    with raw_server(act) as server:
        headers = session.send("POST", f"http://127.0.0.1:{server.port}/", BODY, {}, timeout_s=2).headers
    assert (headers["Retry-After"], headers["X-TWICE"], headers.get("None", "-")) == ("7", "a, b", "-")
    assert {*headers} >= {"retry-after", "x-twice"}


def test_many_backends_by_turns(session: Session) -> None:
    """More of them than requests keeps pools for; each has one connection at a time."""
    with raw_server() as server:
        for _ in range(2):
            for host in range(1, 13):
                url = f"http://127.0.0.{host}:{server.port}/"
                assert [session.send("POST", url, BODY, {}, timeout_s=2).status for _ in range(2)] == [
                    200,
                    200,
                ]
        hosts = [head.partition("Host: ")[2].partition(":")[0] for head in server.heads]
    assert hosts == [f"127.0.0.{host}" for host in range(1, 13) for _ in range(2)] * 2


def test_no_cookies(session: Session) -> None:
    """A backend that sets one does not get it back: who sends metrics is no browser."""

    def act(client: Connection) -> None:
        while client.request():
            client.send(ok(b"", "Set-Cookie: a=b"))

    with raw_server(act) as server:
        for url in (f"http://127.0.0.1:{server.port}/", f"http://u:p@127.0.0.1:{server.port}/"):
            for _ in range(2):
                session.send("POST", url, BODY, {}, timeout_s=2)
    assert len(server.heads) == 4
    assert not [head for head in server.heads if "cookie" in head.lower()]


URLS = [
    "http://127.0.0.1:{port}/write?a=%7Eb&c=/d",
    "http://127.0.0.1:{port}",
    "http://localhost:{port}/a/../b//c;d@e",
    "http://LOCALHOST:{port}/",
    "http://user:p%40ss@127.0.0.1:{port}/x",
    "http://127.0.0.1:{port}?only=query",
    "http://127.0.0.1:{port}/with space\u00fc#fragment",
    'http://127.0.0.1:{port}/a"b|c%',
]


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "GET"])
@pytest.mark.parametrize("url", URLS)
@pytest.mark.parametrize("body", [BODY, b""])
def test_a_request_is_what_requests_sends(session: Session, method: str, url: str, body: bytes) -> None:
    """Line by line, whatever the URL; the order of the headers and the codings asked for are ours."""
    own = {"X-Own": "a b", "user-agent": "pushvar", "X-Empty": ""}
    with raw_server() as server:
        to = url.format(port=server.port)
        assert session.send(method, to, body, own, timeout_s=2).status == 200
        theirs = requests.Session()
        theirs.trust_env = False
        prepared = theirs.prepare_request(requests.Request(method, to, own, data=body))
        prepared.url = to
        theirs.send(prepared, timeout=2)
        theirs.close()
    ours, expected = (head.split("\r\n") for head in server.heads)
    assert ours[0] == expected[0]
    assert lines(ours) == lines(expected)


def lines(head: list[str]) -> list[str]:
    """The headers, sorted, without the codings."""
    return sorted(line for line in head[1:] if not line.lower().startswith("accept-encoding"))


@pytest.mark.parametrize(
    ("url", "host"),
    [
        ("http://a.test:80/x", "a.test"),
        ("https://a.test:443/x", "a.test"),
        ("http://a.test:443/x", "a.test:443"),
        ("https://[2001:db8::1]:9090/x", "[2001:db8::1]:9090"),
        ("https://[2001:db8::1]/x", "[2001:db8::1]"),
    ],
)
def test_the_host_header(url: str, host: str) -> None:
    """The scheme's own port is not in it, as with every HTTP client."""
    found = place(url)
    assert found is not None
    assert (found.host, found.target) == (host, "/x")


@pytest.mark.parametrize(
    "url",
    ["ftp://a.test/", "a.test/", "http://a.test:080/", "http://a.test/\r\nX: y", "http://a.test\n", "http:///x",
     "http://b\u00fccher.test/", "http://a.test./", "http://a.test/%zz", "http://a b.test/"],
)  # fmt: skip
def test_what_needs_a_closer_look(url: str) -> None:
    """Such a URL is left to requests."""
    assert place(url) is None


@pytest.mark.parametrize("name", ["Host", "content-length", "Transfer-Encoding", "EXPECT"])
def test_headers_about_the_request_itself(name: str) -> None:
    """They are left to requests as well."""
    request, whole = Writer().request("POST", "http://a.test/", BODY, {name: "1"}, direct=True)
    assert (whole, request.body) == (b"", BODY)


@pytest.mark.parametrize(
    "headers",
    [{"X": "a\nb"}, {"X": "a\r\nY: b"}, {"X": "a\n"}, {"X\n": "a"}, {"X:": "a"}, {"": "a"}, {"X": " a"}],
)
def test_headers_that_http_cannot_carry(session: Session, headers: dict[str, str]) -> None:
    """They are refused the second time too, and the good ones after them are sent."""
    with raw_server() as server:
        url = f"http://127.0.0.1:{server.port}/"
        for _ in range(2):
            assert session.send("POST", url, BODY, headers, timeout_s=2).status == 0
            assert session.send("POST", url, BODY, {"X": "good"}, timeout_s=2).status == 200
    assert [head.count("X: good") for head in server.heads] == [1, 1]


def test_headers_that_change(session: Session) -> None:
    """Each request has its own, and none of the one before."""
    with raw_server() as server:
        url, changing = f"http://127.0.0.1:{server.port}/", {"X": "1"}
        session.send("POST", url, BODY, changing, timeout_s=2)
        changing["X"] = "2"
        session.send("POST", url, BODY, changing, timeout_s=2)
        session.send("POST", url, BODY, {"Y": "3"}, timeout_s=2)
    said = [[line for line in head.split("\r\n") if line[:2] in ("X:", "Y:")] for head in server.heads]
    assert said == [["X: 1"], ["X: 2"], ["Y: 3"]]


def test_the_end_of_the_run_cuts_what_is_being_sent() -> None:
    """On a connection that was kept, to a backend that stopped reading."""
    end = [inf]

    def act(client: Connection) -> None:
        client.request()
        client.send(ok())
        client.wait()

    session = Session(TlsSettings(), lambda: end[0])
    with raw_server(act) as server:
        url = f"http://127.0.0.1:{server.port}/"
        assert session.send("POST", url, BODY, {}, timeout_s=2).status == 200
        start_s = time.monotonic()
        end[0] = start_s + 0.3
        answer = session.send("POST", url, bytes(50_000_000), {}, timeout_s=20)
        assert time.monotonic() - start_s < 2
    session.close()
    assert (answer.status, answer.text) == (0, "no complete answer within 20 s")


def test_nothing_is_held_of_a_request_that_is_over(session: Session) -> None:
    """A body may be large, and the next cycle is a minute away."""
    with raw_server() as server:
        session.send("POST", f"http://127.0.0.1:{server.port}/", BODY, {}, timeout_s=2)
    assert session._watch.whole == b""


def test_the_long_way_fails_alike() -> None:
    """The comparison above can fail: an answer cut off is an error either way."""
    assert short(OK + b"Content-Length: 9\r\n\r\nwhy") == {"error": http.client.IncompleteRead}
