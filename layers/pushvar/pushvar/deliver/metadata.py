"""Metric metadata for remote write 1.0: requests of their own, once in a while (as Prometheus sends them)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pushvar.model import Batch
from pushvar.wire.remote_write import v1

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from pushvar.model import Family


class MetadataSchedule:
    """Remembers how much of the families each backend was told and when.

    ``families`` only ever grows; a backend is told all of them every interval, and new ones at once.
    """

    def __init__(self) -> None:
        self._told_ms: dict[str, int] = {}
        self._told: dict[str, int] = {}

    def due(
        self, backend: str, families: Mapping[str, Family], now_ms: int, interval_ms: int
    ) -> tuple[Family, ...]:
        """The families to tell this backend now; none when it has heard all of them lately."""
        first = 0 if self._all_due(backend, now_ms, interval_ms) else self._told[backend]
        return tuple(families.values())[first:] if first < len(families) else ()

    def told(self, backend: str, count: int, now_ms: int, interval_ms: int) -> None:
        """The backend took what was due: it has now heard of ``count`` families."""
        if self._all_due(backend, now_ms, interval_ms):
            self._told_ms[backend] = now_ms
        self._told[backend] = count

    def _all_due(self, backend: str, now_ms: int, interval_ms: int) -> bool:
        last_ms = self._told_ms.get(backend)
        return last_ms is None or now_ms - last_ms >= interval_ms


def cut(families: Iterable[Family], *, max_per_request: int) -> Iterator[Batch]:
    """Metadata requests; they hold no sample."""
    packed = [v1.metadata(family) for family in families]
    for start in range(0, len(packed), max_per_request):
        parts = tuple(packed[start : start + max_per_request])
        yield Batch(parts, 0, sum(map(len, parts)))
