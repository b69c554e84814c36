"""Pushed groups in the SQLite store: heads by tenant, bodies apart, a number that counts changes."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

from pushvar.state._grouping import has_room, packed, packed_shape, unpacked, unpacked_shape
from pushvar.state.protocol import Group, GroupHead

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Collection, Mapping

    from pushvar.state._sqlite_file import SqliteFile

_HEAD: Final = "key, tenant, grouping, version, expires_ms, pushed_ms, failed_ms, deleted, samples, types"
_LIST: Final = f"SELECT {_HEAD} FROM group_heads WHERE tenant = ? ORDER BY key"  # noqa: S608 - constants
# One statement for any number of keys; CROSS JOIN keeps SQLite from beginning with the groups.
_GET: Final = (
    f"SELECT {_HEAD}, body FROM (SELECT value AS asked FROM json_each(?))"  # noqa: S608 - constants
    " CROSS JOIN group_heads ON key = asked CROSS JOIN group_bodies USING (key)"
)
_PUT_HEAD: Final = (
    f"INSERT INTO group_heads ({_HEAD}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"  # noqa: S608 - constants
    " ON CONFLICT (tenant, key) DO UPDATE SET grouping = excluded.grouping, version = excluded.version,"
    " expires_ms = excluded.expires_ms, pushed_ms = excluded.pushed_ms, failed_ms = excluded.failed_ms,"
    " deleted = excluded.deleted, samples = excluded.samples, types = excluded.types"
)
_PUT_BODY: Final = (
    "INSERT INTO group_bodies (key, body) VALUES (?, ?) ON CONFLICT (key) DO UPDATE SET body = excluded.body"
)
_CHANGED: Final = (
    "INSERT INTO group_tenants VALUES (?, 1) ON CONFLICT (tenant) DO UPDATE SET changes = changes + 1"
)


class SqliteGroups:
    """Groups in one file. Every write is one durable transaction; all methods raise StateError."""

    def __init__(self, file: SqliteFile) -> None:
        self._file = file

    def tenants(self) -> Mapping[str, int]:
        """Tenant -> how often its groups have changed."""
        return dict(self._file.rows("SELECT tenant, changes FROM group_tenants"))

    def heads(self, tenant: str) -> tuple[GroupHead, ...]:
        """The heads of a tenant's groups by key; no body is read."""
        return tuple(_head(*row) for row in self._file.rows(_LIST, tenant))

    def shapes(self, tenant: str) -> frozenset[tuple[str, ...]]:
        """The label names of every grouping that the tenant's groups have or had."""
        rows = self._file.rows("SELECT shape FROM group_shapes WHERE tenant = ?", tenant)
        return frozenset(unpacked_shape(text) for (text,) in rows)

    def get(self, keys: Collection[str]) -> Mapping[str, Group]:
        """The groups of these keys that are there, heads and bodies of one moment."""
        rows = self._file.rows(_GET, json.dumps(sorted(set(keys)))) if keys else []
        return {row[0]: Group(_head(*row[:-1]), bytes(row[-1])) for row in rows}

    def put(self, group: Group, replaces: str) -> bool:
        """Store a group if the stored one still has that version (empty: there is none)."""
        head = group.head
        with self._file.writing() as connection:
            row = connection.execute(
                "SELECT version FROM group_heads WHERE tenant = ? AND key = ?", (head.tenant, head.key)
            ).fetchone()
            now = "" if row is None else row[0]
            if now == head.version or now != replaces:
                return bool(now == head.version)
            connection.execute(_PUT_HEAD, _values(head))
            connection.execute(_PUT_BODY, (head.key, group.body))
            connection.execute(_CHANGED, (head.tenant,))
            if not replaces:
                _add_shape(connection, head.tenant, packed_shape(head.grouping))
        return True

    def forget(self, heads: Collection[GroupHead]) -> None:
        """Remove those groups that still have the version of their head."""
        if not heads:
            return
        changed = set()
        with self._file.writing() as connection:
            for head in heads:
                gone = connection.execute(
                    "DELETE FROM group_heads WHERE tenant = ? AND key = ? AND version = ?",
                    (head.tenant, head.key, head.version),
                )
                if gone.rowcount:
                    connection.execute("DELETE FROM group_bodies WHERE key = ?", (head.key,))
                    changed.add((head.tenant,))
            connection.executemany(_CHANGED, changed)


def _add_shape(connection: sqlite3.Connection, tenant: str, shape: str) -> None:
    """Add a shape that the tenant lacks, as far as there is room."""
    known = "SELECT 1 FROM group_shapes WHERE tenant = ? AND shape = ?"
    if connection.execute(known, (tenant, shape)).fetchone():
        return
    held = "SELECT count(*), coalesce(sum(length(CAST(shape AS BLOB))), 0) FROM group_shapes WHERE tenant = ?"
    shapes, held_bytes = connection.execute(held, (tenant,)).fetchone()
    if has_room(shapes, held_bytes, shape):
        connection.execute("INSERT INTO group_shapes VALUES (?, ?)", (tenant, shape))


def _values(head: GroupHead) -> tuple[Any, ...]:
    """A head in the order of _HEAD."""
    times = (head.expires_ms, head.pushed_ms, head.failed_ms)
    place = (head.key, head.tenant, packed(head.grouping), head.version)
    return *place, *times, head.deleted, head.samples, head.types


def _head(key: str, tenant: str, grouping: str, version: str, *rest: Any) -> GroupHead:
    expires_ms, pushed_ms, failed_ms, deleted, samples, types = rest
    times = (expires_ms, pushed_ms, failed_ms)
    return GroupHead(key, tenant, unpacked(grouping), version, *times, bool(deleted), samples, types)
