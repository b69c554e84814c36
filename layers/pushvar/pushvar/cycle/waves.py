"""What has arrived is delivered while other targets let us wait: a target that hangs delays nobody's samples.

A wave takes the scrapes that have come so far, in a thread of its own, so that a slow backend does not hold
up the fetches either. There is one at a time, and none where every target answers at once.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from pushvar.cycle.parts import delivered, joined, remembered
from pushvar.model import Load

if TYPE_CHECKING:
    from collections.abc import Sequence
    from concurrent.futures import Future

    from pushvar.collect.fetch import Endpoint
    from pushvar.cycle.steps import Steps
    from pushvar.deliver.spool import Spool
    from pushvar.deliver.staleness import Ending, Roll
    from pushvar.model import Delivery, Lease, Scrape

LULL_S = 0.2
"""With no answer for so long, what is left are targets that are slow."""

PATIENCE_S = 0.5
"""How long a scrape waits at most for company while answers keep coming."""


class Waves:
    """The scrapes of one cycle on their way: ``gone`` are those that were delivered before the others came.

    A wave may try until ``deadline_s``; what it cannot deliver by then is in the spool, as ever.
    ``before`` are deliveries that count as the cycle's too.
    """

    def __init__(
        self, steps: Steps, lease: Lease, spool: Spool, roll: Roll, deadline_s: float, now_ms: int,
        before: Sequence[Delivery] = (),
    ) -> None:  # fmt: skip
        self.gone: list[Scrape] = []
        self._ending: Ending | None = None
        self._deliveries = tuple(before)
        self._steps, self._lease, self._spool, self._roll = steps, lease, spool, roll
        self._deadline_s, self._now_ms = deadline_s, now_ms
        self._fresh: list[Scrape] = []
        self._waiting: set[str] = set()
        self._places: dict[str, int] = {}
        self._oldest_s = self._newest_s = 0.0
        self._pool: ThreadPoolExecutor | None = None
        self._wave: Future[None] | None = None

    def expect(self, endpoints: Sequence[Endpoint]) -> None:
        """Say which scrapes there will be."""
        self._places = {one.target.key: place for place, one in enumerate(endpoints)}
        self._waiting = {*self._places}

    def arrived(self, scrape: Scrape) -> None:
        """Take one scrape."""
        self._newest_s = self._steps.monotonic_s()
        if not self._fresh:
            self._oldest_s = self._newest_s
        self._fresh.append(scrape)
        self._waiting.discard(scrape.plan.target.key)

    def look(self) -> None:
        """Begin a wave if it is time for one; called now and then while fetches are under way."""
        now_s = self._steps.monotonic_s()
        lull = now_s - self._newest_s >= LULL_S or now_s - self._oldest_s >= PATIENCE_S
        if not (lull and self._fresh and self._waiting) or (self._wave and not self._wave.done()):
            return
        going = self._steps.apart(self._fresh, self._waiting)
        if not going or now_s >= self._deadline_s:
            return
        taken = set(map(id, going))
        self._fresh = [scrape for scrape in self._fresh if id(scrape) not in taken]
        self._oldest_s = now_s
        going = self._steps.within(self._in_order(going))
        self.gone += going
        self._pool = self._pool or ThreadPoolExecutor(1, "wave")
        self._wave = self._pool.submit(self._send, going, self._wave)

    def end(self) -> list[Scrape]:
        """Wait for the wave that is under way; gives the scrapes that no wave took, in their order.

        Raises LeaseLost when a wave met it.
        """
        if self._pool is not None:
            self._pool.shutdown()
        if self._wave is not None:
            self._wave.result()
        return self._in_order(self._fresh)

    def _in_order(self, scrapes: list[Scrape]) -> list[Scrape]:
        """As they were to be fetched, whatever came first: the same requests can then be made every time."""
        return sorted(scrapes, key=lambda scrape: self._places[scrape.plan.target.key])

    def ended(self, rest: Sequence[Scrape], roll: Roll) -> Ending:
        """The series that end with the cycle, now that the ``rest`` has come. Raises LeaseLost."""
        return remembered(self._steps, self._lease, rest, roll, self._now_ms, self._ending)

    def last(self, scrapes: Sequence[Scrape], deadline_s: float) -> tuple[Delivery, ...]:
        """Deliver what is left of the cycle; gives a delivery for each backend, of all that it was sent."""
        done = delivered(self._steps, Load(scrapes, self.gone), deadline_s, self._spool)
        return joined(self._deliveries, done)

    def _send(self, scrapes: list[Scrape], before: Future[None] | None) -> None:
        if before is not None:  # without the lease nothing more is sent
            before.result()
        self._ending = remembered(
            self._steps, self._lease, scrapes, self._roll, self._now_ms, self._ending, partly=True
        )
        done = delivered(self._steps, Load(scrapes, whole=False), self._deadline_s, self._spool)
        self._deliveries = joined(self._deliveries, done)
