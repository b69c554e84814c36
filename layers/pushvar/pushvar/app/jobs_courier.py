"""Says in the background how a run goes: one thread, so that things arrive in their order.

The start and each heartbeat are tried once: the next one says it all again. Only the end, which nobody says
again, is retried until its time is over. Nothing here ever raises where the job is.
"""

from __future__ import annotations

import threading
from itertools import count
from math import inf
from typing import TYPE_CHECKING, TypeVar

from pushvar.deliver.patience import Patience
from pushvar.errors import ConfigError, EncodeError, PushError

if TYPE_CHECKING:
    from collections.abc import Callable

    from pushvar.app.jobs_destinations import Destination
    from pushvar.app.world import World
    from pushvar.jobs.transport import Said

    Say = Callable[[bool], Said]
    """What is to be said now; it is told whether anything of the run has arrived yet."""

_Answer = TypeVar("_Answer")

REQUEST_TIMEOUT_S = 5.0
_UNDER_WAY = 0.25
"""The share of the end's time that a heartbeat under way may use: cut off, it might arrive after the end."""
_MIN_BACKOFF_S, _MAX_BACKOFF_S = 0.25, 2.0
_LEAST_S = 0.2
"""What the first try has, though loading the network may have used up the time."""
_REFUSED = 400


class Courier:
    """Pushes ``live`` now and every ``heartbeat_s``, until it is asked for the end.

    ``open_destination`` gets the moment by which its requests have to be over, which may come nearer.
    ``wake`` is called when it has nothing more to do. ``error`` then says why the end did not arrive, empty
    when it did, and ``refused`` why it arrived without what the job made itself.
    """

    def __init__(
        self,
        open_destination: Callable[[Callable[[], float]], Destination],
        live: Say,
        world: World,
        heartbeat_s: float,
        wake: Callable[[], None] = lambda: None,
    ) -> None:
        self._open = open_destination
        self._live = live
        self._world = world
        self._heartbeat_s = heartbeat_s
        self._wake = wake
        self._asked = threading.Event()
        self._final: Say = live
        self._deadline_s = self._cut_s = inf
        self._arrived = False
        self._thread: threading.Thread | None = None
        self.over = threading.Event()
        self.error = "it takes too long"
        self.refused = ""

    def start(self) -> None:
        """Begin, once; without a thread there is nothing to wait for."""
        if self._thread is not None:
            return
        self._thread = threading.Thread(target=self._run, name="job courier", daemon=True)
        try:
            self._thread.start()
        except RuntimeError as error:  # a machine may have no thread left
            self.error = str(error)
            self.over.set()

    def finish(self, final: Say, budget_s: float) -> None:
        """Ask for the end: say ``final`` within so many seconds, and nothing more. Waits for nothing."""
        now_s = self._world.monotonic_s()
        self._final = final
        self._deadline_s = now_s + budget_s
        self._cut_s = now_s + budget_s * _UNDER_WAY
        self._asked.set()

    def wait(self, longest_s: float) -> None:
        """Wait until it has nothing more to do, or so long."""
        if self.over.wait(longest_s) and self._thread is not None and self._thread.ident is not None:
            self._thread.join()  # which has nothing left to do but end

    def _run(self) -> None:
        try:
            target = self._open(lambda: self._cut_s)
            try:
                self._beat(target)
                self._end(target)
            finally:
                target.close()
        except Exception as fault:  # noqa: BLE001 - a fault of ours is no business of the job
            self.error = f"{type(fault).__name__}: {fault}"
        self.over.set()
        self._wake()

    def _beat(self, target: Destination) -> None:
        while not self._asked.is_set():
            try:
                self._push(target, self._live(not self._arrived), 0, REQUEST_TIMEOUT_S)
                self._arrived = True
            except Exception:  # noqa: BLE001, S110 - the next one, or the end, says it all
                pass
            self._asked.wait(self._heartbeat_s)

    def _end(self, target: Destination) -> None:
        self._cut_s = max(self._deadline_s, self._world.monotonic_s() + _LEAST_S)
        said, self.refused = self._final(not self._arrived), ""
        try:
            patiently(
                lambda attempt, timeout_s: self._push(target, said, attempt, timeout_s),
                self._world,
                self._deadline_s,
            )
        except (PushError, ConfigError, EncodeError) as error:
            self.error = str(error)
        else:
            self.error = ""

    def _push(self, target: Destination, said: Said, attempt: int, timeout_s: float) -> int:
        """Push all of it; or, when that is refused, all but what the job made itself."""
        try:
            return target.push(said, attempt, timeout_s)
        except (PushError, EncodeError) as error:
            if not said.told or getattr(error, "status", _REFUSED) != _REFUSED:
                raise
            self.refused = str(error)
        return target.push(said.untold, attempt, timeout_s)


def patiently(ask: Callable[[int, float], _Answer], world: World, deadline_s: float) -> _Answer:
    """What ``ask`` gives, which is told the attempt, from 0, and how many seconds it has.

    It is asked again while that can help, until the deadline on the monotonic clock; then its PushError is
    raised, and any other error at once.
    """
    patience = Patience(
        _MIN_BACKOFF_S,
        _MAX_BACKOFF_S,
        REQUEST_TIMEOUT_S,
        deadline_s,
        world.monotonic_s,
        world.sleep,
        world.random,
    )
    for attempt in count():
        try:
            return ask(attempt, max(patience.request_s(), _LEAST_S))
        except PushError as error:
            wait_s = max(error.retry_after_s or 0.0, patience.backoff_s(attempt))
            if not error.retryable or not patience.wait_until(patience.monotonic_s() + wait_s):
                raise
    raise AssertionError
