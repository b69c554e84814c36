"""Files of a command's reports: written whole or not at all, and ``-`` for standard output."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import click

from pushvar.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

STDOUT = "-"


def write_files(wanted: Mapping[str, str | None], texts: Mapping[str, Callable[[], str | bytes]]) -> None:
    """Write what is wanted (option -> path, None for what is not), each made of its text.

    A reader never sees half a file: it takes the place of an older one when it is whole. Raises ConfigError.
    """
    for option, path in wanted.items():
        if path is None:
            continue
        made = texts[option]()
        body = made.encode("utf-8", "replace") if isinstance(made, str) else made
        if path == STDOUT:
            click.echo(body, nl=False)
        else:
            _write(option, Path(path), body)


def check_folders(wanted: Mapping[str, str | None]) -> None:
    """Raise ConfigError for a file that cannot be written, before the command takes its time."""
    for option, path in wanted.items():
        if path in (None, STDOUT):
            continue
        folder = Path(str(path)).absolute().parent
        if Path(str(path)).is_dir():
            raise ConfigError(option, f"{path} is a folder", hint="name a file in it")
        if not folder.is_dir():
            raise ConfigError(option, f"{folder} is no folder", hint="make it first")


def read_file(option: str, path: str) -> bytes:
    """The bytes of a file. Raises ConfigError."""
    try:
        return Path(path).read_bytes()
    except OSError as error:
        raise ConfigError(option, f"{path}: {error.strerror}", hint="give a file that is there") from None


def _write(option: str, path: Path, body: bytes) -> None:
    # not tempfile: who reads the file may be another user, and its umask is what the caller chose
    beside = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        try:
            beside.write_bytes(body)
            beside.replace(path)
        finally:
            beside.unlink(missing_ok=True)
    except OSError as error:
        raise ConfigError(option, f"{path}: {error.strerror}", hint="name another file") from None
