"""Through a real proxy: fetches, pushes and lists of targets; and what is said when it does not work."""

from __future__ import annotations

import time
from math import inf
from typing import TYPE_CHECKING

import pytest
from pushvar.collect.fetch import Endpoint, Fetcher, endpoint
from pushvar.config.schema import RemoteWrite, ScrapeConfig, TargetPolicy
from pushvar.errors import FetchError
from pushvar.model import Fetched, Target
from pushvar.net.address import is_allowed
from pushvar.net.once import get_once
from pushvar.net.policy import policy_of
from pushvar.net.proxy import Proxies, proxies_of
from pushvar.net.session import Session
from pushvar.net.tls import TlsSettings

from tests.programs.certificates import Authority, authority, server_context
from tests.programs.http_proxy import http_proxy
from tests.programs.raw_server import Connection, ok, raw_server

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


LIMIT = 1 << 20
DENIED = b"HTTP/1.1 403 Forbidden\r\nContent-Length: 2\r\n\r\nno"
WANTS_PASSWORD = b"HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n"


OK = b"HTTP/1.1 200 OK\r\n"
ENDLESS = "no end of headers within 65536 bytes"
ANYWHERE = TargetPolicy()


class Fetches:
    """A fetcher for one test; ``one`` gives the body, or the reason and words."""

    def __init__(self, allowed: Callable[[str], bool] = is_allowed) -> None:
        self.fetcher = Fetcher(lambda: 0, time.monotonic, allowed=allowed)

    def one(
        self, url: str, proxy: str, *, no_proxy: str = "", ca: str = "", timeout_s: float = 2.0,
        policy: TargetPolicy = ANYWHERE, body_limit: int = LIMIT,
    ) -> bytes | tuple[str, str]:  # fmt: skip
        """Fetch a URL once."""
        results: list[bytes | tuple[str, str]] = []

        def done(_one: Endpoint, fetched: Fetched, error: FetchError | None) -> None:
            results.append(fetched.body if error is None else (error.reason, error.message))

        made = endpoint(
            Target(url, "job", url, ()), tls=TlsSettings(ca_file=ca), headers=(), timeout_s=timeout_s,
            body_limit=body_limit, policy=policy_of(policy), proxies=through(proxy, no_proxy),
        )  # fmt: skip
        self.fetcher.fetch_all([made], done, inf)
        return results[0]


def through(url: str, no_proxy: str = "") -> Proxies | None:
    """The proxies of a job that says so."""
    return proxies_of(ScrapeConfig(job_name="j", proxy_url=url, no_proxy=no_proxy))


@pytest.fixture
def fetches() -> Iterator[Fetches]:
    """Give a fetcher and close it."""
    made = Fetches()
    yield made
    made.fetcher.close()


@pytest.fixture(scope="module")
def ca(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    """Give a certificate authority."""
    return authority(tmp_path_factory.mktemp("authority"))


def test_http_targets(fetches: Fetches) -> None:
    """The proxy is told the whole URL, on one connection for many fetches of one target."""
    with raw_server() as server, http_proxy() as proxy:
        url = f"http://only-the-proxy-knows.test:{server.port}/debug/vars?a=%2F"
        assert [fetches.one(url, proxy.url) for _ in range(3)] == [b"{}"] * 3
        assert proxy.lines == [f"GET {url}"] * 3
        assert proxy.server.requests == [1, 1, 1]
        assert f"\r\nHost: only-the-proxy-knows.test:{server.port}" in proxy.server.heads[0]
        fetches.one(f"http://another.test:{server.port}/", proxy.url)
        assert proxy.server.requests == [1, 1, 1, 2]


def test_https_targets(ca: Authority, fetches: Fetches) -> None:
    """A tunnel leads to the target, whose certificate counts; it stays open for the fetches to come."""
    certificate = ca.certificate("tunnel", alternatives="DNS:hidden.test")
    with raw_server(tls=server_context(certificate)) as server, http_proxy() as proxy:
        url = f"https://hidden.test:{server.port}/x"
        assert [fetches.one(url, proxy.url, ca=ca.ca_file) for _ in range(3)] == [b"{}"] * 3
        assert proxy.lines == [f"CONNECT hidden.test:{server.port}"]
        assert server.requests == [1, 1, 1]
        assert {head.partition("\r\n")[0] for head in server.heads} == {"GET /x HTTP/1.1"}
        wrong = fetches.one(f"https://other.test:{server.port}/", proxy.url, ca=ca.ca_file)
        assert wrong[0] == "tls"
        assert "not valid for 'other.test'" in str(wrong[1])


def test_a_tunnel_closed_while_idle_is_replaced(ca: Authority, fetches: Fetches) -> None:
    """As a connection of its own would be."""

    def act(client: Connection) -> None:
        client.request()
        client.send(ok())
        client.request()  # and goes without a word

    certificate = ca.certificate("idle", alternatives="DNS:hidden.test")
    with raw_server(act, tls=server_context(certificate)) as server, http_proxy() as proxy:
        url = f"https://hidden.test:{server.port}/"
        assert [fetches.one(url, proxy.url, ca=ca.ca_file) for _ in range(3)] == [b"{}"] * 3


def test_exceptions_go_directly(fetches: Fetches) -> None:
    """A target of no_proxy never reaches the proxy; nor does this machine, once there is a no_proxy."""
    with raw_server() as server, http_proxy() as proxy:
        assert fetches.one(f"http://127.0.0.1:{server.port}/", proxy.url, no_proxy="x") == b"{}"
        assert fetches.one(f"http://localhost:{server.port}/", proxy.url, no_proxy="localhost") == b"{}"
        assert proxy.lines == []
        assert fetches.one(f"http://127.0.0.1:{server.port}/", proxy.url) == b"{}"
        assert len(proxy.lines) == 1


FAILURES = [
    ("http", DENIED, ("auth", "HTTP 403")),
    ("http", WANTS_PASSWORD, ("client", "HTTP 407, the proxy wants credentials")),
    ("https", DENIED, ("connection", "the proxy {} refused the tunnel: HTTP 403")),
    ("https", WANTS_PASSWORD, ("connection", "the proxy {} wants credentials: HTTP 407")),
    ("https", b"SSH-2.0\r\n\r\n", ("connection", "the proxy {}, at CONNECT: the answer is not HTTP/1.1")),
    ("https", OK + b"\r\nhello", ("connection", "the proxy {} spoke or left where the tunnel should begin")),
    ("https", OK + b"X: " + b"y" * 100_000, ("connection", f"the proxy {{}}, at CONNECT: {ENDLESS}")),
]  # fmt: skip


@pytest.mark.parametrize(("scheme", "answer", "told"), FAILURES)
def test_what_a_proxy_refuses(scheme: str, answer: bytes, told: tuple[str, str], fetches: Fetches) -> None:
    """It is told in words that name the proxy where it is the proxy's doing."""
    with http_proxy(answer) as proxy:
        found = fetches.one(f"{scheme}://hidden.test:9/", proxy.url)
        assert found == (told[0], told[1].format(proxy.url.removeprefix("http://")))


def test_an_unusable_proxy_of_the_environment() -> None:
    """Whoever would take it is told so, and nothing is connected to."""
    words = 'HTTP_PROXY of the environment: "socks5://p:1" is not the URL of an HTTP proxy'
    environ = {"HTTP_PROXY": "socks5://p:1"}
    job = proxies_of(ScrapeConfig(job_name="j", proxy_from_environment=True), environ)
    with pytest.raises(FetchError, match=words):
        get_once(
            "http://hidden.test/", (), tls=TlsSettings(), timeout_s=2, body_limit=LIMIT,
            allowed=is_allowed, proxies=job,
        )  # fmt: skip
    session = Session(TlsSettings(), proxies=job)
    assert session.send("POST", "http://hidden.test/", b"", {}, timeout_s=2).text == words
    session.close()


def test_a_proxy_that_is_not_there(fetches: Fetches) -> None:
    """The words say that it is the proxy, not the target, that cannot be reached."""
    with raw_server() as server:
        gone = f"127.0.0.1:{server.port}"
    words = f"the proxy {gone} refused the connection"
    for scheme in ("http", "https"):
        assert fetches.one(f"{scheme}://hidden.test/", f"http://{gone}") == ("connection", words)
    found = fetches.one("http://hidden.test/", "http://no-such-proxy.invalid:1")
    assert found[0] == "dns"
    assert "the proxy no-such-proxy.invalid:1: " in str(found[1])


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_a_silent_proxy_and_the_deadline(scheme: str, fetches: Fetches) -> None:
    """The deadline of the fetch holds for what the proxy does too."""
    with http_proxy(silent=True) as proxy:
        start_s = time.monotonic()
        found = fetches.one(f"{scheme}://hidden.test/", proxy.url, timeout_s=0.3)
        assert found == ("timeout", "no complete answer within 0.3 s")
        assert time.monotonic() - start_s < 1.5


def test_the_body_limit_holds(ca: Authority, fetches: Fetches) -> None:
    """A proxy makes no body larger than what is allowed."""
    certificate = ca.certificate("large", alternatives="DNS:hidden.test")

    def act(client: Connection) -> None:
        while client.request():
            client.send(ok(b"x" * 1000))

    with (
        raw_server(act) as plain,
        raw_server(act, tls=server_context(certificate)) as secure,
        http_proxy() as proxy,
    ):
        for url in (f"http://hidden.test:{plain.port}/", f"https://hidden.test:{secure.port}/"):
            found = fetches.one(url, proxy.url, ca=ca.ca_file, body_limit=999)
            assert found == ("too_large", "the body is over 999 bytes")


PORT_80 = TargetPolicy(ports=("80",))
POLICY = TargetPolicy(allow=("127.0.0.0/8",), ports=("1-65535",))
BLOCKED = [
    ("http://169.254.169.254/", TargetPolicy(), "169.254.169.254 is 169.254.169.254, which no target may be"),
    ("http://0xa9fea9fe/", TargetPolicy(), "169.254.169.254 is 169.254.169.254, which no target may be"),
    ("http://169.254.43518/", TargetPolicy(), "169.254.169.254 is 169.254.169.254, which no target may be"),
    ("https://[fd00:ec2::254]/", TargetPolicy(), "fd00:ec2::254 is fd00:ec2::254, which no target may be"),
    ("http://10.0.0.1/", POLICY, "10.0.0.1 is 10.0.0.1: target_policy does not allow its network"),
    ("http://hidden.test:81/", PORT_80, "hidden.test: target_policy does not allow port 81"),
]  # fmt: skip


@pytest.mark.parametrize(("url", "policy", "words"), BLOCKED)
def test_a_proxy_is_no_way_around_the_policy(
    url: str, policy: TargetPolicy, words: str, fetches: Fetches
) -> None:
    """What can be checked without a look-up is, and the proxy never hears of it."""
    with http_proxy() as proxy:
        assert fetches.one(url, proxy.url, policy=policy) == ("blocked", words)
        assert proxy.lines == []


def test_names_are_the_proxys(fetches: Fetches) -> None:
    """A name that only the proxy can resolve passes a policy of networks: the operator named the proxy."""
    with raw_server() as server, http_proxy() as proxy:
        policy = TargetPolicy(deny=("0.0.0.0/0",))
        assert fetches.one(f"http://hidden.test:{server.port}/", proxy.url, policy=policy) == b"{}"


def test_where_a_proxy_may_be() -> None:
    """Its address is checked as a target's is."""
    fetches = Fetches(allowed=lambda address: address != "127.0.0.1")
    try:
        for proxy in ("127.0.0.1:9", "169.254.169.254:80"):
            checked = fetches if proxy.startswith("127") else Fetches()
            host = proxy.partition(":")[0]
            words = f"the proxy {proxy}: {host} is {host}, which no target may be"
            assert checked.one("http://hidden.test/", f"http://{proxy}") == ("blocked", words)
            checked.fetcher.close()
    finally:
        fetches.fetcher.close()


def test_lists_of_targets(ca: Authority) -> None:
    """The one request of a discovery goes through the proxy as well."""
    certificate = ca.certificate("list", alternatives="DNS:hidden.test")
    with raw_server(tls=server_context(certificate)) as server, http_proxy() as proxy:
        answer = get_once(
            f"https://hidden.test:{server.port}/", (), tls=TlsSettings(ca_file=ca.ca_file), timeout_s=2,
            body_limit=LIMIT, allowed=is_allowed, proxies=through(proxy.url),
        )  # fmt: skip
        assert answer.body == b"{}"
        assert proxy.lines == [f"CONNECT hidden.test:{server.port}"]


def post(url: str, proxy: str, *, ca: str = "", count: int = 1, timeout_s: float = 2.0) -> tuple[int, str]:
    """Push so often and give the last answer."""
    session = Session(TlsSettings(ca_file=ca), proxies=proxies_of(RemoteWrite(url=url, proxy_url=proxy)))
    try:
        for _ in range(count):
            answer = session.send("POST", url, b"body", {}, timeout_s=timeout_s)
        return answer.status, answer.text
    finally:
        session.close()


def test_pushes(ca: Authority) -> None:
    """Pushes take the proxy: one connection, the URL as it is, the backend's own certificate."""
    certificate = ca.certificate("backend", alternatives="DNS:hidden.test")
    with raw_server() as plain, raw_server(tls=server_context(certificate)) as secure, http_proxy() as proxy:
        url = f"http://hidden.test:{plain.port}/a/../%41/./push"
        assert post(url, proxy.url, count=3) == (200, "{}")
        assert proxy.lines == [f"POST {url}"] * 3
        assert proxy.server.requests == [1] * 3
        assert post(f"https://hidden.test:{secure.port}/push", proxy.url, ca=ca.ca_file, count=3)[0] == 200
        assert proxy.lines[3:] == [f"CONNECT hidden.test:{secure.port}"]
        assert secure.requests == [1] * 3
        assert secure.heads[0].startswith("POST /push HTTP/1.1")
        assert post(f"https://hidden.test:{secure.port}/push", proxy.url)[1].startswith("TLS failed: ")


def test_pushes_that_a_proxy_refuses() -> None:
    """The answer says that it was the proxy."""
    for answer, words in ((DENIED, "403 Forbidden"), (WANTS_PASSWORD, "407 Proxy Authentication Required")):
        with http_proxy(answer) as proxy:
            shown = proxy.url.removeprefix("http://")
            told = f"the proxy {shown}: Tunnel connection failed: {words}"
            assert post("https://hidden.test/", proxy.url) == (0, told)
            assert post("http://hidden.test/", proxy.url)[0] == int(words[:3])
    for scheme in ("http", "https"):
        status, text = post(f"{scheme}://hidden.test/", f"http://{shown}")
        assert (status, text.startswith(f"the proxy {shown}: "), "refused" in text) == (0, True, True)


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_a_silent_proxy_and_a_push(scheme: str) -> None:
    """The end of the whole push holds for a proxy that says nothing."""
    with http_proxy(silent=True) as proxy:
        start_s = time.monotonic()
        status, text = post(f"{scheme}://hidden.test/", proxy.url, timeout_s=0.5)
        assert (status, "0.5" in text) == (0, True), text
        assert time.monotonic() - start_s < 2
