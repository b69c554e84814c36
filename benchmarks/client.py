"""The process that is measured: the naive script or pushvar, one cycle whenever it is asked for one.

``python -m benchmarks.client naive|pushvar|pushvar2|steps FOLDER``. It says one JSON object when
it is ready and one after each line on standard input, and ends with it. CPU is that of this process
alone, user and system; each kind of client is a process of its own, so none pays for another's memory.
"""

from __future__ import annotations

import json
import resource
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from pushvar.app.world import World
    from pushvar.model import Report

CONFIG, TARGETS, RECEIVER, STATE = "pushvar.yml", "targets.json", "receiver", "state.db"
"""The files of the folder."""

CYCLE_MS = 60_000
"""How far the clock is set on for each cycle: metadata and lease see the pace of an ordinary schedule."""


def prepare(
    folder: Path, ports: Iterable[int], push_url: str, message: str = "prometheus.WriteRequest"
) -> None:
    """Write what the clients need to forward targets on these ports of the loopback."""
    from benchmarks import workload
    from benchmarks.series import user_targets

    text = workload.configuration([f"127.0.0.1:{port}" for port in ports], push_url, message)
    (folder / CONFIG).write_text(text)
    (folder / TARGETS).write_text(json.dumps(user_targets(text)))
    (folder / RECEIVER).write_text(push_url)


class Client(Protocol):
    """Something that forwards all targets once."""

    def cycle(self) -> dict[str, float]:
        """Run one cycle; gives CPU seconds by step where it knows them. Raises when anything failed."""


class Naive:
    """The script of ``naive_script``."""

    def __init__(self, folder: Path) -> None:
        from benchmarks import naive_script

        self._run = naive_script.cycle
        self._targets = json.loads((folder / TARGETS).read_text())
        self._url = (folder / RECEIVER).read_text()
        self._session = naive_script.open_session(len(self._targets))

    def cycle(self) -> dict[str, float]:
        """One turn of its loop."""
        self._run(self._session, self._targets, self._url)
        return {}


class Pushvar:
    """The forwarder as ``pushvar run`` builds it: configuration file, SQLite state, real HTTP."""

    def __init__(self, folder: Path) -> None:
        from pushvar.app.forwarder import Forwarder
        from pushvar.collect.registry import open_registry
        from pushvar.state import open_state

        self._cycles = 0
        state = open_state(f"sqlite:{folder / STATE}")
        world = paced_world(lambda: self._cycles * CYCLE_MS)
        self._forwarder = Forwarder(open_registry(str(folder / CONFIG)), state, world, owner="benchmark")

    def cycle(self) -> dict[str, float]:
        """One cycle of all jobs."""
        self._cycles += 1
        check(self._forwarder.cycle())
        return {}


def paced_world(ahead_ms: Callable[[], int]) -> World:
    """This machine's world with a clock that is so far ahead."""
    from pushvar.app.world import real_world

    world = real_world()
    return replace(world, now_ms=lambda: world.now_ms() + ahead_ms())


def check(report: Report) -> None:
    """Raise RuntimeError unless every target was up and every sample arrived."""
    down = [scrape for scrape in report.scrapes if scrape.reason != "ok"]
    errors = [delivery.error for delivery in report.deliveries if delivery.error]
    if down or errors or not report.scrapes:
        first = f"{down[0].plan.target.url} {down[0].reason} {down[0].detail}" if down else report.skipped
        raise RuntimeError(f"{len(down)} of {len(report.scrapes)} targets down: {first} {errors[:1]}")


def client(kind: str, folder: Path) -> Client:
    """The client of that kind, ready for its first cycle."""
    if kind == "naive":
        return Naive(folder)
    if kind == "steps":
        from benchmarks.steps import Steps

        return Steps(folder)
    return Pushvar(folder)


def _used() -> resource.struct_rusage:
    return resource.getrusage(resource.RUSAGE_SELF)


def _since(before: resource.struct_rusage, steps_s: dict[str, float]) -> dict[str, Any]:
    after = _used()
    return {
        "user_s": after.ru_utime - before.ru_utime,
        "system_s": after.ru_stime - before.ru_stime,
        "steps_s": steps_s,
    }


def main(kind: str, folder: str) -> None:
    """Answer on standard output until standard input ends."""
    before = _used()
    ready = client(kind, Path(folder))
    print(json.dumps(_since(before, {})), flush=True)
    for _ in sys.stdin:
        before = _used()
        steps_s = ready.cycle()
        print(json.dumps(_since(before, steps_s)), flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
