"""The tables of the SQLite store, version by version."""

from __future__ import annotations

from typing import Final

SCHEMA: Final[tuple[tuple[str, ...], ...]] = (
    (
        (
            "CREATE TABLE shards (shard TEXT PRIMARY KEY, owner TEXT, fence INTEGER NOT NULL,"
            " expires_ms INTEGER NOT NULL, started_cycle INTEGER NOT NULL, finished_cycle INTEGER NOT NULL,"
            " counters TEXT NOT NULL, lanes TEXT NOT NULL)"
        ),
        # AUTOINCREMENT never gives a number twice, so a late second acknowledgement hits nothing new.
        (
            "CREATE TABLE spool (sequence INTEGER PRIMARY KEY AUTOINCREMENT, shard TEXT NOT NULL,"
            " lane TEXT NOT NULL, time_ms INTEGER NOT NULL, samples INTEGER NOT NULL,"
            " size_bytes INTEGER NOT NULL, body BLOB NOT NULL)"
        ),
        "CREATE INDEX spool_by_lane ON spool (shard, lane, sequence)",
        "CREATE TABLE documents (digest TEXT PRIMARY KEY, zipped INTEGER NOT NULL, body BLOB NOT NULL)",
        "CREATE TABLE pointers (name TEXT PRIMARY KEY, digest TEXT NOT NULL)",
        "CREATE TABLE fingerprints (shard TEXT PRIMARY KEY, body TEXT NOT NULL)",
        "CREATE TABLE series (target_key TEXT PRIMARY KEY, body BLOB NOT NULL)",
    ),
    ("CREATE TABLE types (tenant TEXT PRIMARY KEY, body BLOB NOT NULL)",),
    (
        # A tenant's heads lie side by side and their bodies elsewhere: a listing reads nothing else.
        (
            "CREATE TABLE group_heads (tenant TEXT NOT NULL, key TEXT NOT NULL, grouping TEXT NOT NULL,"
            " version TEXT NOT NULL, expires_ms INTEGER NOT NULL, pushed_ms INTEGER NOT NULL,"
            " failed_ms INTEGER NOT NULL, deleted INTEGER NOT NULL, samples INTEGER NOT NULL,"
            " types BLOB NOT NULL, PRIMARY KEY (tenant, key)) WITHOUT ROWID"
        ),
        "CREATE UNIQUE INDEX group_heads_by_key ON group_heads (key)",
        "CREATE TABLE group_bodies (key TEXT PRIMARY KEY, body BLOB NOT NULL)",
        # A row stays when the tenant's last group goes: its number must not begin again.
        "CREATE TABLE group_tenants (tenant TEXT PRIMARY KEY, changes INTEGER NOT NULL)",
        (
            "CREATE TABLE group_shapes (tenant TEXT NOT NULL, shape TEXT NOT NULL,"
            " PRIMARY KEY (tenant, shape)) WITHOUT ROWID"
        ),
    ),
    ("ALTER TABLE shards ADD COLUMN layout INTEGER NOT NULL DEFAULT 0",),
)
"""The statements that lead from each schema version to the next; ``user_version`` counts them."""
