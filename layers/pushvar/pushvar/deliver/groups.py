"""Scrapes -> the groups of a Pushgateway: what goes out in one PUT. Pure.

A PUT replaces a whole group, so all targets of a group stand in one body. The gateway shows for ever
what it was pushed last. So the health series are pushed only when a fetch failed: then they take the
place of values that nobody measured. Beside fresh values they would say nothing that the gateway's
own ``push_time_seconds`` does not say.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pushvar.catalogue import GROUPING, HEALTH
from pushvar.model import PATTERN_BYTES, STALE_BITS

if TYPE_CHECKING:
    from collections.abc import Iterable

    from pushvar.model import Scrape

STALE = struct.pack("<Q", STALE_BITS)

_HEALTH_BYTES = len(HEALTH) * PATTERN_BYTES


@dataclass(frozen=True, slots=True)
class Group:
    """What one PUT replaces: the values of ``GROUPING`` and the scrapes of all targets that have them."""

    key: tuple[str, ...]
    scrapes: tuple[Scrape, ...]

    @property
    def samples(self) -> int:
        """How many samples its body has."""
        return sum(map(pushed_samples, self.scrapes))


def grouped(scrapes: Iterable[Scrape]) -> list[Group]:
    """The groups of these scrapes, in the order in which the first target of each came.

    A target without a label of the key has it empty there; but a group must have a job, so that is
    then the name of the scrape config.
    """
    groups: dict[tuple[str, ...], list[Scrape]] = {}
    for scrape in scrapes:
        target = scrape.plan.target
        labels = {"job": target.job, **dict(target.labels)}
        groups.setdefault(tuple([labels.get(name, "") for name in GROUPING]), []).append(scrape)
    return [
        Group(key, tuple(sorted(members, key=lambda one: one.plan.target.key)))
        for key, members in groups.items()
    ]


def pushed_places(scrape: Scrape) -> slice:
    """Which series of a scrape are pushed: the document's, or the health series of a failed fetch."""
    return slice(-len(HEALTH)) if scrape.reason == "ok" else slice(-len(HEALTH), None)


def pushed_values(scrape: Scrape) -> bytes:
    """The 64-bit patterns of those series, stale markers among them."""
    return scrape.values[:-_HEALTH_BYTES] if scrape.reason == "ok" else scrape.values[-_HEALTH_BYTES:]


def pushed_samples(scrape: Scrape) -> int:
    """How many samples of a scrape are pushed: a stale marker is none, text cannot say it."""
    values = pushed_values(scrape)
    count = len(values) // PATTERN_BYTES
    if STALE in values:  # nearly never, and then perhaps across two values
        count -= struct.unpack(f"<{count}Q", values).count(STALE_BITS)
    return count
