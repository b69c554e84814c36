"""A store that dies with its process: SQLite without a file, for trials and dry runs."""

from __future__ import annotations

from pushvar.errors import ConfigError
from pushvar.state._sqlite_file import IN_MEMORY
from pushvar.state.sqlite import SqliteStore


def open_store(location: str) -> SqliteStore:
    """An empty store; ``close`` forgets everything. Raises ConfigError when a place is given."""
    if location:
        raise ConfigError("state", f"memory: takes no place, got {location!r}", hint="write memory: alone")
    return SqliteStore(IN_MEMORY)
