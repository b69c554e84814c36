"""The fetch client on real sockets: pooling, deadlines, addresses, TLS, and nothing left behind."""

from __future__ import annotations

import asyncio
import os
import resource
import socket
import ssl
import subprocess
import sys
import textwrap
import threading
import time
from dataclasses import dataclass
from math import inf
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from pushvar.collect.fetch import Endpoint, Fetcher, endpoint
from pushvar.model import Fetched, Target
from pushvar.net.client import Client, Origin
from pushvar.net.tls import TlsSettings, context_for

from tests.components import REPOSITORY
from tests.programs.certificates import Authority, authority, self_signed, server_context
from tests.programs.loopback import wait_until
from tests.programs.raw_server import Connection, ok, raw_server, silent_server

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from pushvar.errors import FetchError

    from tests.programs.faulty_server import FaultyServer

LIMIT = 2 << 20


@dataclass(frozen=True, slots=True)
class Result:
    """What became of one fetch, and when (seconds after the start)."""

    body: bytes
    reason: str
    message: str
    after_s: float


class Fetches:
    """A fetcher for one test."""

    def __init__(self) -> None:
        self.fetcher = Fetcher(lambda: time.time_ns() // 1_000_000, time.monotonic)

    def all(self, *urls: str, timeout_s: float = 2.0, tls: TlsSettings | None = None) -> dict[str, Result]:
        """Fetch all URLs at once."""
        results: dict[str, Result] = {}
        start_s = time.monotonic()

        def done(one: Endpoint, fetched: Fetched, error: FetchError | None) -> None:
            reason, message = (error.reason, error.message) if error else ("ok", "")
            results[one.target.url] = Result(fetched.body, reason, message, time.monotonic() - start_s)

        self.fetcher.fetch_all([made(url, timeout_s, tls) for url in urls], done)
        return results

    def one(self, url: str, *, timeout_s: float = 2.0, tls: TlsSettings | None = None) -> Result:
        """Fetch one URL."""
        return self.all(url, timeout_s=timeout_s, tls=tls)[url]


def made(url: str, timeout_s: float = 2.0, tls: TlsSettings | None = None) -> Endpoint:
    """An endpoint without labels."""
    target = Target(url, "job", url, ())
    return endpoint(target, tls=tls or TlsSettings(), headers=(), timeout_s=timeout_s, body_limit=LIMIT)


@pytest.fixture
def fetches() -> Iterator[Fetches]:
    """Give a fetcher and close it."""
    made_one = Fetches()
    yield made_one
    made_one.fetcher.close()


@pytest.fixture(scope="module")
def ca(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    """Give a certificate authority."""
    return authority(tmp_path_factory.mktemp("authority"))


def names(monkeypatch: pytest.MonkeyPatch, known: dict[str, list[str]]) -> None:
    """Let the resolver know these names as well."""
    real = socket.getaddrinfo

    def look_up(host: Any, port: Any, *args: Any, **kwargs: Any) -> Any:
        if host not in known:
            return real(host, port, *args, **kwargs)
        infos = []
        for address in known[host]:
            infos += real(address, port, *args, **kwargs)
        return infos

    monkeypatch.setattr(socket, "getaddrinfo", look_up)


# Connections


def test_one_connection_serves_many_cycles(fetches: Fetches) -> None:
    """Twenty fetches of a target that keeps its connection open use one."""
    with raw_server() as server:
        results = [fetches.one(f"http://127.0.0.1:{server.port}/") for _ in range(20)]
        assert {result.reason for result in results} == {"ok"}
        assert server.requests == [1] * 20


def test_a_connection_closed_while_idle_is_replaced_once(fetches: Fetches) -> None:
    """A server that drops the second request of a connection is asked once more, on a new one."""

    def act(client: Connection) -> None:
        client.request()
        client.send(ok())
        client.request()  # and goes without a word

    with raw_server(act) as server:
        url = f"http://127.0.0.1:{server.port}/"
        assert [fetches.one(url).reason for _ in range(3)] == ["ok"] * 3
        assert server.requests == [1, 1, 2, 2, 3]


def test_it_is_replaced_only_once(fetches: Fetches) -> None:
    """When the new connection is dropped too, the fetch has failed; there is no third try."""

    def act(client: Connection) -> None:
        client.request()
        if client.number == 1:
            client.send(ok())
            client.request()

    with raw_server(act) as server:
        url = f"http://127.0.0.1:{server.port}/"
        assert fetches.one(url).reason == "ok"
        assert fetches.one(url).reason == "connection"
        assert server.requests == [1, 1, 2]


def test_an_answer_that_breaks_off_is_not_asked_for_again(fetches: Fetches) -> None:
    """Only silence means that the connection was idle-closed; half an answer is a failure."""

    def act(client: Connection) -> None:
        client.request()
        client.send(ok())
        client.request()
        client.send(ok(b"x" * 100)[:60])
        client.wait(0.1)
        client.reset()

    with raw_server(act) as server:
        url = f"http://127.0.0.1:{server.port}/"
        assert [fetches.one(url).reason for _ in range(2)] == ["ok", "connection"]
        assert server.requests == [1, 1]


def test_a_reset_does_not_end_a_body_without_length(fetches: Fetches) -> None:
    """A body that goes on until the connection closes is complete after FIN, never after RST."""

    def act(client: Connection) -> None:
        client.request()
        client.send(b'HTTP/1.1 200 OK\r\n\r\n{"a": 1')
        client.wait(0.1)
        client.reset()

    with raw_server(act) as server:
        assert fetches.one(f"http://127.0.0.1:{server.port}/").reason == "connection"


@pytest.mark.parametrize("path", ["/hang", "/hang-body", "/drip", "/drip-body"])
def test_a_deadline_leaves_no_half_read_connection(faulty: FaultyServer, fetches: Fetches, path: str) -> None:
    """The deadline is one for the whole answer, and what it cut is never used again."""
    assert fetches.one(faulty.url + "/ok").reason == "ok"
    late = fetches.one(faulty.url + path, timeout_s=0.4)
    assert late.reason == "timeout"
    assert 0.35 < late.after_s < 1.5
    assert fetches.one(faulty.url + "/ok").body.startswith(b'{"cmdline"')
    assert [request.connection for request in faulty.requests] == [1, 1, 2]


def test_unasked_bytes_end_an_idle_connection(fetches: Fetches) -> None:
    """A second answer that nobody asked for is never taken for the answer to the next request."""
    sent = threading.Event()

    def act(client: Connection) -> None:
        client.request()
        client.send(ok(b"first"))
        if client.number == 1:
            client.wait(0.1)
            client.send(ok(b"poison"))
            sent.set()
            client.wait(1)

    with raw_server(act) as server:
        url = f"http://127.0.0.1:{server.port}/"
        assert fetches.one(url).body == b"first"
        assert sent.wait(2)
        assert fetches.one(url).body == b"first"


def test_five_hundred_hung_targets_do_not_delay_a_good_one(fetches: Fetches) -> None:
    """The last in the list is done long before the deadline of those that hang."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, min(hard, 4096)), hard))
    with silent_server() as silent, raw_server() as good:
        hung = [f"http://127.0.0.1:{silent}/{number}" for number in range(500)]
        url = f"http://127.0.0.1:{good.port}/"
        results = fetches.all(*hung, url, timeout_s=4.0)
        assert results[url].reason == "ok"
        assert results[url].after_s < 2.0
        assert {results[one].reason for one in hung} == {"timeout"}
        assert max(result.after_s for result in results.values()) < 7.0
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def run_client(client: Client, port: int, *hosts: str) -> None:
    """Fetch from hosts of 127/8 one after the other, then let closed sockets be noticed."""

    async def run() -> None:
        for host in hosts:
            origin = Origin(host, port)
            head = f"GET / HTTP/1.1\r\nHost: {host}\r\n\r\n".encode()
            await client.get(origin, head, timeout_s=2.0, body_limit=LIMIT)
            await asyncio.sleep(0.05)
        client.close()
        await asyncio.sleep(0)

    asyncio.run(run())


def test_the_idle_limit_drops_the_longest_idle() -> None:
    """Of three idle connections the oldest goes when two may stay."""
    with raw_server() as server:
        run_client(
            Client(idle_limit=2), server.port, "127.0.0.1", "127.0.0.2", "127.0.0.3", "127.0.0.3", "127.0.0.1"
        )
        assert server.requests == [1, 2, 3, 3, 4]


def test_idle_connections_make_room_for_new_ones() -> None:
    """All connections together stay within the limit of descriptors."""
    with raw_server() as server:
        client = Client(connection_limit=2)
        run_client(client, server.port, "127.0.0.1", "127.0.0.2", "127.0.0.3", "127.0.0.2", "127.0.0.1")
        assert server.requests == [1, 2, 3, 2, 4]


def test_targets_that_went_away_hold_no_place_in_the_pool() -> None:
    """Connections that the other side closed do not count as idle for ever."""

    def act(client: Connection) -> None:
        while client.request():
            client.send(ok())
            if client.number <= 2:
                return

    with raw_server(act) as server:
        hosts = ["127.0.0.1", "127.0.0.2", "127.0.0.3", "127.0.0.3", "127.0.0.3"]
        run_client(Client(idle_limit=2), server.port, *hosts)
        assert server.requests == [1, 2, 3, 3, 3]


# Names and addresses


@pytest.mark.parametrize("host", ["::1", "127.0.0.1"])
def test_a_name_with_two_addresses_needs_a_listener_on_one(
    host: str, fetches: Fetches, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Localhost is ::1 and 127.0.0.1; a program that listens on either is found."""
    names(monkeypatch, {"both.test": ["::1", "127.0.0.1"]})
    with raw_server(host=host) as server:
        assert fetches.one(f"http://both.test:{server.port}/").reason == "ok"


def test_an_address_that_hangs_leaves_time_for_the_next(
    ca: Authority, fetches: Fetches, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A dead IPv6 path costs a share of the deadline, not all of it."""
    names(monkeypatch, {"localhost": ["::1", "127.0.0.1"]})
    certificate = ca.certificate("two", alternatives="DNS:localhost")
    with raw_server(host="127.0.0.1", tls=server_context(certificate)) as server:
        with socket.create_server(("::1", server.port), family=socket.AF_INET6):  # accepts, says nothing
            result = fetches.one(f"https://localhost:{server.port}/", tls=TlsSettings(ca_file=ca.ca_file))
        assert result.reason == "ok"
        assert 0.9 < result.after_s < 1.9


def test_ipv6_literals(fetches: Fetches) -> None:
    """A target may be [::1]:port, and the Host header keeps the brackets."""
    with raw_server(host="::1") as server:
        assert fetches.one(f"http://[::1]:{server.port}/").reason == "ok"
        assert f"Host: [::1]:{server.port}" in server.heads[0]


def test_a_name_that_does_not_resolve(fetches: Fetches) -> None:
    """It is the failure class dns, with the name in the words."""
    result = fetches.one("http://nosuch.invalid:80/", timeout_s=10.0)
    assert (result.reason, "nosuch.invalid" in result.message) == ("dns", True)
    assert fetches.one(f"http://{'x' * 70}.test:80/").reason == "dns"


def test_names_that_hang_do_not_hold_up_the_others(fetches: Fetches, monkeypatch: pytest.MonkeyPatch) -> None:
    """Forty names whose DNS server is dead leave room to resolve a good one."""
    ended = threading.Event()
    real = socket.getaddrinfo

    def look_up(host: Any, *args: Any, **kwargs: Any) -> Any:
        if str(host).startswith("dead"):
            ended.wait(10)
        return real("127.0.0.1", *args, **kwargs)

    monkeypatch.setattr(socket, "getaddrinfo", look_up)
    try:
        with raw_server() as server:
            dead = [f"http://dead{number}.test:{server.port}/" for number in range(40)]
            good = f"http://good.test:{server.port}/"
            results = fetches.all(*dead, good, timeout_s=1.5)
        assert results[good].reason == "ok"
        assert results[good].after_s < 1.0
        assert {results[url].reason for url in dead} == {"timeout"}
    finally:
        ended.set()


BLOCKED = [
    "169.254.169.254", "169.254.0.1", "2852039166", "0xa9fea9fe", "0251.0376.0251.0376", "169.16689662",
    "0.0.0.0", "0", "[::]",  # noqa: S104 - refused, not bound
    "[fe80::1]", "[::ffff:169.254.169.254]", "[::ffff:a9fe:a9fe]",
    "[64:ff9b::a9fe:a9fe]", "[::169.254.169.254]", "[2002:a9fe:a9fe::1]", "[fd00:ec2::254]", "[fd00:ec2::23]",
    "[fd20:ce::254]", "100.100.100.200", "168.63.129.16", "224.0.0.1", "[ff02::1]",
]  # fmt: skip


@pytest.mark.parametrize("host", BLOCKED)
def test_addresses_that_no_target_may_have(host: str, fetches: Fetches) -> None:
    """However it is written, an address where clouds keep credentials is refused before connecting."""
    result = fetches.one(f"http://{host}:9/")
    assert (result.reason, result.body) == ("blocked", b"")


def test_a_name_that_leads_to_a_blocked_address(fetches: Fetches, monkeypatch: pytest.MonkeyPatch) -> None:
    """What a name resolves to is checked, each address by itself."""
    names(monkeypatch, {"evil.test": ["169.254.169.254"], "mixed.test": ["169.254.169.254", "127.0.0.1"]})
    with raw_server() as server:
        assert fetches.one(f"http://evil.test:{server.port}/").reason == "blocked"
        assert fetches.one(f"http://mixed.test:{server.port}/").reason == "ok"


@pytest.mark.parametrize("host", ["127.1", "2130706433", "0x7f000001", "[::ffff:127.0.0.1]", "LOCALHOST"])
def test_other_spellings_of_loopback_are_no_fault(host: str, fetches: Fetches) -> None:
    """Loopback is a place where targets live, in any spelling that the system reads."""
    with raw_server() as server:
        assert fetches.one(f"http://{host}:{server.port}/").reason == "ok"


# Hostile answers

ESCAPES = b"\x1b[2J" * 900


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (b"HTTP/1.1 200 OK\r\nContent-Length: " + b"9" * 5000 + b"\r\n\r\n", "too_large"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 1_0\r\n\r\n", "bad_format"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + b"f" * 5000 + b"\r\n", "too_large"),
        (b"HTTP/1.1 302 Found\r\nContent-Length: 0\r\nLocation: " + ESCAPES + b"\r\n\r\n", "redirect"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nContent-Encoding: " + ESCAPES + b"\r\n\r\n", "bad_format"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: " + b"\x1b" * 9000 + b"\r\n\r\n", "bad_format"),
    ],
)  # fmt: skip
def test_hostile_headers_harm_nobody(answer: bytes, reason: str, fetches: Fetches) -> None:
    """Each has its reason in short and printable words, and a good target beside it is fetched."""

    def act(client: Connection) -> None:
        client.request()
        client.send(answer)
        client.wait(1)

    with raw_server(act) as bad, raw_server() as good:
        url, fine = f"http://127.0.0.1:{bad.port}/", f"http://127.0.0.1:{good.port}/"
        results = fetches.all(url, fine)
        assert (results[url].reason, results[fine].reason) == (reason, "ok")
        assert len(results[url].message) < 400
        assert results[url].message.isprintable()


# TLS


@dataclass(frozen=True, slots=True)
class TlsCase:
    """One client against one server certificate."""

    name: str
    tls: Callable[[Authority], TlsSettings]
    words: str = ""
    alternatives: str = "DNS:localhost,IP:127.0.0.1"
    days: int = 2
    tls12: bool = False


def trusting(**settings: Any) -> Callable[[Authority], TlsSettings]:
    """Settings that trust the test's authority."""
    return lambda ca: TlsSettings(ca_file=ca.ca_file, **settings)


TLS_CASES = [
    TlsCase("private CA", trusting()),
    TlsCase("unknown CA", lambda _: TlsSettings(), "unable to get local issuer certificate"),
    TlsCase("wrong host name", trusting(), "not valid for 'localhost'", alternatives="DNS:other.test"),
    TlsCase("server_name says which", trusting(server_name="other.test"), alternatives="DNS:other.test"),
    TlsCase("another server_name", trusting(server_name="third.test"), "third.test"),
    TlsCase("no legal server_name", trusting(server_name=".x"), "no server name"),
    TlsCase("expired", trusting(), "expired", days=-1),
    TlsCase("skip verify", lambda _: TlsSettings(insecure_skip_verify=True), alternatives="DNS:x", days=-1),
    TlsCase("TLS 1.2 is enough", trusting(), tls12=True),
    TlsCase("TLS 1.3 is wanted", trusting(min_version="TLS13"), "PROTOCOL_VERSION", tls12=True),
    TlsCase("no CA file", lambda _: TlsSettings(ca_file="gone/ca.pem"), "gone/ca.pem"),
]


@pytest.mark.parametrize("case", TLS_CASES, ids=[case.name for case in TLS_CASES])
def test_https(case: TlsCase, ca: Authority, fetches: Fetches) -> None:
    """A certificate is believed when it should be; otherwise the reason is tls, in plain words."""
    certificate = ca.certificate(case.name.replace(" ", "-"), alternatives=case.alternatives, days=case.days)
    with raw_server(tls=server_context(certificate, tls12=case.tls12)) as server, raw_server() as plain:
        url, beside = f"https://localhost:{server.port}/", f"http://127.0.0.1:{plain.port}/"
        results = fetches.all(url, beside, tls=case.tls(ca))
        assert results[url].reason == ("tls" if case.words else "ok"), results[url].message
        assert case.words in results[url].message
        assert results[beside].reason == "ok"


def test_a_self_signed_certificate(tmp_path: Path, fetches: Fetches) -> None:
    """It is refused, with the word for it, unless it is itself what is trusted."""
    certificate = self_signed(tmp_path)
    with raw_server(tls=server_context(certificate)) as server:
        url = f"https://localhost:{server.port}/"
        refused = fetches.one(url)
        assert (refused.reason, "self-signed" in refused.message) == ("tls", True)
        assert fetches.one(url, tls=TlsSettings(ca_file=certificate.cert)).reason == "ok"
        assert fetches.one(url, tls=TlsSettings(ca_file=certificate.cert)).reason == "ok"
        assert server.requests == [2, 2]


def test_client_certificates(ca: Authority, fetches: Fetches) -> None:
    """A server that wants one gets it; without one the reason is tls."""
    certificate = ca.certificate("mutual", alternatives="DNS:localhost")
    own = ca.certificate("client", alternatives="DNS:client")
    with raw_server(tls=server_context(certificate, client_ca=ca.ca_file, tls12=True)) as server:
        url = f"https://localhost:{server.port}/"
        shown = TlsSettings(ca_file=ca.ca_file, cert_file=own.cert, key_file=own.key)
        assert fetches.one(url, tls=shown).reason == "ok"
        assert fetches.one(url, tls=TlsSettings(ca_file=ca.ca_file)).reason == "tls"


def test_plain_http_behind_https(fetches: Fetches) -> None:
    """A target that speaks no TLS is the reason tls, not a fault of ours."""
    with raw_server(lambda client: client.send(b"HTTP/1.1 400 Bad Request\r\n\r\n")) as server:
        assert fetches.one(f"https://localhost:{server.port}/").reason == "tls"


def test_one_context_for_all_hosts(
    ca: Authority, fetches: Fetches, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """The CA bundle is loaded once for equal settings, however many hosts there are, until it changes."""
    loaded: list[None] = []
    real = ssl.create_default_context

    def counted(*args: Any, **kwargs: Any) -> ssl.SSLContext:
        loaded.append(None)
        return real(*args, **kwargs)

    bundle = tmp_path / "bundle.pem"
    bundle.write_bytes(Path(ca.ca_file).read_bytes())
    monkeypatch.setattr(ssl, "create_default_context", counted)
    certificate = ca.certificate("many", alternatives=",".join(f"IP:127.0.0.{n}" for n in range(1, 9)))
    with raw_server(tls=server_context(certificate)) as server:
        urls = [f"https://127.0.0.{number}:{server.port}/" for number in range(1, 9)]
        results = fetches.all(*urls, tls=TlsSettings(ca_file=str(bundle)))
        assert {result.reason for result in results.values()} == {"ok"}
        assert len(server.requests) == 8
    assert len(loaded) == 1
    os.utime(bundle, ns=(1, 1))
    context_for(TlsSettings(ca_file=str(bundle)))
    assert len(loaded) == 2


# Faults of our own, and what stays behind


class Boom(Exception):
    """What a test's own callback raises."""


@pytest.mark.parametrize("fault", [Boom, KeyboardInterrupt, SystemExit])
def test_an_exception_in_done_ends_the_call_and_nothing_else(
    fault: type[BaseException], fetches: Fetches
) -> None:
    """It comes out as it is, no fetch stays under way, and the fetcher can be used again."""

    def done(*_: object) -> None:
        raise fault

    with raw_server() as good, silent_server() as silent:
        url = f"http://127.0.0.1:{good.port}/"
        start_s = time.monotonic()
        with pytest.raises(fault):
            fetches.fetcher.fetch_all([made(url), made(f"http://127.0.0.1:{silent}/", 30.0)], done)
        assert time.monotonic() - start_s < 5
        assert fetches.one(url).reason == "ok"


def test_who_has_had_no_turn_by_the_deadline_is_timed_out() -> None:
    """More hung targets than places: the call ends at its deadline, with a word for each of them."""
    fetcher = Fetcher(lambda: 0, time.monotonic, concurrency=2)
    errors: list[str] = []
    with silent_server() as silent:
        start_s = time.monotonic()
        ends = [made(f"http://127.0.0.1:{silent}/{n}", 30.0) for n in range(20)]
        fetcher.fetch_all(ends, lambda _one, _got, error: errors.append(str(error)), start_s + 0.5)
        fetcher.close()
    assert time.monotonic() - start_s < 10
    assert len(errors) == 20
    assert sum("before its turn came" in error for error in errors) == 18


def test_fetches_begin_one_after_another() -> None:
    """So many a second and no more, over a quarter of the time at most, always in the same order."""
    began: list[tuple[str, float]] = []
    fetcher = Fetcher(lambda: 0, time.monotonic, starts_per_s=100)

    def done(one: Endpoint, got: Fetched, _error: FetchError | None) -> None:
        began.append((one.target.url, time.monotonic() - got.duration_s))

    with raw_server() as good:
        ends = [made(f"http://127.0.0.1:{good.port}/{n}") for n in range(40)]
        for deadline_s in (inf, 0.8):
            began.clear()
            start_s = time.monotonic()
            fetcher.fetch_all(ends, done, start_s + deadline_s)
            assert sorted(url for url, _ in began) == sorted(one.target.url for one in ends)
            last = max(at for _, at in began) - start_s
            assert last > (0.3 if deadline_s == inf else 0.1)
            half = sorted(at for _, at in began)[20] - start_s
            assert half > last / 4, "they are spread, not begun together at the end"
    fetcher.close()


@pytest.mark.parametrize("asked_after_s", [0.0, 0.3])
def test_the_end_of_the_run_cuts_fetches(asked_after_s: float) -> None:
    """Nothing is heard of what hangs or has had no turn; what was done before counts."""
    begin_s = time.monotonic()

    def until_s() -> float:
        return inf if time.monotonic() < begin_s + asked_after_s else begin_s

    fetcher = Fetcher(lambda: 0, time.monotonic, concurrency=3, until_s=until_s)
    heard: list[str] = []
    with raw_server() as good, silent_server() as silent:
        ends = [made(f"http://127.0.0.1:{good.port}/")]
        ends += [made(f"http://127.0.0.1:{silent}/{n}", 30.0) for n in range(20)]
        for _ in range(2):
            fetcher.fetch_all(ends, lambda _one, _got, error: heard.append(error.reason if error else "ok"))
        fetcher.close()
    assert heard == (["ok"] if asked_after_s else [])
    assert time.monotonic() - begin_s < 2


SCRIPT = """
    import os, sys, time
    from pushvar.collect.fetch import Fetcher, endpoint
    from pushvar.model import Target
    from pushvar.net.tls import TlsSettings

    def made(url):
        target = Target(url, "job", url, ())
        tls = TlsSettings(ca_file=sys.argv[1])
        return endpoint(target, tls=tls, headers=(), timeout_s=0.5, body_limit=1000)

    def count():
        return len(os.listdir("/proc/self/fd"))

    def interrupt(*_):
        raise KeyboardInterrupt

    counts, reasons = [], []
    for turn in range(3):
        fetcher = Fetcher(lambda: time.time_ns() // 10**6, time.monotonic)
        ends = [made(url) for url in sys.argv[2:]]
        fetcher.fetch_all(ends, lambda one, got, error: reasons.append(error.reason if error else "ok"))
        fetcher.fetch_all(ends, lambda *_: None)
        try:
            fetcher.fetch_all(ends, interrupt)
        except KeyboardInterrupt:
            pass
        fetcher.close()
        fetcher.close()
        counts.append(count())
    assert counts[0] == counts[2], counts
    print(",".join(sorted(set(reasons))))
"""


def test_nothing_is_left_behind(faulty: FaultyServer, ca: Authority) -> None:
    """In Python's development mode: no warning, no pending task, and as many descriptors as before."""
    certificate = ca.certificate("behind", alternatives="DNS:localhost")
    other = ca.certificate("unknown", alternatives="DNS:other.test")
    with (
        raw_server(tls=server_context(certificate)) as good,
        raw_server(tls=server_context(other)) as wrong,
        silent_server() as silent,
    ):
        paths = [
            "/ok",
            "/hang",
            "/hang-body",
            "/drip-body",
            "/reset",
            "/close",
            "/endless",
            "/no-http",
            "/no-length",
        ]
        urls = [faulty.url + path for path in paths]
        urls += [f"https://localhost:{port}/" for port in (good.port, wrong.port, silent)]
        urls += [faulty.refused_url, "http://169.254.169.254/"]
        done = subprocess.run(
            [sys.executable, "-X", "dev", "-W", "error", "-c", textwrap.dedent(SCRIPT), ca.ca_file, *urls],
            cwd=REPOSITORY,
            env={**os.environ, "PYTHONPATH": str(REPOSITORY / "layers" / "pushvar")},
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == "bad_format,blocked,connection,ok,refused,timeout,tls,too_large"
    for trouble in ("Warning", "destroyed", "never retrieved", "Traceback", "Exception"):
        assert trouble not in done.stderr


def test_closing_closes_every_connection(fetches: Fetches) -> None:
    """The server sees the end of each idle connection when the fetcher is closed."""
    gone: list[int] = []

    def act(client: Connection) -> None:
        while client.request():
            client.send(ok())
        gone.append(client.number)

    with raw_server(act) as server:
        fetches.all(*(f"http://127.0.0.{number}:{server.port}/" for number in range(1, 6)))
        fetches.fetcher.close()
        wait_until(lambda: sorted(gone) == [1, 2, 3, 4, 5], timeout_s=5, what="the end of all connections")
