"""The tables of the receiver's database, and how a connection to them is opened."""

from __future__ import annotations

import sqlite3
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

SCHEMA_VERSION = 1

_TABLES = """
CREATE TABLE series (id INTEGER PRIMARY KEY AUTOINCREMENT,
    labels TEXT NOT NULL UNIQUE, name TEXT NOT NULL, search TEXT NOT NULL);
CREATE INDEX series_by_name ON series (name);
CREATE TABLE samples (series INTEGER NOT NULL, time_ms INTEGER NOT NULL, bits INTEGER NOT NULL,
    PRIMARY KEY (series, time_ms)) WITHOUT ROWID;
CREATE TABLE families (name TEXT PRIMARY KEY,
    type TEXT NOT NULL, help TEXT NOT NULL, unit TEXT NOT NULL, seen_ms INTEGER NOT NULL);
CREATE TABLE requests (id INTEGER PRIMARY KEY AUTOINCREMENT,
    time_ms INTEGER NOT NULL, status INTEGER NOT NULL, version INTEGER NOT NULL,
    body_bytes INTEGER NOT NULL, decoded_bytes INTEGER NOT NULL, series INTEGER NOT NULL,
    samples INTEGER NOT NULL, violations INTEGER NOT NULL, user_agent TEXT NOT NULL);
CREATE TABLE violations (rule TEXT NOT NULL, series TEXT NOT NULL, detail TEXT NOT NULL,
    count INTEGER NOT NULL, first_ms INTEGER NOT NULL, last_ms INTEGER NOT NULL, PRIMARY KEY (rule, series));
CREATE TABLE totals (name TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID;
"""
# Nothing here must outlive a power cut, so no write waits for the disk.
_PRAGMAS = ("journal_mode = WAL", "synchronous = OFF", "temp_store = MEMORY", "cache_size = -16000")


def connect(path: Path) -> sqlite3.Connection:
    """Open the file; raises sqlite3.Error. The connection may be used by any thread, one at a time."""
    connection = sqlite3.connect(path, check_same_thread=False, timeout=10)
    try:
        for pragma in _PRAGMAS:
            connection.execute(f"PRAGMA {pragma}")
    except sqlite3.Error:
        connection.close()
        raise
    return connection


def create(connection: sqlite3.Connection) -> None:
    """Make the tables in an empty file; raises sqlite3.Error for a file that is somebody else's."""
    version = connection.execute("PRAGMA user_version").fetchone()[0]
    if version == SCHEMA_VERSION:
        return
    tables = connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]
    if version or tables:
        raise sqlite3.DatabaseError(f"not a receiver's database of schema {SCHEMA_VERSION}")
    connection.executescript(f"BEGIN;{_TABLES}PRAGMA user_version = {SCHEMA_VERSION};COMMIT;")
