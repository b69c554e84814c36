"""The Go files of a folder, for the audit of sources: vendored and hidden folders are left out."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from pushvar.errors import ConfigError
from pushvar.kit.audit.go_source import search

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pushvar.kit.audit.go_source import SourceAudit

_LEFT_OUT = ("vendor", "node_modules", "testdata")
_MOST_BYTES = 4 * 1024 * 1024
"""A larger file is made by a program."""


def source_audit(folder: str) -> SourceAudit:
    """Search the Go files under a folder. Raises ConfigError when it is none, or has none."""
    if not Path(folder).is_dir():
        raise ConfigError("--source", f"{folder} is no folder", hint="name the folder of Go source")
    found = search(_go_files(Path(folder)))
    if not found.files:
        raise ConfigError("--source", f"{folder} has no Go files", hint="name the folder of Go source")
    return found


def _go_files(folder: Path) -> Iterator[tuple[str, str]]:
    """Path from the folder, and text; links to folders are not followed."""
    for where, folders, names in os.walk(folder):
        folders[:] = sorted(one for one in folders if one not in _LEFT_OUT and not one.startswith((".", "_")))
        for name in sorted(names):
            path = Path(where) / name
            if name.endswith(".go") and path.is_file() and path.stat().st_size <= _MOST_BYTES:
                yield path.relative_to(folder).as_posix(), path.read_text("utf-8", "replace")
