"""Documents in a SQLite file, by their hash, and the names that point at some of them."""

from __future__ import annotations

import zlib
from hashlib import sha256
from typing import TYPE_CHECKING, Final

from pushvar.state._words import document_damaged

if TYPE_CHECKING:
    from pushvar.state._sqlite_file import SqliteFile

_ZIP_FROM_BYTES: Final = 512  # below, the saving is less than a page of the file


class SqliteDocuments:
    """The documents and pointers of one file; what the methods promise stands in the state protocol."""

    def __init__(self, file: SqliteFile) -> None:
        self._file = file

    def put(self, body: bytes) -> str:
        """Store a document under its sha256; one that is there costs a read."""
        digest = sha256(body).hexdigest()
        if self._file.row("SELECT 1 FROM documents WHERE digest = ?", digest) is None:
            zipped = len(body) >= _ZIP_FROM_BYTES
            stored = zlib.compress(body) if zipped else body
            with self._file.writing() as connection:
                connection.execute(
                    "INSERT OR IGNORE INTO documents VALUES (?, ?, ?)", (digest, zipped, stored)
                )
        return digest

    def get(self, digest: str) -> bytes | None:
        """The document of that hash, or None; raises StateError when its bytes no longer fit the hash."""
        row = self._file.row("SELECT zipped, body FROM documents WHERE digest = ?", digest)
        if row is None:
            return None
        zipped, body = row
        try:
            body = zlib.decompress(body) if zipped else bytes(body)
        except zlib.error:
            body = b""
        if sha256(body).hexdigest() != digest:
            raise document_damaged(digest, f"state file {self._file.path}", "DELETE FROM documents ...")
        return bytes(body)

    def point(self, name: str, digest: str) -> None:
        """Point a name at a document; the one it pointed at goes, unless another name points at it.

        Nobody would ever take it away: a list of targets that changes every minute is a document a minute.
        """
        with self._file.writing() as connection:
            before = connection.execute("SELECT digest FROM pointers WHERE name = ?", (name,)).fetchone()
            connection.execute("INSERT OR REPLACE INTO pointers VALUES (?, ?)", (name, digest))
            connection.execute(
                "DELETE FROM documents WHERE digest = ? AND digest NOT IN (SELECT digest FROM pointers)",
                before or ("",),
            )

    def pointed(self, name: str) -> str | None:
        """The hash that a name points at, or None."""
        row = self._file.row("SELECT digest FROM pointers WHERE name = ?", name)
        return None if row is None else str(row[0])
