"""No series twice in a lane: what write_relabel_configs make equal across targets is sent once. Pure.

Steps that drop the label by which two targets differ make their series one, and one series can have
one sample at a time. The target that comes first by its key keeps it, in every cycle; a stale marker
gives way to whoever still has the series. Which plans go together is remembered, so a warm lane costs
one look-up.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from pushvar.labels.selection import Selection
from pushvar.model import PATTERN_BYTES, STALE_BITS
from pushvar.wire.remote_write import v1

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pushvar.model import Plan, Scrape

REMEMBERED = 64
"""Sets of plans that are known to have no series in common."""

_STALE = STALE_BITS.to_bytes(PATTERN_BYTES, "little")


class Uniqueness:
    """Remembers which plans have no series in common. Threads may share it."""

    def __init__(self) -> None:
        self._distinct: dict[frozenset[int], tuple[Plan, ...]] = {}

    def unique(self, scrapes: list[Scrape], gone: Sequence[Scrape] = ()) -> tuple[list[Scrape], int]:
        """The scrapes of one lane without repeated series, and how many samples that leaves out.

        What has ``gone`` out already is not sent again: none of its series is.
        """
        if gone:
            return self._distinct_of(scrapes, {one for sent in gone for one in sent.plan.template.label_sets})
        plans = tuple([scrape.plan for scrape in scrapes])
        ids = frozenset(map(id, plans))
        if ids in self._distinct:  # the plans are kept, so these ids are theirs
            return scrapes, 0
        left, repeated = self._distinct_of(scrapes, set())
        if not repeated and len(ids) == len(plans):
            self._remember(ids, plans)
        return left, repeated

    @staticmethod
    def _distinct_of(scrapes: list[Scrape], taken: set[bytes]) -> tuple[list[Scrape], int]:
        found: dict[int, Scrape] = {}
        for index in sorted(range(len(scrapes)), key=lambda index: _rank(scrapes[index])):
            scrape = _without(scrapes[index], taken)
            if scrape is not None:
                found[index] = scrape
        left = [found[index] for index in sorted(found)]
        return left, sum(one.carried for one in scrapes) - sum(one.carried for one in left)

    def _remember(self, ids: frozenset[int], plans: tuple[Plan, ...]) -> None:
        if len(self._distinct) >= REMEMBERED:
            self._distinct = {}
        self._distinct[ids] = plans


def _rank(scrape: Scrape) -> tuple[bool, str, int]:
    return _is_marker(scrape), scrape.plan.target.key, scrape.time_ms


def _is_marker(scrape: Scrape) -> bool:
    return scrape.values == _STALE * scrape.carried


def _without(scrape: Scrape, taken: set[bytes]) -> Scrape | None:
    """The scrape without the series that are taken, which then are all of it; None when nothing is left."""
    label_sets = scrape.plan.template.label_sets
    kept = tuple([place for place, labels in enumerate(label_sets) if labels not in taken])
    taken.update(label_sets)
    if len(kept) == len(label_sets):
        return scrape
    if not kept:
        return None
    return _cut(scrape, kept, label_sets)


def _cut(scrape: Scrape, kept: tuple[int, ...], label_sets: Sequence[bytes]) -> Scrape:
    """The scrape with the series at these places only, ascending."""
    template = v1.Template([label_sets[place] for place in kept])
    values, times_ms = Selection(kept, len(label_sets))(scrape.values, scrape.times_ms)
    return replace(scrape, plan=replace(scrape.plan, template=template), values=values, times_ms=times_ms)
