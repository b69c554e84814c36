"""The spool in the SQLite store, and the look at the lease that every write of a shard begins with."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pushvar.state._words import demand_own_entry, entry_gone, lease_lost
from pushvar.state.protocol import SpoolEntry

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Sequence

    from pushvar.state._sqlite_file import SqliteFile
    from pushvar.state.protocol import Lease, NewEntry


class SqliteSpool:
    """What waits, by shard and lane, in one file. All methods raise StateError."""

    def __init__(self, file: SqliteFile) -> None:
        self._file = file

    def append(self, lease: Lease, lane: str, entries: Sequence[NewEntry]) -> tuple[SpoolEntry, ...]:
        """Store batches at the end of a lane, all or none, on disk when this returns; raises LeaseLost."""
        if not entries:
            return ()
        with self._file.writing() as connection:
            demand_newest(connection, lease)
            return tuple([_append(connection, lease.shard, lane, entry) for entry in entries])

    def entries(self, shard: str, lane: str | None) -> tuple[SpoolEntry, ...]:
        """What waits in one lane or in all of them, in the order of appending."""
        rows = self._file.rows(
            "SELECT shard, lane, sequence, time_ms, samples, size_bytes FROM spool"
            " WHERE shard = ? AND lane = coalesce(?, lane) ORDER BY sequence",
            *(shard, lane),
        )
        return tuple(SpoolEntry(*row) for row in rows)

    def body(self, entry: SpoolEntry) -> bytes:
        """The bytes of one entry; raises StateError when they are gone."""
        row = self._file.row(
            "SELECT body FROM spool WHERE sequence = ? AND shard = ? AND lane = ?",
            *(entry.sequence, entry.shard, entry.lane),
        )
        if row is None:
            raise entry_gone(entry)
        return bytes(row[0])

    def acknowledge(self, lease: Lease, entries: Sequence[SpoolEntry]) -> None:
        """Remove entries of the lease's own shard, all or none, if still there; raises LeaseLost."""
        for entry in entries:
            demand_own_entry(lease, entry)
        if not entries:
            return
        with self._file.writing() as connection:
            demand_newest(connection, lease)
            connection.executemany(
                "DELETE FROM spool WHERE sequence = ? AND shard = ? AND lane = ?",
                [(entry.sequence, entry.shard, entry.lane) for entry in entries],
            )


def demand_newest(connection: sqlite3.Connection, lease: Lease) -> None:
    """Raise LeaseLost unless the lease is the shard's newest and was not given back."""
    row = connection.execute("SELECT fence, owner FROM shards WHERE shard = ?", (lease.shard,)).fetchone()
    if row != (lease.fence, lease.owner):
        raise lease_lost(lease, *(row or (None, None)))


def _append(connection: sqlite3.Connection, shard: str, lane: str, entry: NewEntry) -> SpoolEntry:
    size_bytes = len(entry.body)
    sequence = connection.execute(
        "INSERT INTO spool (shard, lane, time_ms, samples, size_bytes, body) VALUES (?, ?, ?, ?, ?, ?)",
        (shard, lane, entry.time_ms, entry.samples, size_bytes, entry.body),
    ).lastrowid
    assert sequence is not None
    return SpoolEntry(shard, lane, sequence, entry.time_ms, entry.samples, size_bytes)
