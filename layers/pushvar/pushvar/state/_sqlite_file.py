"""The file under the SQLite store: opening it, its schema, transactions, and errors in plain words.

It knows tables, not their meaning. Nothing is opened before the first question.
"""

from __future__ import annotations

import sqlite3
import time
from contextlib import contextmanager
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Any, Final

from pushvar.errors import StateError
from pushvar.state._sqlite_schema import SCHEMA

if TYPE_CHECKING:
    from collections.abc import Iterator

IN_MEMORY: Final = ":memory:"
APPLICATION_ID: Final = 0x50555348  # "PUSH": tells our files from other people's databases
_JOURNAL_LIMIT_BYTES: Final = 16 * 1024 * 1024
_WAL_RETRY_S: Final = 0.01

_START_ANEW = (
    "stop pushvar, move the file and its -wal and -shm neighbours away and start again: a new file is made, "
    "but the samples spooled in the old one are not sent (sqlite3 FILE .recover may save them)"
)
_BUSY = (
    "is locked by another process",
    "look for a hung pushvar or an open sqlite3 shell on that file (fuser FILE) and end it",
)
_FAILURES: Final[dict[int, tuple[str, str]]] = {
    sqlite3.SQLITE_BUSY: _BUSY,
    sqlite3.SQLITE_LOCKED: _BUSY,
    sqlite3.SQLITE_PROTOCOL: _BUSY,
    sqlite3.SQLITE_FULL: (
        "cannot grow, the disk is full",
        "free space there; what was being written was not stored, the rest is intact",
    ),
    sqlite3.SQLITE_READONLY: (
        "may not be written",
        "give this user write permission on the file and its folder (SQLite keeps two more files beside it)",
    ),
    sqlite3.SQLITE_PERM: ("may not be opened", "give this user permission on the file and its folder"),
    sqlite3.SQLITE_CANTOPEN: (
        "cannot be opened",
        "name a file in a folder that this user may write (SQLite keeps two more files beside it)",
    ),
    sqlite3.SQLITE_CORRUPT: ("is damaged", _START_ANEW),
    sqlite3.SQLITE_NOTADB: ("is no SQLite database", f"name another file, or, if it was one: {_START_ANEW}"),
    sqlite3.SQLITE_IOERR: (
        "cannot be read or written, the disk or file system failed",
        "look into the kernel log; the file must lie on a local file system, not on NFS or SMB",
    ),
    sqlite3.SQLITE_TOOBIG: ("cannot hold a value of that size", "split the batch: the limit is 1 GB"),
}
_GENERIC = ("failed", "see the error of SQLite in brackets")


class SqliteFile:
    """One SQLite file, or memory, behind one connection and one lock.

    SQLite lets one writer in at a time anyway, so threads share the connection. Processes meet in
    the file: every write takes the write lock first (BEGIN IMMEDIATE) and waits up to
    ``busy_timeout_s`` for it. A connection must not be carried across a fork.
    """

    def __init__(self, path: str, *, busy_timeout_s: float = 10.0) -> None:
        self.path = path
        self._busy_timeout_s = busy_timeout_s
        self._lock = Lock()
        self._connection: sqlite3.Connection | None = None

    def row(self, statement: str, *parameters: object) -> tuple[Any, ...] | None:
        """The first row of a query, or None. Raises StateError."""
        rows = self.rows(statement, *parameters)
        return rows[0] if rows else None

    def rows(self, statement: str, *parameters: object) -> list[tuple[Any, ...]]:
        """All rows of a query. Raises StateError."""
        with self._lock, self._in_plain_words():
            return self._opened().execute(statement, parameters).fetchall()

    @contextmanager
    def writing(self, *, durable: bool = True) -> Iterator[sqlite3.Connection]:
        """One write transaction: all of it or nothing, alone among all processes. Raises StateError.

        ``durable`` waits until the disk has it. Without it a crash of the process loses nothing,
        a power cut may lose the transaction, but never one that a later durable one follows.
        """
        with self._lock, self._in_plain_words():
            connection = self._opened()
            connection.execute(f"PRAGMA synchronous = {'FULL' if durable else 'NORMAL'}")
            connection.execute("BEGIN IMMEDIATE")
            try:
                yield connection
                connection.execute("COMMIT")
            except BaseException:
                if connection.in_transaction:
                    connection.execute("ROLLBACK")
                raise

    def close(self) -> None:
        """Let go of the file; the next question opens it again."""
        with self._lock:
            self._drop()

    def _drop(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _opened(self) -> sqlite3.Connection:
        if self._connection is None:
            if self.path != IN_MEMORY:
                self._make_folder()
            connection = sqlite3.connect(
                self.path, timeout=self._busy_timeout_s, isolation_level=None, check_same_thread=False
            )
            try:
                self._prepare(connection)
            except BaseException:
                connection.close()
                raise
            self._connection = connection
        return self._connection

    def _make_folder(self) -> None:
        try:
            Path(self.path).parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise StateError(
                f"the folder of state file {self.path} cannot be made ({error})",
                hint="name a file in a folder that this user may write",
            ) from error

    def _prepare(self, connection: sqlite3.Connection) -> None:
        connection.execute("BEGIN")  # one look at the file, though another process may be making it
        version = self._schema_version(connection)
        connection.execute("COMMIT")
        self._enter_wal(connection)  # only now: a stranger's file stays as it is
        connection.execute(f"PRAGMA journal_size_limit = {_JOURNAL_LIMIT_BYTES}")
        connection.execute("PRAGMA fullfsync = ON")  # macOS: a plain fsync stops at the drive's cache
        if version < len(SCHEMA):
            self._make_tables(connection)

    def _make_tables(self, connection: sqlite3.Connection) -> None:
        connection.execute("BEGIN IMMEDIATE")
        # Asked again under the lock: another process may have made them meanwhile.
        for step in SCHEMA[self._schema_version(connection) :]:
            for statement in step:
                connection.execute(statement)
        connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
        connection.execute(f"PRAGMA user_version = {len(SCHEMA)}")
        connection.execute("COMMIT")

    def _enter_wal(self, connection: sqlite3.Connection) -> None:
        # When processes make one file at the same time, SQLite refuses the switch at once instead of
        # waiting for the lock (measured: 12 of 240 openings), so it is tried again.
        give_up = time.monotonic() + self._busy_timeout_s
        while True:
            try:
                connection.execute("PRAGMA journal_mode = WAL")
            except sqlite3.OperationalError as error:
                if _code(error) != sqlite3.SQLITE_BUSY or time.monotonic() > give_up:
                    raise
                time.sleep(_WAL_RETRY_S)
            else:
                return

    def _schema_version(self, connection: sqlite3.Connection) -> int:
        """0 for an empty file. Raises StateError for a newer schema and for files of other programs."""
        (application,) = connection.execute("PRAGMA application_id").fetchone()
        (version,) = connection.execute("PRAGMA user_version").fetchone()
        (tables,) = connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
        if application != APPLICATION_ID and (application or version or tables):
            raise StateError(
                f"state file {self.path} is the database of another program", hint="name another file"
            )
        if version > len(SCHEMA):
            raise StateError(
                f"state file {self.path} has schema {version}, this pushvar knows up to {len(SCHEMA)}",
                hint="run the newer pushvar that wrote it, or name another file",
            )
        return int(version)

    @contextmanager
    def _in_plain_words(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.Error as error:
            what, hint = _FAILURES.get(_code(error), _GENERIC)
            if self.path != IN_MEMORY and what != _BUSY[0]:
                self._drop()  # the file may be replaced or mended: look at it afresh next time
            raise StateError(f"state file {self.path} {what} ({error})", hint=hint) from error


def _code(error: sqlite3.Error) -> int:
    """SQLite's primary result code, 0 when the error is the driver's own."""
    return getattr(error, "sqlite_errorcode", 0) & 0xFF
