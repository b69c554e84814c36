"""1,000 distinct HTTPS hosts on new connections: pushvar's fetch beside the handshakes alone.

Each way uses the same TLS context and verifies every certificate. The handshakes are made twice: on asyncio,
as the fetch makes them, and with Python's blocking sockets, which is the least that Python can do. Only this
process is measured; the hosts are another one.
"""

from __future__ import annotations

import asyncio
import socket
import sys
import time
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from pushvar.collect.fetch import Endpoint, Fetcher
from pushvar.collect.targets import build_target
from pushvar.config.load import load
from pushvar.errors import ComponentMissing
from pushvar.net.once import request_of
from pushvar.net.tls import TlsSettings, context_for

from benchmarks import servers, workload
from benchmarks.alone import command
from benchmarks.measure import Spread, cpu_s, in_turns, ratios, settle, spread
from benchmarks.series import Different
from benchmarks.tables import Section, least_to_most, times
from tests.programs import certificates

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from pushvar.errors import FetchError
    from pushvar.model import Fetched

HOSTS, ROUNDS = 1_000, 7
FETCH, HANDSHAKES, BLOCKING = "fetch", "handshakes", "blocking"
WORDS = {
    FETCH: "pushvar's fetch: connect, handshake, request, answer, close",
    HANDSHAKES: "handshakes alone, asyncio",
    BLOCKING: "handshakes alone, blocking sockets",
}
_TOGETHER = 100  # handshakes under way at once, as many as keep the hosts busy
_TIMEOUT_S = 60.0
_BODY_LIMIT = 1_000_000
_HOST = "127.0.0.1"


@dataclass(frozen=True, slots=True)
class HttpsHosts:
    """CPU of a host in µs by way, and how many times each kind of handshake the fetch takes."""

    hosts: int
    rounds: int
    cpu_us: dict[str, Spread]
    ratio: dict[str, Spread]


class Ways:
    """Each method goes once to all hosts, on new connections. They raise when one is not reached."""

    def __init__(self, ports: Sequence[int], ca_file: str) -> None:
        self._ports = ports
        self._tls = TlsSettings(ca_file=ca_file)
        self._context = context_for(self._tls)
        self._endpoints = [self._endpoint(port) for port in ports]

    def _endpoint(self, port: int) -> Endpoint:
        config = load(workload.configuration([f"{_HOST}:{port}"], "http://127.0.0.1:1/write"), source="https")
        target = build_target(config, config.scrape_configs[0], f"{_HOST}:{port}", {})
        origin, head = request_of(f"https://{_HOST}:{port}/debug/vars", (), self._tls)
        return Endpoint(target, origin, head, _TIMEOUT_S, _BODY_LIMIT)

    def fetch(self) -> int:
        """All documents, by a fetcher that has never met a host; gives their bytes."""
        got: list[int] = []

        def done(one: Endpoint, fetched: Fetched, error: FetchError | None) -> None:
            if error is not None:
                raise Different(f"port {one.origin.port} was not fetched: {error}")
            got.append(len(fetched.body))

        fetcher = Fetcher(lambda: time.time_ns() // 1_000_000, time.monotonic)
        try:
            fetcher.fetch_all(self._endpoints, done)
        finally:
            fetcher.close()
        return sum(got)

    def handshakes(self) -> int:
        """All handshakes on an event loop; gives how many."""
        return asyncio.run(self._all())

    async def _all(self) -> int:
        loop, waiting = asyncio.get_running_loop(), list(self._ports)

        async def work() -> int:
            made = 0
            while waiting:
                transport, _ = await loop.create_connection(
                    asyncio.Protocol, _HOST, waiting.pop(), ssl=self._context
                )
                transport.abort()  # as the fetch ends its connections: nobody waits for the other side
                made += 1
            return made

        made = await asyncio.gather(*(work() for _ in range(_TOGETHER)))
        await asyncio.sleep(0)  # the last transports close
        return sum(made)

    def blocking(self) -> int:
        """All handshakes, one after the other; gives how many."""
        for port in self._ports:
            with socket.create_connection((_HOST, port), timeout=_TIMEOUT_S) as plain:
                self._context.wrap_socket(plain, server_hostname=_HOST).close()
        return len(self._ports)


def check(ways: Ways, hosts: int) -> None:
    """Raise Different unless every host gives its document, and every handshake is made."""
    if (got := ways.fetch()) != hosts * len(workload.document(0)):
        raise Different(f"the fetch brought {got} bytes")
    for made in (ways.handshakes(), ways.blocking()):
        if made != hosts:
            raise Different(f"{made} handshakes instead of {hosts}")


def run(hosts: int, rounds: int, progress: Callable[[], object] = lambda: None) -> HttpsHosts:
    """Compare the ways. Raises Different; ComponentMissing without the openssl command."""
    servers.raise_file_limit()
    with ExitStack() as stack:
        folder = Path(stack.enter_context(TemporaryDirectory(prefix="pushvar-bench-")))
        try:
            authority = certificates.authority(folder)
        except certificates.NoOpenssl as error:
            raise ComponentMissing(str(error), hint="the hosts need certificates") from None
        signed = authority.certificate("host", alternatives=f"IP:{_HOST}")
        server = [sys.executable, "-m", "benchmarks.https_server", signed.cert, signed.key, str(hosts)]
        ports = stack.enter_context(servers.ports_of(server))
        ways = Ways(ports, authority.ca_file)
        check(ways, hosts)
        settle()
        of = {FETCH: ways.fetch, HANDSHAKES: ways.handshakes, BLOCKING: ways.blocking}

        def timed(name: str) -> Callable[[int], float]:
            return lambda _: cpu_s(of[name])

        measured = in_turns({name: timed(name) for name in of}, rounds, progress)
    return HttpsHosts(
        hosts,
        rounds,
        {name: spread(taken).times(1e6 / hosts) for name, taken in measured.items()},
        {name: ratios(measured[FETCH], measured[name]) for name in (HANDSHAKES, BLOCKING)},
    )


def section(result: HttpsHosts) -> Section:
    """The table of a run."""

    def row(name: str, cpu: Spread) -> tuple[str, ...]:
        ratio = result.ratio.get(name)
        share = "" if ratio is None else times(ratio)
        return WORDS[name], f"{cpu.median:.0f}", least_to_most(cpu), share

    return Section(
        f"{result.hosts:,} distinct HTTPS hosts, new connections: CPU in µs per host, {result.rounds} rounds",
        ("way", "median", "least to most", "pushvar takes"),
        tuple(row(name, cpu) for name, cpu in result.cpu_us.items()),
    )


main = command("https_hosts", "pushvar's fetch from distinct HTTPS hosts, beside the TLS handshakes alone.")

if __name__ == "__main__":
    main()
