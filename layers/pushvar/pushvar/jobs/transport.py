"""What is said of a job, as bytes: text for a Pushgateway, packed series for remote write."""

from __future__ import annotations

import struct
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from pushvar.labels.sets import label_set
from pushvar.model import Batch
from pushvar.wire.exposition import text
from pushvar.wire.remote_write import v1

if TYPE_CHECKING:
    from pushvar.model import Grouping
    from pushvar.wire.exposition import FamilySamples


@dataclass(frozen=True, slots=True)
class Said:
    """Families that are pushed together, each once, and the time of their samples.

    ``told`` are those that the job made itself: they may be what a backend refuses all for.
    """

    families: tuple[FamilySamples, ...]
    time_ms: int
    told: tuple[FamilySamples, ...] = ()

    @property
    def samples(self) -> int:
        """How many samples it has."""
        return sum(len(family.samples) for family in self._all)

    @property
    def untold(self) -> Said:
        """The same without what the job made itself."""
        return replace(self, told=())

    @property
    def _all(self) -> tuple[FamilySamples, ...]:
        return (*self.families, *self.told)

    def as_text(self) -> bytes:
        """Text 0.0.4 without timestamps. Raises EncodeError."""
        return text.encode(self._all)

    def as_batch(self, grouping: Grouping) -> Batch:
        """Packed series of remote write; the group's labels go before the series' own, as in a gateway."""
        series = {
            label_set((*one.labels, *grouping, ("__name__", one.name))): one.value
            for family in self._all
            for one in family.samples
        }
        template = v1.Template([b"".join(v1.label(*pair) for pair in labels) for labels in series])
        packed = template.pack(struct.pack(f"<{len(series)}d", *series.values()), self.time_ms)
        return Batch((packed,), len(series), len(packed))
