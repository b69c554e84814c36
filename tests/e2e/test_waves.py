"""What has left before the slow targets answered, when the backend is away or the process is killed."""

from __future__ import annotations

import json
import math
import threading
import time
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

import pytest

from tests.e2e.sender_scene import Scene, never, steps
from tests.programs.commands import PUSHVAR, run_pushvar
from tests.programs.loopback import wait_until
from tests.programs.plain_sender import child, good
from tests.programs.scripted_receiver import Reply

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tests.programs.commands import Completed
    from tests.programs.scripted_receiver import Arrived

AWAY, KEPT = Reply(503), 4
SHORT = {"scrape_interval": "3s", "scrape_timeout": "3s"}
LEASE_ENDS_WITHIN_S = 40.0


@pytest.fixture
def scene(tmp_path: Path) -> Iterator[Scene]:
    """Give targets, a backend and a configuration whose cycles are short."""
    with ExitStack() as stack:
        yield Scene(tmp_path, stack, times=SHORT)


class Late:
    """A target that answers its first request only when it is let, and says which it is."""

    def __init__(self) -> None:
        self.let = threading.Event()

    def __call__(self, step: int) -> str:
        """The page."""
        self.let.wait(20)
        return steps(step)


def test_a_backend_that_comes_back_between_a_wave_and_the_rest(scene: Scene) -> None:
    """It refuses the wave until the last target has answered: all arrives in this cycle, each sample once."""
    late = Late()

    def behave(arrived: Arrived) -> Reply:
        if late.let.is_set():
            return good(arrived)
        late.let.set()
        return AWAY

    done = _run_with(scene, late, behave)
    assert done.returncode == 0, done.stdout + done.stderr
    refused, *taken = scene.backend.got
    assert {dict(labels)["job"] for labels, _, _ in refused.arrived.samples} == {"good"}
    assert taken[0].arrived.samples == refused.arrived.samples
    for job in ("good", "late"):
        assert [value for _, value in scene.stored("step", job)] == [0]
        assert [value for _, value in scene.stored("up", job)] == [1]
    (backend,) = json.loads(done.stdout)["backends"]
    assert (backend["sent"], backend["waiting"], backend["error"]) == (12, 0, "")


def test_a_backend_that_is_away_when_a_wave_leaves_and_later(scene: Scene) -> None:
    """Wave and rest are in the spool, in this order; the next run sends both before anything newer."""
    late = Late()

    def behave(_arrived: Arrived) -> Reply:
        late.let.set()
        return AWAY

    done = _run_with(scene, late, behave)
    assert done.returncode == KEPT, done.stdout + done.stderr
    (backend,) = json.loads(done.stdout)["backends"]
    assert (backend["sent"], backend["spooled"], backend["waiting"]) == (0, 12, 12)
    assert backend["dropped"] == {}
    scene.backend.got.clear()
    report = scene.goes_on({"good": [0, 1], "late": [0, 1]})
    assert report["backends"][0]["replayed"] == 12
    assert report["lost_cycles"] == 0
    arrived = [value for got in scene.backend.got for labels, _, value in got.arrived.samples
               if dict(labels)["__name__"] == "step"]  # fmt: skip
    assert arrived == [0, 0, 1, 1]


def test_a_process_that_is_killed_between_a_wave_and_the_end_of_its_cycle(scene: Scene) -> None:
    """The wave has arrived and is not sent again; the cycle counts as lost, and what vanished is marked."""
    scene.target("good", lambda step: steps(step) + ("extra 7\n" if step == 0 else ""))
    scene.target("hung", never)
    with child([PUSHVAR, *scene.arguments("--once", "--json")]) as process:
        wait_until(lambda: bool(scene.backend.got), timeout_s=20, what="a wave")
        time.sleep(0.2)
        process.kill()
        process.communicate()
    assert [value for _, value in scene.stored("extra")] == [7]
    scene.jobs.pop()
    report = _when_the_lease_has_ended(scene)
    assert report["lost_cycles"] == 1
    assert report["backends"][0]["replayed"] == 0
    assert [value for _, value in scene.stored("step")] == [0, 1]
    extra = [value for _, value in scene.stored("extra")]
    assert extra[0] == 7
    assert [*map(math.isnan, extra)] == [False, True]


def _run_with(scene: Scene, late: Late, behave: Callable[[Arrived], Reply]) -> Completed:
    """One cycle of a target that answers at once and a late one, to a backend that behaves so."""
    scene.behave = behave
    scene.target("good", steps)
    scene.target("late", late)
    return run_pushvar(*scene.arguments("--once", "--json"))


def _when_the_lease_has_ended(scene: Scene) -> dict[str, Any]:
    """The report of the next cycle: nobody gets the shard of a killed process before its time is over."""
    until_s = time.monotonic() + LEASE_ENDS_WITHIN_S
    while time.monotonic() < until_s:
        done = run_pushvar(*scene.arguments("--once", "--json"))
        report: dict[str, Any] = json.loads(done.stdout)
        if not report["skipped"]:
            assert done.returncode == 0, done.stdout + done.stderr
            return report
        time.sleep(0.5)
    raise AssertionError(report)
