"""The synthetic series that every target yields in every cycle: ``up`` and the ``scrape_*`` ones."""

from __future__ import annotations

import struct
from functools import lru_cache
from typing import TYPE_CHECKING

from pushvar.catalogue import HEALTH
from pushvar.model import Row

if TYPE_CHECKING:
    from pushvar.model import Target

_PATTERNS = struct.Struct(f"<{len(HEALTH)}d")


@lru_cache(maxsize=1024)
def health_rows(first_family: int) -> tuple[Row, ...]:
    """One row for each health family; ``first_family`` is the index of the first of them in a shape."""
    return tuple(
        Row(family.name, first_family + position, (), "", "health") for position, family in enumerate(HEALTH)
    )


def target_health_rows(target: Target, first_family: int) -> tuple[Row, ...]:
    """Those of an endpoint; a group that was pushed has none."""
    return () if target.pushed else health_rows(first_family)


def health_values(*, up: bool, duration_s: float, scraped: int, kept: int, added: int) -> bytes:
    """Their 64-bit patterns, in the order of the catalogue."""
    return _PATTERNS.pack(up, duration_s, scraped, kept, added)
