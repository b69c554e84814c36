"""One lane in one cycle: what waits goes out first, then what is fresh, and nothing overtakes.

A lane is a generator. It gives the seconds that it would like to wait, and is told whether it did; so
one thread serves many lanes of a backend, and none waits for another's backoff. Whatever is not taken
is in the spool, or counted as dropped, when it ends.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Generator, Iterable
from dataclasses import dataclass
from itertools import chain
from typing import TYPE_CHECKING

from pushvar.deliver.sending import Sender
from pushvar.deliver.spool import SpoolFailed, backend_of
from pushvar.deliver.tally import Tally
from pushvar.deliver.verdicts import TOO_MANY
from pushvar.errors import PushError, StateError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pushvar.deliver.patience import Patience
    from pushvar.deliver.queue import Push
    from pushvar.deliver.spool import Record, Spool
    from pushvar.model import Batch, Delivery, SpoolEntry

Waits = Generator[float, bool, None]
"""Gives seconds to wait; is sent whether they were waited."""

STALLED_CYCLES = 3
"""So many cycles without progress make a 429 a limit: then what is refused is dropped."""

FORSAKEN_MS = 600_000
"""How long samples wait for a backend that was taken out of the configuration to come back."""

_LONGEST_PAUSE_S = 300.0


@dataclass(frozen=True, slots=True)
class Keeping:
    """What a lane keeps: samples younger than ``age_limit_ms``, in ``size_limit`` bytes of spool (0: any)."""

    age_limit_ms: int
    size_limit: int


def forsaken(spool: Spool, backends: Collection[str], now_ms: int) -> list[Delivery]:
    """Give up what waits for backends that do not exist any more, once it is too old for any."""
    keys = [key for key in {*spool.lanes, *spool.waiting} if backend_of(key) not in backends]
    gone = [aged(key, spool, now_ms) for key in sorted(keys)]
    return [delivery for delivery in gone if delivery.dropped]


def abandoned(spool: Spool, now_ms: int) -> list[Delivery]:
    """Give up all that waits: its series have moved to other shards, which have sent newer samples."""
    return [_abandoned(key, spool, now_ms) for key in sorted(spool.waiting)]


def _abandoned(key: str, spool: Spool, now_ms: int) -> Delivery:
    lane = Lane(backend_of(key), key, spool, _nowhere, Keeping(0, 0), now_ms)
    lane.abandon()
    lane.remember()
    return lane.delivery


def aged(key: str, spool: Spool, now_ms: int) -> Delivery:
    """A lane that leads nowhere any more: what waits in it is given up once it is too old."""
    lane = Lane(backend_of(key), key, spool, _nowhere, Keeping(FORSAKEN_MS, 0), now_ms)
    lane.expire()
    lane.remember()
    return lane.delivery


def _nowhere(_batch: Batch, _attempt: int, _timeout_s: float) -> int:
    raise PushError("this backend is not configured")


class Lane:
    """The lane ``key`` of the backend ``name``; ``push`` sends a batch.

    ``now_ms`` is the moment of the cycle, on the clock of the samples. ``renewed`` fetches the credentials
    anew and says whether they changed.
    """

    def __init__(
        self, name: str, key: str, spool: Spool, push: Push[Batch], keeping: Keeping, now_ms: int,
        *, renewed: Callable[[], bool] = lambda: False,
    ) -> None:  # fmt: skip
        self.key = key
        self._spool = spool
        self._keeping = keeping
        self._now_ms = now_ms
        self._record: Record = spool.record(key)
        self._tally = Tally(name)
        limited = self._record.get("stalled", 0) >= STALLED_CYCLES
        self._sender = Sender(push, self._tally, renewed, limited)

    @property
    def down(self) -> bool:
        """Whether its last cycle ended with something undelivered."""
        return bool(self._record.get("waiting"))

    @property
    def delivery(self) -> Delivery:
        """What became of its samples."""
        entries = self._spool.entries(self.key)
        since_ms = min((entry.time_ms for entry in entries), default=0)
        return self._tally.delivery(sum(entry.samples for entry in entries), since_ms)

    def run(self, fresh: Iterable[Batch], time_ms: int, patience: Patience) -> Waits:
        """Deliver what waits and then ``fresh``, whose oldest sample is of ``time_ms``."""
        began_s = patience.monotonic_s()
        try:
            yield from self._replay(patience)
        except StateError as error:  # nothing may overtake what cannot be read now
            self._block(PushError(str(error), retryable=True))
        batches = iter(fresh)
        for batch in batches:
            rest = [batch]
            if self._sender.blocked is None:
                rest = yield from self._sender.send(batch, patience)
            if rest:
                self._keep(chain(rest, batches), time_ms)
        self._now_ms += int((patience.monotonic_s() - began_s) * 1000)  # a pause counts from its answer
        self.remember()

    def _replay(self, patience: Patience) -> Waits:
        """Send what waits, each entry acknowledged before the next is sent."""
        self.expire()
        entries = self._spool.entries(self.key)
        self._sender.probing = bool(entries)
        if entries and self._record.get("not_before_ms", 0) > self._now_ms:
            self._block(PushError("the backend asked to be left alone for a while", retryable=True))
        for entry in entries:
            if self._sender.blocked is not None:
                return
            before = self._tally.copy()
            rest = yield from self._sender.send(self._spool.batch(entry), patience)
            sent, dropped, notes = self._tally.fates
            # Until it is acknowledged it stays and is sent again as a whole: nothing of it counts yet.
            self._tally.sent, self._tally.dropped, self._tally.notes = before.fates
            if rest:
                return
            self._spool.acknowledge([entry])
            self._tally.replayed += sent - before.sent
            self._tally.dropped, self._tally.notes = dropped, notes

    def _block(self, error: PushError) -> None:
        self._sender.blocked = error
        self._tally.error = str(error)

    def expire(self) -> None:
        """Give up what waits for longer than its age limit."""
        oldest_ms = self._now_ms - self._keeping.age_limit_ms
        old = [entry for entry in self._spool.entries(self.key) if entry.time_ms < oldest_ms]
        self._forget(old, "too_old", f"waited longer than {self._keeping.age_limit_ms / 1000:g} s")

    def abandon(self) -> None:
        """Give up all that waits, as the targets have moved to other shards."""
        entries = list(self._spool.entries(self.key))
        self._forget(entries, "resharded", "waited while their targets moved to other shards")

    def _forget(self, entries: list[SpoolEntry], reason: str, words: str) -> None:
        self._spool.acknowledge(entries)
        samples = sum(entry.samples for entry in entries)
        if samples:
            self._tally.give_up(reason, samples, f"{samples} samples {words}")

    def _keep(self, batches: Iterable[Batch], time_ms: int) -> None:
        """Spool what is left, the oldest giving way when the lane is full."""
        try:
            self._tally.spooled += self._spool.append(self.key, batches, time_ms)
        except SpoolFailed as error:
            self._tally.spooled += error.stored
            self._tally.give_up("spool_failed", error.lost, str(error))
        try:
            self._forget(list(self._beyond()), "spool_full", "were the oldest of a full spool")
        except StateError as error:  # it holds more than it should, and everything is safe
            self._tally.error = str(error)

    def _beyond(self) -> Iterator[SpoolEntry]:
        """The oldest entries that must go for the lane to keep its size."""
        entries = self._spool.entries(self.key) if self._keeping.size_limit else ()
        over = sum(entry.size_bytes for entry in entries) - self._keeping.size_limit
        for entry in entries:
            if over <= 0:
                return
            over -= entry.size_bytes
            yield entry

    def remember(self) -> None:
        """Let the lane remember what waits and how the backend behaves; other words of it stay."""
        delivery = self.delivery
        record = {
            "waiting": delivery.waiting or len(self._spool.entries(self.key)),  # a DELETE holds no sample
            "since_ms": delivery.waiting_since_ms,
            "stalled": self._stalled(),
            "not_before_ms": self._not_before_ms(),
        }
        kept = {name: value for name, value in self._spool.record(self.key).items() if name not in record}
        self._spool.remember(self.key, kept | {name: value for name, value in record.items() if value})

    def _stalled(self) -> int:
        """For how many cycles running a 429 let nothing through.

        A limit stays one until something goes, and as long as more goes than is refused: those few series
        would stall the lane for three cycles again.
        """
        limited = self._tally.dropped["limited"]
        if self._sender.progress:
            return STALLED_CYCLES if 0 < limited < self._taken else 0
        before: int = self._spool.began(self.key).get("stalled", 0)  # a cycle may come in several parts
        blocked = self._sender.blocked
        return before + 1 if blocked is not None and blocked.status == TOO_MANY else before

    @property
    def _taken(self) -> int:
        return self._tally.sent + self._tally.replayed

    def _not_before_ms(self) -> int:
        """Until when a blocked backend asked to be left alone, 0 when it did not."""
        blocked = self._sender.blocked
        if blocked is None:
            return 0
        if not blocked.retry_after_s:
            before: int = self._record.get("not_before_ms", 0)
            return before if before > self._now_ms else 0
        return self._now_ms + int(min(blocked.retry_after_s, _LONGEST_PAUSE_S) * 1000)
