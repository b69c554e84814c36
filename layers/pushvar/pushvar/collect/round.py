"""One call of the fetcher: who waits for a turn, how many are out, when it is over.

All of it runs in callbacks of the event loop: a fetch on a connection that is kept needs no task.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from functools import partial
from math import inf
from typing import TYPE_CHECKING, NamedTuple

from pushvar.collect.endpoint import check_status, time_for
from pushvar.errors import FetchError
from pushvar.model import Fetched
from pushvar.net.asked import Asked

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable, Sequence

    from pushvar.collect.endpoint import Done, Endpoint
    from pushvar.net.client import Client
    from pushvar.net.http1 import Response

LOOK_EVERY_S = 0.1
"""How late the fetches notice that the run is to end.

So far apart they begin, too: a process that wakes for a few finds its caches cold each time, and one that
wakes for many lets targets that share a machine meet more of them at once, for hardly less.
"""


@dataclass(frozen=True, slots=True)
class Means:
    """What every call has; ``until_s`` is infinite as long as nobody wants the run to end."""

    client: Client
    now_ms: Callable[[], int]
    monotonic_s: Callable[[], float]
    until_s: Callable[[], float]
    concurrency: int


class Pulses(NamedTuple):
    """How fetches begin: so many ``together``, the next ``apart_s`` seconds later."""

    together: int
    apart_s: float


class Round:
    """The fetches of one call; ``over`` is done when they are, or when something ended them.

    ``fault`` is what was raised by ``done`` or ``look``.
    """

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        means: Means,
        endpoints: Sequence[Endpoint],
        done: Done,
        deadline_s: float,
        look: Callable[[], None],
    ) -> None:
        self.over: asyncio.Future[None] = loop.create_future()
        self.fault: BaseException | None = None
        self._loop, self._means = loop, means
        self._endpoints, self._done, self._deadline_s = endpoints, done, deadline_s
        self._look = look
        self._waiting: deque[Endpoint] = deque()
        self._turns = 0
        self._out = 0
        self._timer: asyncio.Handle

    def begin(self, pulses: Pulses) -> None:
        """Begin the first of them when the loop runs."""
        first = partial(self._loop.call_soon, self._guarded, self._take_turns, pulses)
        self._timer = self._loop.call_soon(first)  # connections that ended meanwhile are met before

    def stop(self) -> None:
        """Do nothing more, whatever comes."""
        self._timer.cancel()
        if not self.over.done():
            self.over.set_result(None)

    def _guarded(self, step: Callable[[Pulses], None], pulses: Pulses) -> None:
        if self.over.done():
            return
        try:
            step(pulses)
        except BaseException as fault:  # noqa: BLE001 - whatever it is, it ends the call and comes out of it
            self._end(fault)

    def _end(self, fault: BaseException | None = None) -> None:
        self.fault = fault
        self.stop()

    def _take_turns(self, pulses: Pulses) -> None:
        """Begin the next of them, unless the run is to end: then what is under way is cut."""
        if self._means.until_s() != inf:
            self._end()
            return
        until = self._turns + pulses.together
        self._waiting.extend(self._endpoints[self._turns : until])
        self._turns = until
        next_s = pulses.apart_s if until < len(self._endpoints) else LOOK_EVERY_S
        self._timer = self._loop.call_later(next_s, self._guarded, self._looked, pulses)
        self._fill()

    def _looked(self, pulses: Pulses) -> None:
        if self._means.until_s() == inf:
            self._look()
        self._take_turns(pulses)

    def _fill(self) -> None:
        """Begin what waits, as far as there is room; with nothing out and no turn to come, it is over."""
        means = self._means
        while self._waiting and self._out < means.concurrency and means.until_s() == inf:
            self._start(self._waiting.popleft())
        if not (self._waiting or self._out) and self._turns >= len(self._endpoints):
            self._end()

    def _start(self, one: Endpoint) -> None:
        means = self._means
        time_ms, start_s = means.now_ms(), means.monotonic_s()
        self._out += 1
        try:
            timeout_s = time_for(one, self._deadline_s - start_s)
            means.client.ask(_Fetch(self, one, timeout_s, time_ms, start_s))
        except Exception as fault:  # noqa: BLE001 - whatever it is, the other fetches go on
            self._out -= 1
            self._tell(one, time_ms, start_s, None, fault)

    def ended(self, fetch: _Fetch, response: Response | None, error: Exception | None) -> None:
        """Tell of one that is over and let others have its place."""
        if self.over.done():
            return
        self._out -= 1
        try:
            self._tell(fetch.one, fetch.time_ms, fetch.start_s, response, error)
            if self._waiting or not self._out:
                self._fill()
        except BaseException as fault:  # noqa: BLE001 - as in _guarded, which is a call more for each fetch
            self._end(fault)

    def _tell(
        self, one: Endpoint, time_ms: int, start_s: float, response: Response | None, error: Exception | None
    ) -> None:
        """Call ``done`` with what a response is worth."""
        body, content_type, failure = b"", "", None
        if response is not None:
            headers = response.headers
            try:
                check_status(response.status, headers.get("location", ""))
                body, content_type = response.body, headers.get("content-type", "")
            except FetchError as refused:
                failure = refused
        elif isinstance(error, FetchError):
            failure = error
        else:
            failure = FetchError("internal", f"{type(error).__name__}: {error}")
        self._done(one, Fetched(body, time_ms, self._means.client.came_s() - start_s, content_type), failure)


class _Fetch(Asked):
    """One endpoint's request."""

    __slots__ = ("one", "round", "start_s", "time_ms")

    def __init__(self, round_: Round, one: Endpoint, timeout_s: float, time_ms: int, start_s: float) -> None:
        super().__init__(one.origin, one.head, timeout_s, one.body_limit)
        self.round, self.one = round_, one
        self.time_ms, self.start_s = time_ms, start_s

    def ended(self, response: Response | None, error: Exception | None) -> None:
        self.round.ended(self, response, error)
