"""What may be wrong with one sample: its time, its place after the last one, its bits. Pure."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pushvar.receiver.decode import Sample

FUTURE_MS = 10 * 60 * 1000
OLD_MS = 60 * 60 * 1000
SPOILT_STALE_BITS = 0x7FF8000000000002
"""What becomes of the stale marker when a float unit touches it: the quiet bit is set."""

_UNITS = (("seconds", 1_000), ("microseconds", 1 / 1_000), ("nanoseconds", 1 / 1_000_000))


def sample_violation(sample: Sample, last: Sample | None, now_ms: int) -> tuple[str, str] | None:
    """Give (rule, detail) for the first thing wrong with a sample that follows ``last``, or None."""
    if sample.bits == SPOILT_STALE_BITS:
        return "stale-marker", f"the bits are {SPOILT_STALE_BITS:#018x}"
    broken = time_violation(sample.time_ms, now_ms)
    if broken is not None:
        return broken
    if sample.start_ms > sample.time_ms:
        return "start-timestamp", f"starts {sample.start_ms - sample.time_ms} ms after its own time"
    return _order_violation(sample, last) if last is not None else None


def time_violation(time_ms: int, now_ms: int) -> tuple[str, str] | None:
    """Give (rule, detail) when a timestamp is missing, in another unit, too old or too far ahead."""
    if time_ms == 0:
        return "timestamp-missing", "the timestamp is 0"
    if -FUTURE_MS <= now_ms - time_ms <= OLD_MS:
        return None
    for unit, factor in _UNITS:
        if now_ms / 2 < time_ms * factor < now_ms * 2:
            return "timestamp-unit", f"{time_ms} looks like {unit}"
    if time_ms > now_ms:
        return "timestamp-future", f"{time_ms} is {(time_ms - now_ms) / 1000:.0f} s ahead"
    return "timestamp-old", f"{time_ms} is {(now_ms - time_ms) / 1000:.0f} s old"


def _order_violation(sample: Sample, last: Sample) -> tuple[str, str] | None:
    if sample.time_ms > last.time_ms:
        return None
    if sample.time_ms < last.time_ms:
        early_s = (last.time_ms - sample.time_ms) / 1000
        return "sample-order", f"{sample.time_ms} is {early_s:g} s before the last one, {last.time_ms}"
    if sample.bits == last.bits:
        return "sample-order", f"{sample.time_ms} stands twice in one request"
    detail = f"{sample.time_ms} had {last.bits:#018x}, now has {sample.bits:#018x}"
    return "sample-conflict", detail


def is_counter_value(sample: Sample) -> bool:
    """Whether a counter may have this value: a number that is not negative, or the end of the series."""
    return sample.is_stale or not (math.isnan(sample.value) or sample.value < 0)
