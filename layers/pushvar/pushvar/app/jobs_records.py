"""The files in which a job says something of itself: one that is made for it, one that it writes anyway."""

from __future__ import annotations

import os
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from pushvar.jobs.records import BODY_BYTES, Records

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

VARIABLE = "PUSHVAR_JOB_RECORDS"
"""The variable that names the file to a job: every line that it appends is taken."""

_Stamp = tuple[int, int, int] | None


class RecordFiles:
    """The file of one run, and the ``given`` one. Nothing here raises: ``problems`` are words."""

    def __init__(self, given: str | None) -> None:
        self._given = Path(given) if given else None
        self._before = _stamp(self._given)
        self._made: Path | None = None
        self.problems: list[str] = []
        try:
            number, name = tempfile.mkstemp(prefix="pushvar-job-")
            os.close(number)
            self._made = Path(name)
        except OSError as error:
            self.problems.append(f"no file for records: {error.strerror}")

    @property
    def environment(self) -> Mapping[str, str]:
        """What the job is to find in its environment."""
        return {VARIABLE: str(self._made)} if self._made else {}

    def read(self, *, whole: bool) -> Records:
        """What is in them now. A given file that this run has not touched says nothing of it."""
        records = Records()
        if self._made is not None:
            self._take(records, self._made, VARIABLE, whole=whole)
        if self._given is not None:
            if _stamp(self._given) != self._before:
                self._take(records, self._given, str(self._given), whole=whole)
            elif whole:
                self.problems.append(f"{self._given} was not written by this run and is left out")
        return records

    def remove(self) -> None:
        """Remove the file that was made."""
        if self._made is not None:
            with suppress(OSError):
                self._made.unlink()

    def _take(self, records: Records, path: Path, name: str, *, whole: bool) -> None:
        try:
            with path.open("rb") as file:
                records.read(file.read(BODY_BYTES + 1), name, whole=whole)
        except OSError as error:
            if whole:
                self.problems.append(f"{name} cannot be read: {error.strerror}")


def note(environment: Mapping[str, str], lines: Sequence[str], say: Callable[[str], None]) -> None:
    """Add lines to the file of the run that this process is part of; a word when that cannot be done.

    One write for all, so that those of processes side by side stay whole (write(2), O_APPEND).
    """
    path = environment.get(VARIABLE)
    if not path:
        say(f"nothing is kept: {VARIABLE} is not set, so this is no part of a job that pushvar runs")
        return
    try:
        number = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CLOEXEC)
        try:
            os.write(number, "".join(f"{line}\n" for line in lines).encode())
        finally:
            os.close(number)
    except OSError as error:
        say(f"nothing is kept: {path}: {error.strerror}")


def _stamp(path: Path | None) -> _Stamp:
    """What changes when a file is written; None where there is none."""
    try:
        found = path.stat() if path is not None else None
    except OSError:
        found = None
    return (found.st_mtime_ns, found.st_size, found.st_ino) if found is not None else None
