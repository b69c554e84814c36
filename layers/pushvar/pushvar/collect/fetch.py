"""Fetch many targets at once: one deadline for each, and no target waits for a slow one.

Concurrency is bounded only by file descriptors: it must exceed the number of targets that hang. A fault
in one fetch, be it our own, is that target's error.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from math import ceil, inf
from typing import TYPE_CHECKING

from pushvar.errors import FetchError
from pushvar.model import Fetched, Target
from pushvar.net.address import is_allowed
from pushvar.net.client import CONNECTION_LIMIT, Client
from pushvar.net.once import request_of

if TYPE_CHECKING:
    from pushvar.net.client import Origin
    from pushvar.net.policy import Policy
    from pushvar.net.proxy import Proxies
    from pushvar.net.tls import TlsSettings

LOOK_EVERY_S = 0.1
"""How late the fetches notice that the run is to end."""

CONCURRENCY = CONNECTION_LIMIT
"""Fetches under way at once; idle connections make room for them."""

LOOKUPS = 64
"""Names resolved at once. Each takes a thread, and names that do not answer must not use them all up."""

STARTS_PER_S = 500.0
"""Fetches begun in a second: targets that share a machine or a way to it are not met by all at once."""

_PULSE_S = 0.05
_SPREAD = 0.25
"""The share of the time that the beginnings may take at most."""

_SHOWN_CHARS = 200

_OK = range(200, 300)
_REDIRECT = range(300, 400)
_CLIENT = range(400, 500)
_PROXY_AUTH = 407
_STATUS_REASONS = {401: "auth", 403: "auth", 404: "not_found", 429: "rate_limited"}


@dataclass(frozen=True, slots=True)
class Endpoint:
    """A target made ready to be fetched: where to connect, the bytes to send, the limits.

    ``unready`` says why there is nothing to send, when a secret of its job is not there.
    """

    target: Target
    origin: Origin
    head: bytes
    timeout_s: float
    body_limit: int
    unready: str = ""


def endpoint(
    target: Target,
    *,
    tls: TlsSettings,
    headers: Iterable[tuple[str, str]],
    timeout_s: float,
    body_limit: int,
    policy: Policy | None = None,
    proxies: Proxies | None = None,
) -> Endpoint:
    """Prepare a target: its request head never changes between cycles, unless a secret does."""
    origin, head = request_of(target.url, headers, tls, policy, proxies)
    return Endpoint(target, origin, head, timeout_s, body_limit)


Done = Callable[[Endpoint, Fetched, FetchError | None], None]
"""What is called with each fetch as it ends: the endpoint, what came, and the error if it failed."""


class Fetcher:
    """Fetches over connections that stay open from cycle to cycle.

    ``now_ms`` gives the sample timestamps, ``monotonic_s`` the durations; ``allowed`` says whether a
    target may be at an address. ``until_s`` is infinite as long as nobody wants the run to end.
    """

    def __init__(
        self,
        now_ms: Callable[[], int],
        monotonic_s: Callable[[], float],
        *,
        concurrency: int = CONCURRENCY,
        starts_per_s: float = STARTS_PER_S,
        allowed: Callable[[str], bool] = is_allowed,
        until_s: Callable[[], float] = lambda: inf,
    ) -> None:
        self._now_ms = now_ms
        self._monotonic_s = monotonic_s
        self._concurrency = concurrency
        self._starts_per_s = starts_per_s
        self._until_s = until_s
        self._loop: asyncio.AbstractEventLoop | None = None
        self._looking: asyncio.TimerHandle
        self._client = Client(allowed=allowed)

    def fetch_all(
        self,
        endpoints: Sequence[Endpoint],
        done: Done,
        deadline_s: float = inf,
        look: Callable[[], None] = lambda: None,
    ) -> None:
        """Begin all of them, a few at a time, and call ``done`` for each as it ends, from this thread.

        From this thread too ``look`` is called every LOOK_EVERY_S as long as fetches are under way.

        A failed fetch comes with an empty body and its error; so does one whose turn has not come by
        ``deadline_s`` (on the clock of ``monotonic_s``). An exception in ``done`` ends the call. When the
        run is to end, fetches under way are cut and ``done`` hears of none that is not over: an
        interrupted fetch says nothing about its target.
        """
        if self._loop is None:
            self._loop = asyncio.new_event_loop()
            self._loop.set_default_executor(ThreadPoolExecutor(LOOKUPS, "lookup"))
        try:
            self._loop.run_until_complete(self._run(endpoints, done, deadline_s, look))
        except BaseException:  # an interrupt too must leave no fetch half done
            _end_tasks(self._loop)
            raise

    async def _run(
        self, endpoints: Sequence[Endpoint], done: Done, deadline_s: float, look: Callable[[], None]
    ) -> None:
        waiting: deque[Endpoint] = deque()
        tasks: list[asyncio.Task[None]] = []

        async def work() -> None:
            while waiting and self._until_s() == inf:
                one = waiting.popleft()
                done(one, *await self._fetch(one, deadline_s))

        together = self._together(len(endpoints), deadline_s)
        self._looking = asyncio.get_running_loop().call_later(LOOK_EVERY_S, self._look, tasks, look)
        try:
            async with asyncio.TaskGroup() as group:
                for at in range(0, len(endpoints), together):
                    waiting.extend(endpoints[at : at + together])
                    room = self._concurrency - sum(not task.done() for task in tasks)
                    tasks += [group.create_task(work()) for _ in range(min(len(waiting), room))]
                    if self._until_s() != inf:
                        break
                    if at + together < len(endpoints):
                        await asyncio.sleep(_PULSE_S)
        except BaseExceptionGroup as raised:
            raise raised.exceptions[0] from None
        finally:
            self._looking.cancel()

    def _together(self, count: int, deadline_s: float) -> int:
        """How many fetches are begun in one pulse."""
        spread_s = min(count / self._starts_per_s, (deadline_s - self._monotonic_s()) * _SPREAD)
        return max(1, count if spread_s <= _PULSE_S else ceil(count * _PULSE_S / spread_s))

    def _look(self, tasks: Sequence[asyncio.Task[None]], look: Callable[[], None]) -> None:
        """Cut the fetches when the run is to end; look again later as long as it is not."""
        if self._until_s() == inf:
            look()
            self._looking = asyncio.get_running_loop().call_later(LOOK_EVERY_S, self._look, tasks, look)
        else:
            for task in tasks:
                task.cancel()

    async def _fetch(self, one: Endpoint, deadline_s: float) -> tuple[Fetched, FetchError | None]:
        time_ms, start = self._now_ms(), self._monotonic_s()
        body, content_type = b"", ""
        error: FetchError | None = None
        try:
            timeout_s = _time_for(one, deadline_s - start)
            response = await self._client.get(
                one.origin, one.head, timeout_s=timeout_s, body_limit=one.body_limit
            )
            check_status(response.status, response.headers.get("location", ""))
            body, content_type = response.body, response.headers.get("content-type", "")
        except FetchError as failure:
            error = failure
        except Exception as fault:  # noqa: BLE001 - whatever it is, the other fetches go on
            error = FetchError("internal", f"{type(fault).__name__}: {fault}")
        return Fetched(body, time_ms, self._monotonic_s() - start, content_type), error

    def close(self) -> None:
        """Close all connections and the event loop."""
        if self._loop is not None:
            self._client.close()
            self._loop.run_until_complete(asyncio.sleep(0))  # let the transports close
            self._loop.close()
            self._loop = None


def _time_for(one: Endpoint, left_s: float) -> float:
    """The seconds that a fetch may take; raises FetchError when it may not begin."""
    if one.unready:
        raise FetchError("auth", one.unready)
    if left_s <= 0:
        raise FetchError("timeout", "the time of the cycle was over before its turn came")
    return min(one.timeout_s, left_s)


def _end_tasks(loop: asyncio.AbstractEventLoop) -> None:
    """Cancel what is still under way and wait until it has ended."""
    tasks = asyncio.all_tasks(loop)
    for task in tasks:
        task.cancel()
    while any(not task.done() for task in tasks):
        with suppress(KeyboardInterrupt, SystemExit):  # the one that brought us here, told again by its task
            loop.run_until_complete(asyncio.wait(tasks))
    for task in tasks:
        if not task.cancelled():
            task.exception()  # seen: nothing is to be printed about it


def check_status(status: int, location: str) -> None:
    """Raise FetchError with the failure class of any status that is no success."""
    if status in _OK:
        return
    if status in _REDIRECT:
        shown = "".join(filter(str.isprintable, location))[:_SHOWN_CHARS]
        raise FetchError("redirect", f"HTTP {status} to {shown or 'nowhere'}")
    default = "client" if status in _CLIENT else "server"
    asked = ", the proxy wants credentials" if status == _PROXY_AUTH else ""
    raise FetchError(_STATUS_REASONS.get(status, default), f"HTTP {status}{asked}")
