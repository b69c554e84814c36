"""A text file that is looked at again and again: read only when it changed."""

from __future__ import annotations

import hashlib
import os
import stat
import time
from pathlib import Path
from typing import NamedTuple

from pushvar.errors import ConfigError, ConfigErrors

MAX_BYTES = 64 * 1024 * 1024
"""A larger file is not read: it is no configuration."""

_SETTLED_NS = 2_000_000_000  # two writes within one tick of the file system's clock leave the same mtime


class TextFile(NamedTuple):
    """A file as it was read: what tells a change cheaply (``stamp``) and surely (``digest``)."""

    text: str
    digest: bytes
    stamp: tuple[int, int, int]
    settled: bool


def read(path: str, before: TextFile | None) -> TextFile:
    """The file as it is now; ``before`` itself when it is unchanged.

    Mtime, size and inode decide, and the digest where the last write is too fresh to trust them.
    Raises ConfigErrors for a file that cannot be read, is larger than MAX_BYTES or is not UTF-8;
    FileNotFoundError stays what it is, since a missing file means something else than a broken one.
    """
    try:
        status = Path(path).stat()
        if before is not None and before.settled and before.stamp == _stamp(status):
            return before
        if not stat.S_ISREG(status.st_mode):
            raise wrong(path, "not a regular file", "give the path of a file")
        with Path(path).open("rb") as file:
            status = os.fstat(file.fileno())
            body = file.read(MAX_BYTES + 1)
    except FileNotFoundError:
        raise
    except OSError as error:
        raise unreadable(path, error) from None
    if len(body) > MAX_BYTES:
        raise wrong(path, f"larger than {MAX_BYTES} bytes", "use several files")
    digest = hashlib.sha256(body).digest()
    settled = time.time_ns() - status.st_mtime_ns > _SETTLED_NS
    text = before.text if before is not None and before.digest == digest else _decoded(path, body)
    return TextFile(text, digest, _stamp(status), settled)


def wrong(place: str, problem: str, hint: str) -> ConfigErrors:
    """What is wrong with a file or folder as a whole."""
    return ConfigErrors([ConfigError("", problem, hint=hint, place=place)])


def unreadable(path: str, error: OSError) -> ConfigErrors:
    """The error of the operating system in the words of a configuration."""
    if isinstance(error, FileNotFoundError):
        return wrong(path, "no such file or folder", "check the path")
    hint = "let this user read it" if isinstance(error, PermissionError) else "check the path"
    return wrong(path, f"cannot be read ({error.strerror})", hint)


def _stamp(status: os.stat_result) -> tuple[int, int, int]:
    return status.st_mtime_ns, status.st_size, status.st_ino


def _decoded(path: str, body: bytes) -> str:
    try:
        return body.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = body.count(b"\n", 0, error.start) + 1
        raise wrong(f"{path}:{line}", "not UTF-8", "save the file as UTF-8") from None
