"""One fetch, watched: the same client as every cycle's, with a clock at each step.

What ends a fetch is told by ``Client`` itself, so a probe and a cycle never differ about the failure class.
"""

from __future__ import annotations

import asyncio
import ssl
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from pushvar.errors import ConfigError, FetchError
from pushvar.net.address import is_allowed, resolve
from pushvar.net.client import Client, Origin
from pushvar.net.connection import Connection
from pushvar.net.failing import detail_of
from pushvar.net.http1 import ResponseReader

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from pushvar.net.exchange import Exchange
    from pushvar.net.http1 import Response

FIRST_BYTES = 2_048
"""What is kept of the beginning of an answer, to say what it looks like."""


@dataclass(frozen=True, slots=True)
class Probe:
    """What was seen of one fetch.

    ``reason`` is a failure class, ``ok`` for a complete answer of any status. ``detail`` tells apart what
    a class holds together (``no_name``, ``expired``, ``no_route``); ``stage`` is the step that was under way
    at the end: dns, tcp, tls, wait, body, done. ``steps_s`` are the seconds of each step that was over, the
    last one as far as it came. ``addresses`` are what the name gave, ``tried`` what became of those connected
    to ("" when it answered). ``size_bytes`` counts what came on the wire, head and all.
    """

    url: str
    reason: str
    message: str
    stage: str
    steps_s: Mapping[str, float]
    detail: str = ""
    addresses: tuple[str, ...] = ()
    tried: tuple[tuple[str, str], ...] = ()
    proxy: str = ""
    status: int = 0
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    first: bytes = b""
    size_bytes: int = 0

    @property
    def duration_s(self) -> float:
        """How long all of it took."""
        return sum(self.steps_s.values())


def probe(
    url: str,
    origin: Origin,
    head: bytes,
    *,
    timeout_s: float,
    body_limit: int,
    monotonic_s: Callable[[], float],
    allowed: Callable[[str], bool] = is_allowed,
) -> Probe:
    """Fetch once on a new connection and tell all of it. Runs an event loop: no other may run here."""
    if origin.tls is not None:
        from pushvar.net.tls import context_for

        with suppress(ConfigError):  # the fetch itself will tell
            context_for(origin.tls)  # loading it is no step of a fetch: a process does it once
    watch = _Watch(monotonic_s)

    async def run() -> Response | FetchError:
        client = _Client(watch, allowed)
        try:
            return await client.get(origin, head, timeout_s=timeout_s, body_limit=body_limit)
        except FetchError as error:
            return error
        finally:
            client.close()
            await asyncio.sleep(0)  # let the transport close

    ended = asyncio.run(run())
    watch.at("done" if not isinstance(ended, FetchError) else watch.stage)
    return _told(url, origin, watch, ended)


def _told(url: str, origin: Origin, watch: _Watch, ended: Response | FetchError) -> Probe:
    failed = ended if isinstance(ended, FetchError) else None
    reader = watch.reader
    seen = reader.seen_headers if reader else {}
    return Probe(
        url,
        failed.reason if failed else "ok",
        failed.message if failed else "",
        watch.stage,
        watch.steps_s,
        detail=detail_of(watch.error or failed.__cause__ or failed.__context__, watch.first)
        if failed
        else "",
        addresses=tuple(dict.fromkeys(watch.addresses)),
        tried=tuple(watch.tried),
        proxy=str(origin.proxy) if origin.proxy else "",
        status=reader.seen_status if reader else 0,
        headers=dict(seen),
        body=ended.body if not isinstance(ended, FetchError) else b"",
        first=bytes(watch.first),
        size_bytes=watch.size_bytes,
    )


class _Watch:
    """The clock of one fetch, and what was seen on the way."""

    def __init__(self, monotonic_s: Callable[[], float]) -> None:
        self._monotonic_s = monotonic_s
        self._since_s = monotonic_s()
        self.stage = "dns"
        self.steps_s: dict[str, float] = {}
        self.addresses: list[str] = []
        self.tried: list[tuple[str, str]] = []
        self.error: BaseException | None = None
        self.reader: _Reader | None = None
        self.first = bytearray()
        self.size_bytes = 0

    def at(self, stage: str) -> None:
        """End the step under way, and begin another."""
        now_s = self._monotonic_s()
        self.steps_s[self.stage] = self.steps_s.get(self.stage, 0.0) + now_s - self._since_s
        self.stage, self._since_s = stage, now_s

    def came(self, data: bytes) -> None:
        """Note bytes of the answer."""
        if self.stage == "wait":
            self.at("body")
        self.size_bytes += len(data)
        self.first += data[: FIRST_BYTES - len(self.first)]


class _Reader(ResponseReader):
    """A reader whose head can be looked at although the body never came."""

    __slots__ = ()

    @property
    def seen_status(self) -> int:
        """The status, 0 before it came."""
        return self._head.status if self._head else 0

    @property
    def seen_headers(self) -> Mapping[str, str]:
        """The headers so far, names in lower case."""
        return self._head.headers if self._head else {}


class _Connection(Connection):
    def __init__(self, ended: Callable[[Exchange], None], watch: _Watch) -> None:
        super().__init__(ended)
        self._watch = watch

    def data_received(self, data: bytes) -> None:
        """Note the bytes, then feed them."""
        self._watch.came(data)
        super().data_received(data)


class _Client(Client):
    """A client for one request; its steps are those of every other, with a mark between them."""

    def __init__(self, watch: _Watch, allowed: Callable[[str], bool]) -> None:
        def noted(address: str) -> bool:
            watch.addresses.append(address)
            return allowed(address)

        super().__init__(allowed=noted)
        self._watch = watch

    async def _open_plain(self, origin: Origin, timeout_s: float) -> Exchange:
        return await self._open(origin, timeout_s)

    async def _open(
        self, origin: Origin, timeout_s: float, context: ssl.SSLContext | None = None, name: str | None = None
    ) -> Connection:
        watch, loop = self._watch, asyncio.get_running_loop()
        addresses = await resolve(loop, origin.host, origin.port, self._allowed, origin.policy)
        watch.at("tcp")
        for place, address in enumerate(addresses, 1):
            share_s = timeout_s / len(addresses) if place < len(addresses) else None
            watch.tried.append((address, "no answer"))
            try:
                async with asyncio.timeout(share_s):
                    connection = await self._to(address, origin.port, context, name)
            except ssl.SSLError as error:
                watch.error = error
                raise
            except OSError as error:
                watch.tried[-1] = (address, error.strerror or "no answer")
                watch.error = error
            else:
                watch.tried[-1], watch.error = (address, ""), None
                return connection
        assert watch.error is not None
        raise watch.error

    async def _to(
        self, address: str, port: int, context: ssl.SSLContext | None, name: str | None
    ) -> Connection:
        loop = asyncio.get_running_loop()
        _, connection = await loop.create_connection(
            lambda: _Connection(self._idle.forget, self._watch), address, port
        )
        if context is not None and name is not None:
            self._watch.at("tls")
            try:
                await connection.start_tls(context, name)
            except BaseException:  # a deadline too must leave no socket behind
                connection.close()
                raise
        return connection

    async def _exchange(
        self,
        origin: Origin,  # noqa: ARG002 - the connection does not go back to the pool
        connection: Exchange,
        head: bytes,
        body_limit: int,
    ) -> Response:
        watch = self._watch
        watch.reader = _Reader(body_limit)
        watch.at("wait")
        try:
            return await connection.request(head, watch.reader)
        except OSError as error:
            watch.error = error
            raise
        finally:
            connection.close()
