"""How the rows of the fault matrix are driven: a worker gets its messages twice, late and out of order."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing
from itertools import count
from typing import TYPE_CHECKING

from pushvar.app.worker import Worker
from pushvar.app.world import real_world
from pushvar.cli.reporting import cycle_object
from pushvar.collect.documents import config_document, slice_document
from pushvar.collect.shards import ShardMessage
from pushvar.collect.targets import build_target
from pushvar.config.load import load
from pushvar.net.address import is_allowed
from pushvar.state import open_state

from tests.e2e import fault_scene

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.e2e.fault_scene import CycleObject, Scene

_BUDGET_S = 4.0
_APART_S = 0.02
_MORE = 10


class _Queue:
    """Messages for the one shard of a scene, and workers that take them."""

    def __init__(self, scene: Scene, stack: ExitStack) -> None:
        self._scene, self._stack = scene, stack
        self._owners = count(1)
        self._store = stack.enter_context(closing(open_state(f"sqlite:{scene.state}")))

    def message(self, *, age_ms: int = 0) -> ShardMessage:
        """A message for the cycle of this moment, planned so long ago."""
        time.sleep(_APART_S)  # a cycle is named by its millisecond
        config = load(self._scene.config.read_text(), source="scene")
        address = self._scene.targets.address
        targets = tuple(build_target(config, job, address, {}) for job in config.scrape_configs)
        now_ms = time.time_ns() // 1_000_000
        return ShardMessage(
            cycle=now_ms, planned_at=now_ms - age_ms, shard="0", shards=1,
            config_version=self._store.put_document(config_document(config)),
            slice_version=self._store.put_document(slice_document(targets)),
        )  # fmt: skip

    @property
    def last(self) -> CycleObject:
        """What was said of the last cycle."""
        return self._scene.reports[-1]

    def worker(self) -> Callable[[ShardMessage], str]:
        """A function environment of its own; gives why it skipped a message, if it did."""
        store = self._stack.enter_context(closing(open_state(f"sqlite:{self._scene.state}")))
        worker = self._stack.enter_context(closing(Worker(store, real_world(), allowed=is_allowed)))

        def run(message: ShardMessage) -> str:
            rounds = worker.run(message, owner=f"worker-{next(self._owners)}", budget_s=_BUDGET_S)
            report = next(rounds)  # the first is enough
            self._scene.reports.append(cycle_object(report))
            return report.skipped

        return run


def _twice(queue: _Queue) -> None:
    first, second = queue.worker(), queue.worker()
    for _ in range(3):
        message = queue.message()
        assert [first(message), first(message), second(message)] == ["", "repeated", "repeated"]


def _at_once(queue: _Queue) -> None:
    workers = [queue.worker() for _ in range(4)]
    with ThreadPoolExecutor(len(workers)) as pool:
        for _ in range(3):
            message = queue.message()
            skipped = sorted(pool.map(lambda run, message=message: run(message), workers))
            assert skipped[0] == ""
            assert set(skipped[1:]) <= {"held", "repeated"}


def _late(queue: _Queue) -> None:
    run = queue.worker()
    assert run(queue.message()) == ""
    assert run(queue.message(age_ms=600_000)) == "late"
    assert run(queue.message()) == ""
    for _ in range(_MORE):  # the machine may be slow
        if any(one["waiting"] for one in queue.last["backends"]):
            assert run(queue.message(age_ms=600_000)) == "late"


def _old(queue: _Queue) -> None:
    run = queue.worker()
    old, new = queue.message(), queue.message()
    assert [run(new), run(old), run(queue.message())] == ["", "repeated", ""]


def _with(drive: Callable[[_Queue], None]) -> Callable[[Scene], None]:
    def driven(scene: Scene) -> None:
        with ExitStack() as stack:
            drive(_Queue(scene, stack))

    return driven


DRIVES: dict[str, Callable[[Scene], None]] = {
    "cycles": fault_scene.cycles,
    "command": fault_scene.command,
    "killed": fault_scene.killed,
    "race": fault_scene.race,
    "folder": fault_scene.folder,
    "locked": fault_scene.locked,
    "twice": _with(_twice),
    "at once": _with(_at_once),
    "late": _with(_late),
    "old": _with(_old),
}
"""The ways to run the cycles of a row."""
