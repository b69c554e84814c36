"""The last hours in SQLite: what was accepted, what was asked, what was wrong.

One writer connection and one reader connection, each behind its lock; in WAL mode they do not wait
for each other. One request is one transaction. Values are stored as 64-bit patterns (SQLite's
integers are signed, hence the folding), because a stale marker does not survive as a float.
"""

from __future__ import annotations

import json
import sqlite3
import tempfile
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Any

from pushvar.errors import StateError
from pushvar.receiver.decode import Sample
from pushvar.receiver.families import TYPES, series_text
from pushvar.receiver.memory import Memory
from pushvar.receiver.rules import RULES
from pushvar.receiver.schema import connect, create

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from pushvar.model import Labels
    from pushvar.receiver.check import Checked

MAX_VIOLATIONS = 1_000
"""Distinct (rule, series) pairs that are kept; the oldest go first."""

_ADD_TOTAL = (
    "INSERT INTO totals VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET value = value + excluded.value"
)
_ADD_FAMILY = (
    "INSERT INTO families VALUES (?, ?, ?, ?, ?) ON CONFLICT (name) DO UPDATE SET"
    " type = excluded.type, help = excluded.help, unit = excluded.unit, seen_ms = excluded.seen_ms"
)
_ADD_VIOLATION = (
    "INSERT INTO violations VALUES (?, ?, ?, 1, ?, ?) ON CONFLICT (rule, series) DO UPDATE SET"
    " detail = excluded.detail, count = count + 1, last_ms = excluded.last_ms"
)
_ADD_REQUEST = "INSERT INTO requests VALUES (NULL, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
_TRIM_VIOLATIONS = (
    "DELETE FROM violations WHERE rowid NOT IN (SELECT rowid FROM violations ORDER BY last_ms DESC LIMIT ?)"
)
_DROP_EMPTY_SERIES = (
    "DELETE FROM series WHERE NOT EXISTS (SELECT 1 FROM samples WHERE series = series.id) RETURNING id"
)
_LATEST = (
    "SELECT series.labels, samples.time_ms, samples.bits FROM series JOIN samples"
    " ON samples.series = series.id"
    " AND samples.time_ms = (SELECT max(time_ms) FROM samples WHERE series = series.id)"
)


@dataclass(frozen=True, slots=True)
class Arrival:
    """The outside of one request: when it came, its size on the wire, who sent it."""

    time_ms: int
    body_bytes: int
    user_agent: str


class Store:
    """The receiver's database. It does no I/O before ``open``; all methods may raise StateError."""

    def __init__(self, path: Path | None) -> None:
        self.path = path
        self._folder: tempfile.TemporaryDirectory[str] | None = None
        self._writer: sqlite3.Connection | None = None
        self._reader: sqlite3.Connection | None = None
        self._write_lock, self._read_lock = Lock(), Lock()
        self._ids: dict[Labels, int] = {}

    def open(self) -> None:
        """Create or open the file; without a path, a temporary one that ``close`` removes."""
        if self.path is None:
            self._folder = tempfile.TemporaryDirectory(prefix="pushvar-receiver-")
        path = self.path or Path(self._folder.name) / "receiver.db"  # type: ignore[union-attr]
        try:
            self._writer = connect(path)
            create(self._writer)
            self._reader = connect(path)
        except sqlite3.Error as error:
            self.close()
            raise StateError(
                f"{path}: {error}", hint="give another --database, or none for a temporary one"
            ) from error

    def close(self) -> None:
        """Release the connections and the temporary folder. Idempotent."""
        with self._write_lock, self._read_lock:
            for connection in (self._writer, self._reader):
                if connection is not None:
                    connection.close()
            self._writer = self._reader = None
            self._ids.clear()
        if self._folder is not None:
            self._folder.cleanup()
            self._folder = None

    def record(self, arrival: Arrival, checked: Checked) -> None:
        """Store one request: its samples, metadata and violations, in one transaction."""
        with self._writing() as database:
            rows = [
                (self._id(database, labels), sample.time_ms, _signed(sample.bits))
                for labels, samples in checked.accepted
                for sample in samples
            ]
            database.executemany("INSERT OR IGNORE INTO samples VALUES (?, ?, ?)", rows)
            families = [
                (name, TYPES[row.type], row.help, row.unit, arrival.time_ms)
                for name, row in checked.families.items()
            ]
            database.executemany(_ADD_FAMILY, families)
            found = [(*violation, arrival.time_ms, arrival.time_ms) for violation in checked.violations]
            database.executemany(_ADD_VIOLATION, found)
            database.execute(_ADD_REQUEST, _request_row(arrival, checked))
            database.executemany(_ADD_TOTAL, _total_rows(arrival, checked, len(rows)))

    def recall(self) -> Memory:
        """The memory of what is stored: the latest sample of each series, the type of each family."""
        memory = Memory()
        for labels, time_ms, bits in self.read(_LATEST):
            memory.last[tuple(json.loads(labels).items())] = Sample(time_ms, unsigned(bits))
        memory.types.update(self.read("SELECT name, type FROM families"))
        return memory

    def sweep(self, before_ms: int) -> list[str]:
        """Forget what is older; gives the names of the families that are gone."""
        with self._writing() as database:
            # By series, for the primary key begins with it: one short range each instead of one long scan.
            ids = [(row[0], before_ms) for row in database.execute("SELECT id FROM series")]
            database.executemany("DELETE FROM samples WHERE series = ? AND time_ms < ?", ids)
            ended = {row[0] for row in database.execute(_DROP_EMPTY_SERIES)}
            gone = database.execute(
                "DELETE FROM families WHERE seen_ms < ? RETURNING name", (before_ms,)
            ).fetchall()
            database.execute("DELETE FROM requests WHERE time_ms < ?", (before_ms,))
            database.execute("DELETE FROM violations WHERE last_ms < ?", (before_ms,))
            database.execute(_TRIM_VIOLATIONS, (MAX_VIOLATIONS,))
            self._ids = {labels: number for labels, number in self._ids.items() if number not in ended}
        return [name for (name,) in gone]

    def read(self, query: str, values: Sequence[Any] = ()) -> list[Any]:
        """Run one SELECT."""
        with self._read_lock:
            if self._reader is None:
                raise StateError(
                    "the receiver's database is closed", hint="ask before the receiver is stopped"
                )
            try:
                return self._reader.execute(query, values).fetchall()
            except sqlite3.Error as error:
                raise StateError(f"the receiver's database cannot be read: {error}") from error

    @contextmanager
    def _writing(self) -> Iterator[sqlite3.Connection]:
        with self._write_lock:
            if self._writer is None:
                raise StateError("the receiver's database is closed", hint="start the receiver first")
            try:
                with self._writer:
                    yield self._writer
            except BaseException as error:
                self._ids.clear()  # some may have been given out inside the transaction that failed
                if isinstance(error, sqlite3.Error):
                    raise StateError(f"the receiver's database cannot be written: {error}") from error
                raise

    def _id(self, database: sqlite3.Connection, labels: Labels) -> int:
        known = self._ids.get(labels)
        if known is not None:
            return known
        text = json.dumps(dict(labels), ensure_ascii=False, separators=(",", ":"))
        row = (text, dict(labels)["__name__"], series_text(labels).casefold())
        database.execute("INSERT OR IGNORE INTO series (labels, name, search) VALUES (?, ?, ?)", row)
        found = database.execute("SELECT id FROM series WHERE labels = ?", (text,)).fetchone()
        self._ids[labels] = int(found[0])
        return self._ids[labels]


def _request_row(arrival: Arrival, checked: Checked) -> tuple[Any, ...]:
    series = len(checked.decoded.series) if checked.decoded else 0
    sizes = (arrival.body_bytes, checked.decoded_bytes, series, checked.written, len(checked.violations))
    return (arrival.time_ms, checked.status, checked.version or 0, *sizes, arrival.user_agent)


def _total_rows(arrival: Arrival, checked: Checked, samples: int) -> list[tuple[str, int]]:
    warnings = sum(RULES[violation.rule].is_warning for violation in checked.violations)
    return [
        ("requests", 1),
        ("samples", samples),
        ("resent", checked.resent),
        ("bytes", arrival.body_bytes),
        ("warnings", warnings),
        ("violations", len(checked.violations) - warnings),
    ]


def _signed(bits: int) -> int:
    return bits - (1 << 64) if bits >> 63 else bits


def unsigned(stored: int) -> int:
    """The 64-bit pattern behind a stored value."""
    return stored & 0xFFFF_FFFF_FFFF_FFFF
