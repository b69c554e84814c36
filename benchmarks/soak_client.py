"""The process that is soaked: the forwarder of ``pushvar run``, one cycle for each line on standard input.

``python -m benchmarks.soak_client FOLDER`` says one JSON object when it is ready and one after each line,
``cycle`` or ``count``; the latter runs a cycle too and then counts what is in memory. Both clocks are set on
by a minute for each cycle. A wait for a backend takes no time: it sets on the clocks of its own thread, for
the rest of the cycle. Linux only.
"""

from __future__ import annotations

import gc
import json
import os
import sqlite3
import sys
import threading
import time
from collections import Counter
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pushvar.app.forwarder import Forwarder
from pushvar.app.last_good import LastGood
from pushvar.app.usable import usable_in
from pushvar.app.world import means_of, real_world
from pushvar.collect.registry import open_registry
from pushvar.state import open_state

if TYPE_CHECKING:
    from collections.abc import Iterable

    from pushvar.app.world import World
    from pushvar.model import Report

CONFIG, STATE = "pushvar.yml", "state.db"
CYCLE_S = 60

_PATIENCE_S = 0.5  # for lists of targets, as ``pushvar run`` has it
_PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")
_MEGA = 1e6


class Clocks:
    """The time of a run whose cycles are a minute apart, however soon they come."""

    def __init__(self) -> None:
        self._cycle = 0
        self._waits = threading.local()

    def next_cycle(self) -> None:
        """A minute later, without the waits of the cycle before."""
        self._cycle += 1

    def wait(self, seconds: float) -> None:
        """Let that time pass for this thread."""
        self._waits.of = (self._cycle, self._waited_s() + seconds)

    def ahead_s(self) -> float:
        """How far this thread's clocks are ahead of the machine's."""
        return self._cycle * CYCLE_S + self._waited_s()

    def _waited_s(self) -> float:
        cycle, waited_s = getattr(self._waits, "of", (0, 0.0))
        return float(waited_s) if cycle == self._cycle else 0.0

    def world(self) -> World:
        """This machine's world on these clocks."""
        real = real_world(sleep=self.wait)
        return replace(
            real,
            now_ms=lambda: real.now_ms() + int(self.ahead_s() * 1_000),
            monotonic_s=lambda: real.monotonic_s() + self.ahead_s(),
        )


class Soaked:
    """The forwarder with all that ``pushvar run`` gives it."""

    def __init__(self, folder: Path) -> None:
        self._clocks = Clocks()
        world = self._clocks.world()
        self._state = folder / STATE
        registry = open_registry(str(folder / CONFIG), means_of(world, patience_s=_PATIENCE_S))
        store = open_state(f"sqlite:{self._state}")
        good = LastGood(registry, store, world.now_ms, usable_in(world))
        self._forwarder = Forwarder(good, store, world, owner="benchmark")

    def cycle(self) -> dict[str, Any]:
        """One cycle: what it cost, what it did, and what the process has now."""
        self._clocks.next_cycle()
        before_s = time.process_time()
        report = self._forwarder.cycle()
        cpu_s = time.process_time() - before_s
        problems = [str(problem) for problem in self._forwarder.problems]
        return {"cpu_ms": cpu_s * 1e3, **self._held(), "problems": problems, **did(report)}

    def _held(self) -> dict[str, float]:
        files = self._state.parent.glob(f"{STATE}*")
        return {
            "rss_mb": int(Path("/proc/self/statm").read_text().split()[1]) * _PAGE_BYTES / _MEGA,
            "descriptors": len(list(Path("/proc/self/fd").iterdir())) - 1,  # less the one that lists them
            "threads": len(list(Path("/proc/self/task").iterdir())),
            "state_mb": sum(file.stat().st_size for file in files) / _MEGA,
        }

    def used_mb(self) -> float:
        """What the state's file holds, without the pages that are free for what comes next."""
        with closing(sqlite3.connect(f"file:{self._state}?mode=ro", uri=True)) as file:
            size, pages, free = (
                file.execute(f"PRAGMA {name}").fetchone()[0]
                for name in ("page_size", "page_count", "freelist_count")
            )
        return float(size * (pages - free) / _MEGA)


def did(report: Report) -> dict[str, Any]:
    """What a cycle did, by reason and by backend."""
    return {
        "skipped": report.skipped,
        "scrapes": Counter(scrape.reason for scrape in report.scrapes),
        "version": report.config_version,
        "deliveries": {
            one.backend: {
                "sent": one.sent, "spooled": one.spooled, "replayed": one.replayed, "waiting": one.waiting,
                **{f"dropped {reason}": count for reason, count in one.dropped},
            }
            for one in report.deliveries
        },
    }  # fmt: skip


def counted() -> dict[str, Any]:
    """What the interpreter holds once it has collected: memory blocks, and containers by type."""
    gc.collect()
    blocks, objects = sys.getallocatedblocks(), gc.get_objects()
    names = Counter(f"{type(one).__module__}.{type(one).__qualname__}" for one in objects)
    return {"blocks": blocks, "objects": len(objects), "types": dict(names.most_common())}


def main(folder: str, lines: Iterable[str] = sys.stdin) -> None:
    """Answer on standard output until standard input ends."""
    soaked = Soaked(Path(folder))
    print(json.dumps({}), flush=True)
    for line in lines:
        said = soaked.cycle()
        if line.strip() == "count":
            said |= {"used_mb": soaked.used_mb(), **counted()}
        print(json.dumps(said), flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
