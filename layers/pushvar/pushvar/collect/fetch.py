"""Fetch many targets at once: one deadline for each, and no target waits for a slow one.

Concurrency is bounded only by file descriptors: it must exceed the number of targets that hang. A fault
in one fetch, be it our own, is that target's error.
"""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from math import ceil, inf
from typing import TYPE_CHECKING

from pushvar.collect.endpoint import Done, Endpoint, check_status, endpoint
from pushvar.collect.round import LOOK_EVERY_S, Means, Pulses, Round
from pushvar.net.address import is_allowed
from pushvar.net.client import Client
from pushvar.net.limits import limits_of, open_files

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

__all__ = ["LOOK_EVERY_S", "STARTS_PER_S", "Done", "Endpoint", "Fetcher", "check_status", "endpoint"]

LOOKUPS = 64
"""Names resolved at once. Each takes a thread, and names that do not answer must not use them all up."""

STARTS_PER_S = 500.0
"""Fetches begun in a second: targets that share a machine or a way to it are not met by all at once."""

_SPREAD = 0.25
"""The share of the time that the beginnings may take at most."""
_TOGETHER_S = 0.05
"""A spread that is no longer than this is none."""
_STEPS = 4
"""At least so many times some of them begin, however short the spread."""

_UNUSED_S = 300.0
"""A connection that nobody used for so long leads to a target that is gone; a server may keep it for ever."""


class Fetcher:
    """Fetches over connections that stay open from cycle to cycle.

    ``now_ms`` gives the sample timestamps, ``monotonic_s`` the durations; ``allowed`` says whether a
    target may be at an address. ``until_s`` is infinite as long as nobody wants the run to end. So many
    ``descriptors`` as the process may have when the fetcher is made bound its connections, and with them,
    unless it is given, its ``concurrency``; idle connections make room for fetches.
    """

    def __init__(
        self,
        now_ms: Callable[[], int],
        monotonic_s: Callable[[], float],
        *,
        concurrency: int | None = None,
        starts_per_s: float = STARTS_PER_S,
        allowed: Callable[[str], bool] = is_allowed,
        until_s: Callable[[], float] = lambda: inf,
        descriptors: Callable[[], int] = open_files,
    ) -> None:
        limits = limits_of(descriptors())
        self._client = Client(
            idle_limit=limits.idle,
            secured_limit=limits.secured,
            connection_limit=limits.connections,
            allowed=allowed,
            monotonic_s=monotonic_s,
        )
        self._means = Means(self._client, now_ms, monotonic_s, until_s, concurrency or limits.connections)
        self._starts_per_s = starts_per_s
        self._loop: asyncio.AbstractEventLoop | None = None

    def fetch_all(
        self,
        endpoints: Sequence[Endpoint],
        done: Done,
        deadline_s: float = inf,
        look: Callable[[], None] = lambda: None,
    ) -> None:
        """Begin all of them, a few at a time, and call ``done`` for each as it ends, from this thread.

        From this thread too ``look`` is called every LOOK_EVERY_S, or a little more often, as long as fetches
        are under way.

        A failed fetch comes with an empty body and its error; so does one whose turn has not come by
        ``deadline_s`` (on the clock of ``monotonic_s``). An exception in ``done`` or ``look`` ends the call.
        When the run is to end, fetches under way are cut and ``done`` hears of none that is not over: an
        interrupted fetch says nothing about its target.
        """
        if self._loop is None:
            self._loop = asyncio.new_event_loop()
            self._loop.set_default_executor(ThreadPoolExecutor(LOOKUPS, "lookup"))
        one = Round(self._loop, self._means, endpoints, done, deadline_s, look)
        one.begin(self._pulses(len(endpoints), deadline_s))
        try:
            self._loop.run_until_complete(one.over)
        finally:  # an interrupt too must leave no fetch half done
            one.stop()
            self._client.cut()
            _end_tasks(self._loop)
        if one.fault is not None:
            raise one.fault
        self._client.drop_unused(_UNUSED_S, self._loop.time())

    def _pulses(self, count: int, deadline_s: float) -> Pulses:
        left_s = deadline_s - self._means.monotonic_s()
        spread_s = min(count / self._starts_per_s, left_s * _SPREAD)
        if spread_s <= _TOGETHER_S:
            return Pulses(max(1, count), LOOK_EVERY_S)
        apart_s = min(LOOK_EVERY_S, spread_s / _STEPS)
        return Pulses(ceil(count * apart_s / spread_s), apart_s)

    def close(self) -> None:
        """Close all connections and the event loop."""
        if self._loop is not None:
            self._client.close()
            self._loop.run_until_complete(asyncio.sleep(0))  # let the transports close
            self._loop.close()
            self._loop = None


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
