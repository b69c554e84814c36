"""The probe against the client of every cycle: the same class for every fault, and the times of steps."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest
from pushvar.collect.fetch import Endpoint, Fetcher, check_status, endpoint
from pushvar.errors import FetchError
from pushvar.model import Target
from pushvar.net.probe import Probe, probe
from pushvar.net.tls import TlsSettings

from tests.programs import faults
from tests.programs.certificates import authority, self_signed, server_context
from tests.programs.raw_server import Connection, keep_answering, ok, raw_server, silent_server

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.programs.faulty_server import FaultyServer

TIMEOUT_S = 0.6
BODY_LIMIT = 4 << 20
HERE = "IP:127.0.0.1"
PATHS = sorted(
    {
        *faults.ANSWERS,
        *faults.BEHAVIOURS,
        *faults.redirects("", ""),
        *(f"/status/{code}" for code in (200, 204, 304, 400, 401, 403, 404, 407, 418, 429, 500, 502, 503)),
    }
)


def ready(
    url: str, tls: TlsSettings = TlsSettings(), timeout_s: float = TIMEOUT_S  # noqa: B008 - frozen
) -> Endpoint:  # fmt: skip
    """The URL as a target that is ready to be fetched."""
    target = Target(url, "job", url, ())
    return endpoint(target, tls=tls, headers=[("Accept-Encoding", "gzip")], timeout_s=timeout_s,
                    body_limit=BODY_LIMIT)  # fmt: skip


def probed(one: Endpoint) -> Probe:
    """What the probe sees of it."""
    return probe(
        one.target.url, one.origin, one.head, timeout_s=one.timeout_s, body_limit=one.body_limit,
        monotonic_s=time.monotonic,
    )  # fmt: skip


def classed(seen: Probe) -> tuple[str, str]:
    """The class and the words that a scrape would have of it."""
    if seen.reason != "ok":
        return seen.reason, seen.message
    try:
        check_status(seen.status, seen.headers.get("location", ""))
    except FetchError as error:
        return error.reason, error.message
    return "ok", ""


def fetched(ones: list[Endpoint]) -> dict[str, tuple[str, str]]:
    """URL -> the class and the words that a cycle has of it, one after the other."""
    found: dict[str, tuple[str, str]] = {}
    fetcher = Fetcher(lambda: 0, time.monotonic)
    try:
        for one in ones:
            fetcher.fetch_all(
                [one],
                lambda one, _, error: found.update(
                    {one.target.url: (error.reason, error.message) if error else ("ok", "")}
                ),
            )
    finally:
        fetcher.close()
    return found


def no_tls(connection: Connection) -> None:
    """Answer in plain HTTP, whatever comes: a server that waits for a line may find none in a handshake."""
    connection.socket.recv(4096)
    connection.send(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n")


class TestClasses:
    def test_every_fault_has_the_class_that_a_cycle_gives_it(self, faulty: FaultyServer) -> None:
        """For each fault of the faulty server, probe and fetch agree about the class and the words."""
        urls = [faulty.url + path for path in PATHS]
        urls += [f"{faulty.refused_url}/", "http://nowhere.invalid/", "http://169.254.169.254/latest"]
        with raw_server(no_tls) as plain:
            ones = [ready(url) for url in (*urls, f"https://127.0.0.1:{plain.port}/")]
            of_cycle = fetched(ones)
            of_probe = {one.target.url: classed(probed(one)) for one in ones}
            # a machine that is busy may take the time of one of the two: they are asked again, with more
            again = [
                ready(url, timeout_s=10 * TIMEOUT_S) for url in of_cycle if of_probe[url] != of_cycle[url]
            ]
            of_cycle |= fetched(again)
            of_probe |= {one.target.url: classed(probed(one)) for one in again}
        assert of_probe == of_cycle
        assert {reason for reason, _ in of_probe.values()} >= {
            "ok", "dns", "refused", "timeout", "blocked", "redirect", "auth", "not_found", "rate_limited",
            "client", "server", "connection", "too_large", "bad_format", "tls",
        }  # fmt: skip

    @pytest.mark.parametrize(
        ("made", "detail"),
        [
            (
                lambda folder: authority(folder).certificate("old", alternatives="IP:127.0.0.1", days=-1),
                "expired",
            ),
            (
                lambda folder: authority(folder).certificate("other", alternatives="DNS:other.test"),
                "wrong_name",
            ),
            (self_signed, "self_signed"),
        ],
    )
    def test_certificates(self, tmp_path: Path, made: Callable[[Path], object], detail: str) -> None:
        """An expired, a wrongly named and a self-signed certificate are one class and three details."""
        certificate = made(tmp_path)
        trusted = "" if detail == "self_signed" else str(tmp_path / "ca.pem")
        with raw_server(tls=server_context(certificate)) as server:  # type: ignore[arg-type]
            one = ready(f"https://127.0.0.1:{server.port}/", TlsSettings(ca_file=trusted))
            seen = probed(one)
            assert (seen.reason, seen.detail, seen.stage) == ("tls", detail, "tls")
            assert classed(seen) == fetched([one])[one.target.url]

    def test_an_authority_that_nobody_knows(self, tmp_path: Path) -> None:
        """A certificate of an unknown authority is not called self-signed."""
        certificate = authority(tmp_path).certificate("fine", alternatives=HERE)
        with raw_server(tls=server_context(certificate)) as server:
            assert probed(ready(f"https://127.0.0.1:{server.port}/")).detail == "unknown_authority"

    def test_plain_http_to_a_port_of_tls(self, tmp_path: Path) -> None:
        """The alert that a TLS server answers plain HTTP with is recognised."""
        certificate = authority(tmp_path).certificate("fine", alternatives=HERE)
        with raw_server(tls=server_context(certificate)) as server:
            seen = probed(ready(f"http://127.0.0.1:{server.port}/"))
        assert (seen.reason, seen.detail) in {("bad_format", "tls_port"), ("connection", "reset")}

    def test_names(self) -> None:
        """A name that does not exist is told apart from a name server that does not answer."""
        assert probed(ready("http://nowhere.invalid/")).detail in {"no_name", "no_name_server"}


class TestSteps:
    def test_all_steps_of_a_good_fetch(self, tmp_path: Path) -> None:
        """A fetch over TLS has each step once, in order, and ends with the whole body."""
        ca = authority(tmp_path)
        certificate = ca.certificate("fine", alternatives=HERE)
        with raw_server(tls=server_context(certificate)) as server:
            seen = probed(ready(f"https://127.0.0.1:{server.port}/", TlsSettings(ca_file=ca.ca_file)))
        assert list(seen.steps_s) == ["dns", "tcp", "tls", "wait", "body"]
        assert (seen.stage, seen.status, seen.body, seen.addresses) == ("done", 200, b"{}", ("127.0.0.1",))

    def test_the_step_that_is_slow_has_the_time(self) -> None:
        """A pause before the answer is of the wait, one within it of the body."""

        def slow(connection: Connection) -> None:
            connection.request()
            connection.wait(0.2)
            answer = ok(b"{}")
            connection.send(answer[:-1])
            connection.wait(0.1)
            connection.send(answer[-1:])

        with raw_server(slow) as server:
            seen = probed(ready(f"http://127.0.0.1:{server.port}/"))
        assert seen.steps_s["wait"] >= 0.19
        assert seen.steps_s["body"] >= 0.09
        assert seen.duration_s >= 0.29

    @pytest.mark.parametrize(
        ("path", "stage"), [("/hang", "wait"), ("/hang-body", "body"), ("/drip-body", "body")]
    )
    def test_a_timeout_names_its_step(self, faulty: FaultyServer, path: str, stage: str) -> None:
        """Silence after the request and a body that trickles are one class and two stages."""
        seen = probed(ready(faulty.url + path))
        assert (seen.reason, seen.stage) == ("timeout", stage)

    def test_a_handshake_that_hangs(self) -> None:
        """A port that takes the connection and never speaks TLS times out in the step of TLS."""
        with silent_server() as port:
            seen = probed(ready(f"https://127.0.0.1:{port}/"))
        assert (seen.reason, seen.stage) == ("timeout", "tls")

    def test_each_address_is_told(self) -> None:
        """Of a name with two addresses, the one that refused and the one that answered are both there."""
        with raw_server(keep_answering, host="127.0.0.1") as server:
            seen = probed(ready(f"http://localhost:{server.port}/"))
        assert seen.reason == "ok"
        assert seen.tried[-1] == ("127.0.0.1", "")
