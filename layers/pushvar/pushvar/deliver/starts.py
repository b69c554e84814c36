"""When the series of a scrape began, by its own ``_created`` samples: the start timestamps of 2.0. Pure.

Said is only what can be true and sent: a moment from 1970 to 2109 that is not after the sample, and never
0, which means "not set" in the protocol (remote-write 2.0, ``Sample.start_timestamp``). A stale marker
ends a series and has no start.
"""

from __future__ import annotations

import struct
from functools import lru_cache
from math import isfinite
from typing import TYPE_CHECKING

from pushvar.model import PATTERN_BYTES, STALE_BITS
from pushvar.wire.remote_write.packing import is_timestamp

if TYPE_CHECKING:
    from pushvar.model import Scrape, Times

_STALE = STALE_BITS.to_bytes(PATTERN_BYTES, "little")


def starts_ms(scrape: Scrape) -> Times:
    """The start of each series in ms, None where it is not known; () when that is so of all."""
    created = scrape.plan.template.created
    if not created:
        return ()
    values = scrape.values
    count = len(values) // PATTERN_BYTES
    seconds = _numbers(count).unpack(values)
    found: list[int | None] = [None] * count
    for teller, told in created:
        start_ms = _ms(seconds[teller])
        if start_ms is not None:
            for place in told:
                found[place] = start_ms
    for place in _late(scrape, found):
        found[place] = None
    return tuple(found) if any(found) else ()


def _late(scrape: Scrape, starts: list[int | None]) -> list[int]:
    """The places of starts that are after their sample, or of a stale marker."""
    own, time_ms, stale = scrape.times_ms, scrape.time_ms, _STALE in scrape.values
    if not own and not stale and max(filter(None, starts), default=0) <= time_ms:
        return []
    times_ms = [*(time_ms if one is None else one for one in own), *[time_ms] * (len(starts) - len(own))]
    return [
        place
        for place, (start_ms, sample_ms) in enumerate(zip(starts, times_ms, strict=True))
        if start_ms is not None and (start_ms > sample_ms or (stale and _is_marker(scrape.values, place)))
    ]


def _is_marker(values: bytes, place: int) -> bool:
    return values[place * PATTERN_BYTES : (place + 1) * PATTERN_BYTES] == _STALE


def _ms(seconds: float) -> int | None:
    """Seconds since the epoch in ms; None when that cannot be sent, or means nothing."""
    exact_ms = seconds * 1000
    time_ms = round(exact_ms) if isfinite(exact_ms) else 0
    return time_ms if time_ms and is_timestamp(time_ms) else None


@lru_cache(maxsize=1024)
def _numbers(count: int) -> struct.Struct:
    return struct.Struct(f"<{count}d")
