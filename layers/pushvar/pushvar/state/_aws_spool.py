"""The spool in the AWS store: bodies as objects, what names them as items behind the shard's head."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, Final
from uuid import uuid4

from pushvar.errors import LeaseLost
from pushvar.state._aws_bodies import safe_name
from pushvar.state._aws_heads import SPOOL, spool_key
from pushvar.state._aws_table import Write, batches, item_bytes
from pushvar.state._words import demand_own_entry, entry_gone
from pushvar.state.protocol import SpoolEntry

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from pushvar.state._aws_bodies import AwsBodies
    from pushvar.state._aws_bucket import AwsBucket
    from pushvar.state._aws_heads import AwsHeads
    from pushvar.state._aws_table import AwsTable, Value
    from pushvar.state.protocol import Lease, NewEntry

SPOOL_KEPT_S: Final = 14 * 24 * 3600
"""When the table may sweep a spool item that no run has acknowledged or dropped: far past any age limit."""


class AwsSpool:
    """What waits, by shard and lane. Safe for several threads; all methods raise StateError.

    An object costs a tenth of what an item of the same 50 KB would, and is not bound to 400 KB.
    """

    def __init__(self, table: AwsTable, heads: AwsHeads, bodies: AwsBodies, bucket: AwsBucket) -> None:
        self._table, self._heads, self._bodies, self._bucket = table, heads, bodies, bucket

    def append(self, lease: Lease, lane: str, entries: Sequence[NewEntry]) -> tuple[SpoolEntry, ...]:
        """Store the bodies, then what names them, in order; raises LeaseLost."""
        folder = f"spool/{safe_name(lease.shard)}/{safe_name(lane)}"
        items = {f"{folder}/{uuid4().hex}": entry for entry in entries}
        self._bodies.upload({place: entry.body for place, entry in items.items()})
        unnamed = set(items)
        stored: list[SpoolEntry] = []
        for batch in batches((_item(lane, *each) for each in items.items()), item_bytes):
            try:
                last = self._heads.append(lease, batch, this_write=str(batch[0]["object_key"]))
            except LeaseLost:
                self._bodies.sweep(unnamed)
                raise
            unnamed.difference_update(item["object_key"] for item in batch)
            first = last - len(batch) + 1
            stored += [_entry(lease.shard, sequence, item) for sequence, item in enumerate(batch, first)]
        return tuple(stored)

    def entries(self, shard: str, lane: str | None) -> tuple[SpoolEntry, ...]:
        """What waits in one lane or in all of them, in the order of appending."""
        items = self._table.query(f"shard#{shard}", SPOOL)
        return tuple(
            _entry(shard, int(item["sk"].removeprefix(SPOOL)), item)
            for item in items
            if lane is None or item["lane"] == lane
        )

    def body(self, entry: SpoolEntry) -> bytes:
        """The bytes of one entry; raises StateError when they are gone."""
        body = self._bucket.get(entry.place) if entry.place else None
        if body is None:
            raise entry_gone(entry)
        return body

    def acknowledge(self, lease: Lease, entries: Sequence[SpoolEntry]) -> None:
        """Remove entries of the lease's own shard, if they are still there; raises LeaseLost."""
        for entry in entries:
            demand_own_entry(lease, entry)
        places = {entry.sequence: entry.place for entry in entries}
        for batch in batches(sorted(places), lambda _: 0):
            self._heads.under(lease, [Write("Delete", spool_key(lease.shard, number)) for number in batch])
            # Nothing names them: a failure here only leaves rubbish.
            self._bodies.sweep({places[number] for number in batch if places[number]})


def _item(lane: str, place: str, entry: NewEntry) -> dict[str, Value]:
    return {
        "lane": lane,
        "time_ms": entry.time_ms,
        "samples": entry.samples,
        "size_bytes": len(entry.body),
        "object_key": place,
        "gone_s": int(time.time()) + SPOOL_KEPT_S,
    }


def _entry(shard: str, sequence: int, item: Mapping[str, Any]) -> SpoolEntry:
    fields = (item[name] for name in ("time_ms", "samples", "size_bytes", "object_key"))
    return SpoolEntry(shard, item["lane"], sequence, *fields)
