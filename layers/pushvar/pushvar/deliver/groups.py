"""Scrapes -> the groups of a Pushgateway: what goes out in one PUT. Pure.

A PUT replaces a whole group, so all targets of a group stand in one body. The gateway shows for ever
what it was pushed last. So the health series are pushed only when a fetch failed: then they take the
place of values that nobody measured. Beside fresh values they would say nothing that the gateway's
own ``push_time_seconds`` does not say.

A gateway never forgets a group (README.md, "Non-goals"), so who pushes it has to delete it: when its last
target was removed, and when all its targets have been down for long.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pushvar.catalogue import GROUPING
from pushvar.deliver.staleness import REMOVED, VANISHED
from pushvar.model import PATTERN_BYTES, STALE_BITS

if TYPE_CHECKING:
    from collections.abc import Iterable

    from pushvar.model import Scrape, Target

STALE = struct.pack("<Q", STALE_BITS)


@dataclass(frozen=True, slots=True)
class Group:
    """What one PUT replaces: the values of ``GROUPING`` and the scrapes of all targets that have them.

    Without scrapes it is a group that is to be deleted.
    """

    key: tuple[str, ...]
    scrapes: tuple[Scrape, ...]

    @property
    def samples(self) -> int:
        """How many samples its body has."""
        return sum(map(pushed_samples, self.scrapes))

    @property
    def down(self) -> bool:
        """Whether none of its targets gave anything."""
        return all(scrape.reason != "ok" for scrape in self.scrapes)


def grouped(scrapes: Iterable[Scrape]) -> list[Group]:
    """The groups of these scrapes, in the order in which the first target of each came.

    Series that vanished need no word: a PUT replaces the group. A group of which a target was removed is
    deleted, when no other target of it is among the scrapes.
    """
    groups: dict[tuple[str, ...], list[Scrape]] = {}
    for scrape in scrapes:
        if scrape.reason != VANISHED:
            members = groups.setdefault(_key(scrape.plan.target), [])
            if scrape.reason != REMOVED:
                members.append(scrape)
    return [
        Group(key, tuple(sorted(members, key=lambda one: one.plan.target.key)))
        for key, members in groups.items()
    ]


def _key(target: Target) -> tuple[str, ...]:
    """The group of a target. A label that it lacks is empty there; but a group must have a job."""
    labels = {"job": target.job, **dict(target.labels)}
    return tuple([labels.get(name, "") for name in GROUPING])


def pushed_places(scrape: Scrape) -> slice:
    """Which series of a scrape are pushed: the document's, or the health series of a failed fetch."""
    place = scrape.carried - scrape.plan.health
    return slice(place) if scrape.reason == "ok" else slice(place, None)


def pushed_values(scrape: Scrape) -> bytes:
    """The 64-bit patterns of those series, stale markers among them."""
    place = (scrape.carried - scrape.plan.health) * PATTERN_BYTES
    return scrape.values[:place] if scrape.reason == "ok" else scrape.values[place:]


def pushed_samples(scrape: Scrape) -> int:
    """How many samples of a scrape are pushed: a stale marker is none, text cannot say it."""
    if scrape.reason in (VANISHED, REMOVED):
        return 0
    values = pushed_values(scrape)
    count = len(values) // PATTERN_BYTES
    if STALE in values:  # nearly never, and then perhaps across two values
        count -= struct.unpack(f"<{count}Q", values).count(STALE_BITS)
    return count
