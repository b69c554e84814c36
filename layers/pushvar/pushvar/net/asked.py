"""One fetch under way: what was asked, by when the answer must be whole, and who waits for it."""

from __future__ import annotations

import asyncio
from math import inf
from typing import TYPE_CHECKING

from pushvar.net.http1 import ResponseReader

if TYPE_CHECKING:
    from collections.abc import Callable

    from pushvar.net.exchange import Exchange
    from pushvar.net.http1 import Response
    from pushvar.net.origin import Origin


COMPANY_S = 0.01
"""How late an end may be: those that began together end together, and the process wakes once for them."""


class Asked:
    """A request that waits for its answer, at most ``timeout_s``; who asks says in ``ended`` what follows.

    It is one object and holds all there is to know, since each one more that lives as long is one more
    for the garbage collector to look at.
    """

    __slots__ = (
        "body_limit",
        "connection",
        "deadline_s",
        "head",
        "origin",
        "reader",
        "task",
        "timeout_s",
        "told_by",
    )

    def __init__(self, origin: Origin, head: bytes, timeout_s: float, body_limit: int) -> None:
        self.origin = origin
        self.head = head
        self.timeout_s = timeout_s
        self.body_limit = body_limit
        self.deadline_s = inf
        self.reader = ResponseReader(body_limit)
        self.connection: Exchange | None = None
        self.task: asyncio.Task[None] | None = None
        self.told_by: Callable[[Asked, Exception | None], None]

    def __call__(self, error: Exception | None) -> None:
        """Be told by the connection that the reader has its response, or why there is none."""
        self.told_by(self, error)

    def ended(self, response: Response | None, error: Exception | None) -> None:
        """Take the response, or the error that there is instead. Must not raise."""
        raise NotImplementedError


class Awaited(Asked):
    """A request whose answer a coroutine waits for."""

    __slots__ = ("answer",)

    def __init__(self, origin: Origin, head: bytes, timeout_s: float, body_limit: int) -> None:
        super().__init__(origin, head, timeout_s, body_limit)
        self.answer: asyncio.Future[Response] = asyncio.get_running_loop().create_future()

    def ended(self, response: Response | None, error: Exception | None) -> None:
        """Give it to who waits."""
        if self.answer.done():
            return  # who asked waits no longer
        if response is not None:
            self.answer.set_result(response)
        elif error is not None:
            self.answer.set_exception(error)


class Deadlines:
    """Ends what is not over in time: one timer for all, set for the first of them and for no other.

    ``late`` is called with each that is. What was answered meanwhile leaves the timer as it is: to wake
    once in a timeout for nothing is cheaper than to set a timer for each and take it away.
    """

    def __init__(self, late: Callable[[Asked], None]) -> None:
        self._late = late
        self._open: dict[Asked, None] = {}
        self._due_s = inf
        self._timer: asyncio.TimerHandle | None = None

    def __len__(self) -> int:
        return len(self._open)

    def add(self, asked: Asked, loop: asyncio.AbstractEventLoop) -> None:
        """Hold one to its deadline from now on."""
        self._open[asked] = None
        if asked.deadline_s < self._due_s:
            self._set(asked.deadline_s, loop)

    def end(self, asked: Asked) -> bool:
        """Forget one; False when it was forgotten before."""
        if asked not in self._open:
            return False
        del self._open[asked]
        return True

    def all(self) -> tuple[Asked, ...]:
        """Those that are open."""
        return tuple(self._open)

    def close(self) -> None:
        """Forget the timer too: its loop ends."""
        if self._timer is not None:
            self._timer.cancel()
        self._due_s, self._timer = inf, None

    def _set(self, due_s: float, loop: asyncio.AbstractEventLoop) -> None:
        self.close()
        self._due_s = due_s
        self._timer = loop.call_at(due_s + COMPANY_S, self._sweep, loop)

    def _sweep(self, loop: asyncio.AbstractEventLoop) -> None:
        self.close()
        now_s = loop.time()
        for asked in [one for one in self._open if one.deadline_s <= now_s]:
            if self.end(asked):
                self._late(asked)
        if self._open:
            first_s = min(one.deadline_s for one in self._open)
            if first_s < self._due_s:
                self._set(first_s, loop)
