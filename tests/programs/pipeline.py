"""The forwarder as ``pushvar run`` makes it, in a process of its own, and deadly on request.

It runs so many cycles and prints the program's own JSON line for each. The code under test knows nothing of
the ways to fail that are added here: a named step is wrapped, and the process kills itself before or after
it with SIGKILL; SQLite is told how many pages its file may have, the system how many bytes.

Its orders: ``config``, ``state``, ``cycles``, ``pace_s``, and if wanted ``drain`` (so many more cycles, while
something waits: the machine may be slow), ``die`` ([point, which call]), ``pages``.

Processes are forked from one that has imported everything: it takes longer than their work.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from dataclasses import dataclass
from importlib import import_module
from itertools import count
from multiprocessing import get_context
from typing import TYPE_CHECKING, Any

from pushvar.app.world import real_world
from pushvar.cli import run
from pushvar.cli.reporting import reporter
from pushvar.collect.fetch import Fetcher
from pushvar.net.session import Session
from pushvar.state._sqlite_file import SqliteFile
from pushvar.state.sqlite import SqliteStore

from tests.programs.commands import pushvar_environment

if TYPE_CHECKING:
    import sqlite3
    from multiprocessing.context import ForkServerProcess
    from pathlib import Path

    from pushvar.model import Report

OUTPUT, ERRORS = "output", "errors"
FORKS = get_context("forkserver")
FORKS.set_forkserver_preload(["__main__", "tests.programs.pipeline", "pushvar.net.adapter", "yaml"])
_STARTING = threading.Lock()

STEPS: dict[str, tuple[type[Any], str]] = {
    "lease": (SqliteStore, "acquire"),
    "fetch": (Fetcher, "fetch_all"),
    "series write": (SqliteStore, "set_series"),
    "fingerprint write": (SqliteStore, "set_fingerprints"),
    "push": (Session, "send"),
    "spool append": (SqliteStore, "spool_append"),
    "acknowledge": (SqliteStore, "spool_acknowledge"),
    "commit": (SqliteStore, "commit"),
}
"""What a failpoint stands before or after: ``before push``, ``after commit``."""


def arm(point: str, call: int) -> None:
    """Make this process kill itself at the ``call``-th passing of a failpoint."""
    moment, _, step = point.partition(" ")
    owner, method = STEPS[step]
    real, calls = getattr(owner, method), count(1)

    def deadly(*args: Any, **kwargs: Any) -> Any:
        fatal = next(calls) == call
        if fatal and moment == "before":
            os.kill(os.getpid(), signal.SIGKILL)
        result = real(*args, **kwargs)
        if fatal:
            os.kill(os.getpid(), signal.SIGKILL)
        return result

    setattr(owner, method, deadly)


def bound_pages(pages: int) -> None:
    """Let the state file have so many pages at most: beyond, SQLite says that the disk is full."""
    real = SqliteFile._prepare

    def bounded(self: SqliteFile, connection: sqlite3.Connection) -> None:
        real(self, connection)
        connection.execute(f"PRAGMA max_page_count = {pages}")

    SqliteFile._prepare = bounded  # type: ignore[method-assign] # a full disk, without one


def main(orders: dict[str, Any]) -> None:
    """Run the cycles; those that another writer's lease forbids do not count."""
    if "die" in orders:
        arm(*orders["die"])
    if "pages" in orders:
        bound_pages(orders["pages"])
    stop, left, spare = threading.Event(), count(orders["cycles"] - 1, -1), count(orders.get("drain", 0), -1)
    forwarder = run._forwarder(orders["config"], f"sqlite:{orders['state']}", real_world(sleep=stop.wait))
    import_module("pushvar.net.adapter")  # its late import takes longer than the pace of these cycles allows
    show = reporter(as_json=True)

    def tell(report: Report) -> None:
        show.problems(forwarder.problems)
        show.cycle(report)
        sys.stdout.flush()
        waiting = any(one.waiting for one in report.deliveries)
        if report.skipped != "held" and next(left) <= 0 and not (waiting and next(spare) > 0):
            stop.set()

    try:
        forwarder.run(tell, stop.is_set, every_s=orders["pace_s"])
    finally:
        forwarder.close()


def _within(orders: dict[str, Any], folder: Path) -> None:
    """Run in a fresh process: output goes to files, the environment is what the command would get."""
    for number, name in ((1, OUTPUT), (2, ERRORS)):
        descriptor = os.open(folder / name, os.O_WRONLY | os.O_CREAT)
        os.dup2(descriptor, number)
        os.close(descriptor)
    kept = pushvar_environment()
    os.environ.clear()
    os.environ.update(kept)
    main(orders)


@dataclass(frozen=True, slots=True)
class Pipeline:
    """A process that was started; ``folder`` has what it printed."""

    process: ForkServerProcess
    folder: Path

    def communicate(self, timeout: float | None = None) -> tuple[str, str]:
        """Await its end and give its output and its errors; raises TimeoutExpired."""
        self.process.join(timeout)
        if self.process.exitcode is None:
            raise subprocess.TimeoutExpired("pipeline", timeout or 0.0)
        said, errors = ((self.folder / name).read_text(encoding="utf-8") for name in (OUTPUT, ERRORS))
        return said, errors

    def kill(self) -> None:
        """End it."""
        self.process.kill()

    @property
    def returncode(self) -> int | None:
        """Its exit status, or the negative number of the signal that ended it."""
        return self.process.exitcode


def start(orders: dict[str, Any], folder: Path) -> Pipeline:
    """Start a process; the folder must be its own."""
    folder.mkdir()
    process = FORKS.Process(target=_within, args=(orders, folder))
    with _STARTING:
        process.start()
    return Pipeline(process, folder)
