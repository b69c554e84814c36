"""The preset for ``memstats``: the series of the official Go client, and nothing else.

``go_gc_duration_seconds`` is computed as ``runtime/debug.ReadGCStats`` does, exactly and without
memory: the ring of the last 256 pauses holds all that the quantiles need.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pushvar.catalogue import GC_DURATION, GC_QUANTILES, MEMSTATS, NANOSECONDS
from pushvar.convert.mapping.rules import Claim, Computed, Refusal
from pushvar.convert.structure import NUMBER, RING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from pushvar.convert.mapping.rules import Payload
    from pushvar.convert.structure import Leaf, Path

_TOP = "memstats"
_RING = (_TOP, "PauseNs")
_CYCLES = (_TOP, "NumGC")
_TOTAL = (_TOP, "PauseTotalNs")
_SOURCES = {metric.source for metric in MEMSTATS} | {"PauseNs", "NumGC", "PauseTotalNs"}


class MemStats:
    """Takes every leaf below ``memstats``; a field that is missing costs its own series only."""

    def __init__(self, name: str = "go_memstats") -> None:
        self.name = name

    def take(self, leaves: Mapping[Path, Leaf], payload: Payload) -> Iterable[Claim | Computed | Refusal]:
        """Claims for what the catalogue names, refusals for the rest (BySize, PauseEnd, ...)."""
        del payload
        mine = {path: leaf for path, leaf in leaves.items() if path[0] == _TOP and len(path) > 1}
        used: set[Path] = set()
        for claim in (*_gauges_and_counters(mine), *_pauses(mine)):
            sources = claim.paths if isinstance(claim, Computed) else (claim.leaf.path,)
            used.update(sources)
            yield claim
        for path, leaf in mine.items():
            if path not in used:
                yield Refusal(leaf, "memstats_unused", whatever=metric_free(path) and not leaf.listed)


def metric_free(path: Path) -> bool:
    """Whether no value at this place below ``memstats`` could become a series."""
    return len(path) > len(_RING) or path[1] not in _SOURCES


def _gauges_and_counters(leaves: Mapping[Path, Leaf]) -> Iterator[Claim]:
    for metric in MEMSTATS:
        leaf = leaves.get((_TOP, metric.source))
        if leaf and leaf.kind == NUMBER:
            yield Claim(leaf, metric.family.name, metric.family, divisor=metric.divisor)


def _pauses(leaves: Mapping[Path, Leaf]) -> Iterator[Claim | Computed]:
    ring, cycles, total = (leaves.get(path) for path in (_RING, _CYCLES, _TOTAL))
    counted = cycles is not None and cycles.kind == NUMBER
    if ring and ring.kind == RING and counted:
        claims = tuple(Claim(ring, GC_DURATION.name, GC_DURATION, (("quantile", q),)) for q in GC_QUANTILES)
        yield Computed((_RING, _CYCLES), claims, pause_quantiles)
    if total and total.kind == NUMBER:
        yield Claim(total, f"{GC_DURATION.name}_sum", GC_DURATION, divisor=NANOSECONDS)
    if cycles and counted:
        yield Claim(cycles, f"{GC_DURATION.name}_count", GC_DURATION)


def pause_quantiles(ring: Sequence[int], cycles: float) -> tuple[float, ...]:
    """Minimum, quartiles and maximum of the last pauses, in seconds.

    ``ring`` is MemStats.PauseNs, ``cycles`` MemStats.NumGC: the pause of cycle ``n`` (from 1) stands in
    slot ``(n - 1) % 256``. Source: golang/go ``src/runtime/debug/garbage.go``, ReadGCStats. All five are
    0 before the first collection, as in the official client.
    """
    slots = len(ring)
    done = int(cycles) if 0 < cycles < 1 << 64 else 0
    last = min(done, slots)
    if last == 0:
        return (0.0,) * len(GC_QUANTILES)
    recent = sorted(ring if last == slots else ring[:last])
    return (  # one by one: a generator takes longer than what it does
        recent[0] / NANOSECONDS,
        recent[last // 4] / NANOSECONDS,
        recent[last // 2] / NANOSECONDS,
        recent[last * 3 // 4] / NANOSECONDS,
        recent[-1] / NANOSECONDS,
    )
