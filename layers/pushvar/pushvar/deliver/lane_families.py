"""The families of each lane's own series: where backends tell tenants apart, so must what they are told.

A tenant hears the names, types and help texts of its own series and of no other's.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pushvar.catalogue import HEALTH

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from pushvar.model import Family, Scrape


class LaneFamilies:
    """By lane, the families of all series that went into it; they only grow, the first of a name stays."""

    def __init__(self) -> None:
        self._lanes: dict[str, dict[str, Family]] = {}
        self._seen: dict[tuple[str, str], tuple[Family, ...]] = {}

    def of(self, lane: str, scrapes: Iterable[Scrape]) -> Mapping[str, Family]:
        """The lane's families, those of these scrapes among them; the same mapping every time."""
        known = self._lanes.get(lane)
        if known is None:
            known = self._lanes[lane] = {family.name: family for family in HEALTH}
        for scrape in scrapes:
            families, place = scrape.plan.families, (lane, scrape.plan.target.key)
            if self._seen.get(place) is not families:
                self._seen[place] = families
                for family in families:
                    known.setdefault(family.name, family)
        return known
