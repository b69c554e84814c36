"""State in one SQLite file: for one machine, where cron runs may overlap and processes may die.

Every write under a lease looks at the lease and writes in one transaction, so a fence that has
passed can change nothing. Bodies of the spool and series sets are stored as they come; documents
are compressed. The file does not shrink: space of delivered batches is used again.
"""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING

from pushvar.errors import ConfigError
from pushvar.state._sqlite_documents import SqliteDocuments
from pushvar.state._sqlite_file import SqliteFile
from pushvar.state._sqlite_groups import SqliteGroups
from pushvar.state._sqlite_spool import SqliteSpool, demand_newest
from pushvar.state._type_table import packed, settled, unpacked
from pushvar.state.protocol import Head, Lease, ShardState

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Collection, Mapping, Sequence

    from pushvar.state.protocol import Group, GroupHead, NewEntry, SpoolEntry


def open_store(location: str) -> SqliteStore:
    """The store in the file ``location``; file and folder are made on first use. Raises ConfigError."""
    if not location:
        raise ConfigError("state", "no file named", hint="write sqlite:PATH")
    return SqliteStore(location)


class SqliteStore:
    """The state protocol on SQLite. Safe for several threads, and for several processes on one file."""

    def __init__(self, path: str, *, busy_timeout_s: float = 10.0) -> None:
        self._file = SqliteFile(path, busy_timeout_s=busy_timeout_s)
        self._spool, self._groups = SqliteSpool(self._file), SqliteGroups(self._file)
        self._documents = SqliteDocuments(self._file)

    def acquire(self, shard: str, owner: str, *, cycle: int, now_ms: int, ttl_ms: int) -> Lease | None:
        """Take a free, expired or own lease; the fence grows by one."""
        with self._file.writing() as connection:
            row = connection.execute(
                "SELECT owner, fence, expires_ms, started_cycle, finished_cycle, counters, lanes, layout"
                " FROM shards WHERE shard = ?",
                (shard,),
            ).fetchone()
            holder, fence, expires_ms, *head = row or (None, 0, 0, 0, 0, "{}", "{}", 0)
            if holder not in {None, owner} and expires_ms > now_ms:
                return None
            connection.execute(
                "INSERT INTO shards VALUES (?, ?, ?, ?, ?, 0, '{}', '{}', 0)"
                " ON CONFLICT (shard) DO UPDATE SET owner = excluded.owner, fence = excluded.fence,"
                " expires_ms = excluded.expires_ms, started_cycle = excluded.started_cycle",
                (shard, owner, fence + 1, now_ms + ttl_ms, cycle),
            )
        return Lease(shard, owner, fence + 1, now_ms + ttl_ms, _head(*head))

    def renew(self, lease: Lease, *, now_ms: int, ttl_ms: int) -> Lease:
        """Prolong a lease, also an expired one that nobody took; raises LeaseLost otherwise."""
        renewed = replace(lease, expires_ms=now_ms + ttl_ms)
        with self._file.writing() as connection:
            demand_newest(connection, lease)
            connection.execute(
                "UPDATE shards SET expires_ms = ? WHERE shard = ?", (renewed.expires_ms, lease.shard)
            )
        return renewed

    def commit(self, lease: Lease, head: Head, *, release: bool = False) -> None:
        """Replace the shard's head, and give the lease back when asked to; raises LeaseLost."""
        counters, lanes = _json(head.counters), _json(head.lanes)
        with self._file.writing() as connection:
            demand_newest(connection, lease)
            connection.execute(
                "UPDATE shards SET started_cycle = ?, finished_cycle = ?, counters = ?, lanes = ?, layout = ?"
                " WHERE shard = ?",
                (head.started_cycle, head.finished_cycle, counters, lanes, head.layout, lease.shard),
            )
            if release:
                _release(connection, lease)

    def release(self, lease: Lease) -> None:
        """Give the lease back; nothing happens when it is already lost."""
        with self._file.writing() as connection:
            _release(connection, lease)

    def look(self, shards: Collection[str]) -> Mapping[str, ShardState]:
        """What these shards are now; one that never had a lease is left out."""
        select = (
            "SELECT owner, expires_ms, started_cycle, finished_cycle, counters, lanes, layout"
            " FROM shards WHERE shard = ?"
        )
        rows = ((shard, self._file.row(select, shard)) for shard in shards)
        found = ((shard, row) for shard, row in rows if row is not None)
        return {
            shard: ShardState(_head(*head), expires_ms if owner is not None else 0)
            for shard, (owner, expires_ms, *head) in found
        }

    def put_document(self, body: bytes) -> str:
        """Store a document under its sha256; one that is there costs a read."""
        return self._documents.put(body)

    def get_document(self, digest: str) -> bytes | None:
        """The document of that hash, or None; raises StateError when its bytes no longer fit the hash."""
        return self._documents.get(digest)

    def set_pointer(self, name: str, digest: str) -> None:
        """Point a name at a document; the one that it leaves goes, unless another name points at it."""
        self._documents.point(name, digest)

    def get_pointer(self, name: str) -> str | None:
        """The hash that a name points at, or None."""
        return self._documents.pointed(name)

    def spool_append(self, lease: Lease, lane: str, entries: Sequence[NewEntry]) -> tuple[SpoolEntry, ...]:
        """Store batches at the end of a lane, all or none, on disk when this returns; raises LeaseLost."""
        return self._spool.append(lease, lane, entries)

    def spool_entries(self, shard: str, lane: str | None = None) -> tuple[SpoolEntry, ...]:
        """What waits in one lane or in all of them, in the order of appending."""
        return self._spool.entries(shard, lane)

    def spool_body(self, entry: SpoolEntry) -> bytes:
        """The bytes of one entry; raises StateError when they are gone."""
        return self._spool.body(entry)

    def spool_acknowledge(self, lease: Lease, entries: Sequence[SpoolEntry]) -> None:
        """Remove entries of the lease's own shard, all or none, if still there; raises LeaseLost."""
        self._spool.acknowledge(lease, entries)

    def fingerprints(self, shard: str) -> Mapping[str, bytes]:
        """Target key -> fingerprint, for every target the shard remembers."""
        row = self._file.row("SELECT body FROM fingerprints WHERE shard = ?", shard)
        return {} if row is None else {key: bytes.fromhex(text) for key, text in json.loads(row[0]).items()}

    def set_fingerprints(self, lease: Lease, fingerprints: Mapping[str, bytes]) -> None:
        """Replace the shard's fingerprints; makes the series sets stored before it durable as well."""
        body = _json({key: value.hex() for key, value in fingerprints.items()})
        with self._file.writing() as connection:
            demand_newest(connection, lease)
            connection.execute("INSERT OR REPLACE INTO fingerprints VALUES (?, ?)", (lease.shard, body))

    def series(self, target_keys: Collection[str]) -> Mapping[str, bytes]:
        """The series sets of these targets as they were stored."""
        select = "SELECT body FROM series WHERE target_key = ?"
        rows = ((key, self._file.row(select, key)) for key in target_keys)
        return {key: bytes(row[0]) for key, row in rows if row is not None}

    def set_series(self, lease: Lease, bodies: Mapping[str, bytes | None]) -> None:
        """Store or forget series sets, all or none. It waits for no disk: the next durable write does.

        A first cycle stores hundreds of these, and the fingerprints or the head follow them.
        """
        if not bodies:
            return
        with self._file.writing(durable=False) as connection:
            demand_newest(connection, lease)
            gone = [(key,) for key, body in bodies.items() if body is None]
            connection.executemany("DELETE FROM series WHERE target_key = ?", gone)
            kept = [(key, body) for key, body in bodies.items() if body is not None]
            connection.executemany("INSERT OR REPLACE INTO series VALUES (?, ?)", kept)

    def types(self, tenant: str) -> Mapping[str, str]:
        """Family name -> type, as settled for a tenant."""
        row = self._file.row("SELECT body FROM types WHERE tenant = ?", tenant)
        return {} if row is None else unpacked(row[0])

    def settle_types(self, tenant: str, proposed: Mapping[str, str]) -> Mapping[str, str]:
        """Add the names that have no type yet, and give the whole table."""
        with self._file.writing() as connection:
            row = connection.execute("SELECT body FROM types WHERE tenant = ?", (tenant,)).fetchone()
            before = {} if row is None else unpacked(row[0])
            table = settled(before, proposed)
            if table is not before:
                connection.execute("INSERT OR REPLACE INTO types VALUES (?, ?)", (tenant, packed(table)))
        return table

    def group_tenants(self) -> Mapping[str, int]:
        """Tenant -> how often its groups have changed, for all that have or had any."""
        return self._groups.tenants()

    def groups(self, tenant: str) -> tuple[GroupHead, ...]:
        """The heads of a tenant's groups by key; no body is read."""
        return self._groups.heads(tenant)

    def group_shapes(self, tenant: str) -> frozenset[tuple[str, ...]]:
        """The label names of every grouping that the tenant's groups have or had."""
        return self._groups.shapes(tenant)

    def get_groups(self, keys: Collection[str]) -> Mapping[str, Group]:
        """The groups of these keys that are there; one statement."""
        return self._groups.get(keys)

    def put_group(self, group: Group, replaces: str) -> bool:
        """Store a group if the stored one still has that version, on disk when this returns."""
        return self._groups.put(group, replaces)

    def forget_groups(self, heads: Collection[GroupHead]) -> None:
        """Remove those groups that still have the version of their head, as one write."""
        self._groups.forget(heads)

    def close(self) -> None:
        """Let go of the file."""
        self._file.close()


def _release(connection: sqlite3.Connection, lease: Lease) -> None:
    connection.execute(
        "UPDATE shards SET owner = NULL, expires_ms = 0 WHERE shard = ? AND fence = ? AND owner = ?",
        (lease.shard, lease.fence, lease.owner),
    )


def _head(started_cycle: int, finished_cycle: int, counters: str, lanes: str, layout: int) -> Head:
    return Head(started_cycle, finished_cycle, json.loads(counters), json.loads(lanes), layout)


def _json(value: object) -> str:
    return json.dumps(value, separators=(",", ":"))
