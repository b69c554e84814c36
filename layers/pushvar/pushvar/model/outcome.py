"""What goes out and what became of it: batches, deliveries, the report of a cycle."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pushvar.model.payload import Scrape, SeriesTemplate, Times


@dataclass(frozen=True, slots=True)
class Load:
    """What a cycle gives its backends to deliver: ``fresh``, behind what has ``gone`` to some of them.

    One that is not ``whole`` is a part that leaves ahead of the others, for the backends that take parts;
    the rest of them get everything with the ``whole`` one, which is the last.
    """

    fresh: Sequence[Scrape]
    gone: Sequence[Scrape] = ()
    whole: bool = True


@dataclass(frozen=True, slots=True)
class Batch:
    """The samples of one request to one backend: packed series of remote write 1.0, not yet compressed.

    ``templates`` says of each part which template packed the whole of it; None where a part is a piece
    of one, or comes from the spool. Without any it is empty. ``starts`` says of each part when its series
    began, in ms: () of a part of which nothing is known, and altogether when that is so of all.
    """

    parts: tuple[bytes, ...]
    samples: int
    size_bytes: int
    templates: tuple[SeriesTemplate | None, ...] = ()
    starts: tuple[Times, ...] = ()


@dataclass(frozen=True, slots=True)
class Delivery:
    """What became of one backend's batches in one cycle; counts are samples unless said otherwise.

    ``sent`` were taken by the backend, ``spooled`` are stored for later, ``dropped`` are counted by reason,
    each one of ``catalogue.DROPPED``. What earlier cycles had spooled counts as ``replayed`` when it was
    sent now, and among ``dropped`` when it is given up. ``waiting`` is what the spool holds after the cycle,
    ``waiting_since_ms`` the time of its oldest sample. ``notes`` say in words what was dropped, the first
    of each reason.
    """

    backend: str
    sent: int = 0
    spooled: int = 0
    dropped: tuple[tuple[str, int], ...] = ()
    replayed: int = 0
    requests: int = 0
    retries: int = 0
    wire_bytes: int = 0
    error: str = ""
    waiting: int = 0
    waiting_since_ms: int = 0
    notes: tuple[str, ...] = ()

    @property
    def lost(self) -> int:
        """Samples that nobody will ever have."""
        return sum(count for _, count in self.dropped)

    @property
    def failed(self) -> int:
        """Samples that did not arrive in this cycle: spooled or dropped."""
        return self.spooled + self.lost

    def drop(self, reason: str, samples: int) -> Delivery:
        """This delivery with more samples given up for that reason."""
        dropped = Counter(dict(self.dropped)) + Counter({reason: samples})  # which keeps no zeros
        return replace(self, dropped=tuple(sorted(dropped.items())))

    def add(self, later: Delivery) -> Delivery:
        """This delivery and a later one to the same backend, as one; the last error stays."""
        dropped = Counter(dict(self.dropped)) + Counter(dict(later.dropped))
        return Delivery(
            backend=self.backend,
            sent=self.sent + later.sent,
            spooled=self.spooled + later.spooled,
            dropped=tuple(sorted(dropped.items())),
            replayed=self.replayed + later.replayed,
            requests=self.requests + later.requests,
            retries=self.retries + later.retries,
            wire_bytes=self.wire_bytes + later.wire_bytes,
            error=later.error or self.error,
            waiting=self.waiting + later.waiting,
            waiting_since_ms=min(filter(None, (self.waiting_since_ms, later.waiting_since_ms)), default=0),
            notes=(*self.notes, *later.notes),
        )

    def then(self, later: Delivery) -> Delivery:
        """This delivery and the next of the same cycle to the same backend, as one.

        ``later`` has seen all that waits by now; an error that it overcame is none.
        """
        error = later.error or (self.error if self.lost else "")
        waiting, since_ms = later.waiting, later.waiting_since_ms
        return replace(self.add(later), error=error, waiting=waiting, waiting_since_ms=since_ms)


@dataclass(frozen=True, slots=True)
class Report:
    """One shard's cycle, as people and exit codes see it.

    ``skipped`` is the reason why nothing was done, one of ``catalogue.SKIPPED``, and ``detail`` what
    more there is to say of it. ``lost_cycles`` counts cycles that died before this one. ``config_version`` is
    that of the configuration and its targets, where one process has them all.
    """

    shard: str
    cycle: int
    started_ms: int
    duration_s: float
    scrapes: tuple[Scrape, ...] = ()
    deliveries: tuple[Delivery, ...] = ()
    skipped: str = ""
    detail: str = ""
    lost_cycles: int = 0
    config_version: str = ""
