"""Whether another run of the same job is at work on this machine: each holds a lock on one file.

A run that takes the lock for itself alone knows that there is no other, and from then on shares it with
those that come. A killed run leaves no lock behind (flock(2)).
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import re
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pushvar.model import Grouping

_FILE = "sqlite:"
_STEM_CHARS = 40


class Presence:
    """One run's presence among those with the same labels; nobody sees it before ``enter``."""

    def __init__(self, folder: Path, grouping: Grouping) -> None:
        digest = hashlib.sha256(json.dumps(grouping).encode()).hexdigest()[:12]
        stem = re.sub(r"[^A-Za-z0-9]+", "-", dict(grouping)["job"])[:_STEM_CHARS].strip("-")
        self._path = folder / f"{stem or 'job'}-{digest}.lock"
        self._file = -1

    def enter(self) -> bool:
        """Be there from now on; gives whether another run was already. Raises OSError."""
        self._path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._file = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        others = not self.alone()
        fcntl.flock(self._file, fcntl.LOCK_SH)  # at most behind somebody who is between these two calls
        return others

    def alone(self) -> bool:
        """Whether no other run is there."""
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True

    def leave(self) -> bool:
        """Be gone; gives whether nobody else is there."""
        if self._file < 0:
            return True
        alone = self.alone()
        os.close(self._file)
        self._file = -1
        return alone


def presence_folder(environment: Mapping[str, str]) -> Path:
    """Where the locks are: beside the state file that the environment names, or in the state folder."""
    state = environment.get("PUSHVAR_STATE", "")
    if state.startswith(_FILE):
        return Path(state.removeprefix(_FILE)).parent / "jobs"
    home = environment.get("XDG_STATE_HOME") or str(Path.home() / ".local" / "state")
    return Path(home) / "pushvar" / "jobs"
