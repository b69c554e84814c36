"""SIGTERM and SIGINT: whatever hangs, a run ends in order within 10 s and loses nothing that it fetched."""

from __future__ import annotations

import json
import signal
import time
from contextlib import ExitStack
from typing import TYPE_CHECKING

import pytest

from tests.e2e.sender_scene import Scene, never, silent, steps
from tests.programs.commands import PUSHVAR, run_pushvar
from tests.programs.loopback import wait_until
from tests.programs.plain_sender import backend, child, full_backlog, good
from tests.programs.scripted_receiver import Reply

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


WITHIN_S = 10.0


@pytest.fixture
def scene(tmp_path: Path) -> Iterator[Scene]:
    """Give targets, a backend and a configuration."""
    with ExitStack() as stack:
        yield Scene(tmp_path, stack)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_hung_target(scene: Scene, number: int) -> None:
    """Its fetch is cut and tells nothing, neither up 0 nor a marker; what the others gave is delivered."""
    fine, hung = scene.target("good", steps), scene.target("hung", never)
    took_s, code, out = scene.stopped(lambda: bool(fine.asked and hung.asked), number)
    assert (code, took_s < WITHIN_S) == (0, True), took_s
    assert [value for _, value in scene.stored("step")] == [0]
    assert [value for _, value in scene.stored("up")] == [1]
    assert scene.stored("up", "hung") == []
    assert [one["reason"] for one in json.loads(out)["targets"]] == ["ok"]
    assert scene.waiting(out) == 0


def test_a_series_of_an_interrupted_target_does_not_end(scene: Scene) -> None:
    """A target that was up and is interrupted has no stale markers: nothing is known of it."""
    one = scene.target("good", lambda step: steps(step) if step != 1 else None)
    done = run_pushvar(*scene.arguments("--once"))
    assert done.returncode == 0, done.stdout
    took_s, code, _ = scene.stopped(lambda: one.asked == 2)
    assert (code, took_s < WITHIN_S) == (0, True), took_s
    scene.goes_on({"good": [0, 2]})
    assert [value for _, value in scene.stored("up")] == [1, 1]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_hung_backend(scene: Scene, number: int) -> None:
    """What it does not acknowledge is in the spool, all of it, and the next run delivers it first."""
    scene.behave = silent
    scene.target("good", steps)
    took_s, code, out = scene.stopped(lambda: bool(scene.backend.got), number)
    assert (code, took_s < WITHIN_S) == (0, True), took_s
    assert scene.stored("step") == []
    (lacking,) = (got.arrived.samples for got in scene.backend.got)
    assert scene.waiting(out) == len(lacking)
    report = scene.goes_on({"good": [0, 1]})
    assert report["backends"][0]["replayed"] == len(lacking)
    assert report["lost_cycles"] == 0


def test_both_hang(scene: Scene) -> None:
    """The fetch is cut, the push has a few seconds more, the rest is spooled: together still in time."""
    scene.behave = silent
    fine, hung = scene.target("good", steps), scene.target("hung", never)
    took_s, code, out = scene.stopped(lambda: bool(fine.asked and hung.asked))
    assert (code, took_s < WITHIN_S) == (0, True), took_s
    assert scene.waiting(out) == 6
    scene.jobs.pop()
    scene.goes_on({"good": [0, 1]})


def test_many_lanes_of_a_hung_backend(scene: Scene) -> None:
    """Twenty tenants, a request for each: none waits out its own timeout."""
    scene.behave = silent
    scene.remotes = [scene.remote("main", scene.backend.port, headers={"X-Scope-OrgID": "{customer_id}"})]
    for number in range(20):
        scene.target(f"job{number}", steps, customer_id=f"c{number}")
    took_s, code, out = scene.stopped(lambda: bool(scene.backend.got))
    assert (code, took_s < WITHIN_S) == (0, True), took_s
    assert scene.waiting(out) == 20 * 6
    scene.goes_on({f"job{number}": [0, 1] for number in range(20)})


def test_a_healthy_backend_beside_a_hung_one(scene: Scene) -> None:
    """The one has everything, the other's share is spooled."""
    other = scene.stack.enter_context(backend(lambda _number, arrived: silent(arrived)))
    scene.remotes.append(scene.remote("other", other.port))
    scene.target("good", steps)
    took_s, code, out = scene.stopped(lambda: bool(other.got and scene.backend.got))
    assert (code, took_s < WITHIN_S) == (0, True), took_s
    assert {one["backend"]: one["waiting"] for one in json.loads(out)["backends"]} == {"main": 0, "other": 6}
    other.script = lambda _number, arrived: good(arrived)
    scene.goes_on({"good": [0, 1]})
    taken = [value for got in other.got if got.status for _, _, value in got.arrived.samples]
    assert len(taken) == 12


@pytest.mark.parametrize("headers", [{}, {"Retry-After": "25"}], ids=["backoff", "Retry-After"])
def test_a_wait_between_two_tries(scene: Scene, headers: dict[str, str]) -> None:
    """Nothing is waited out and nothing tried again: it is spooled at once."""
    scene.behave = lambda _arrived: Reply(503, headers)
    queue = {"min_backoff": "30s", "max_backoff": "30s"}
    scene.remotes = [scene.remote("main", scene.backend.port, queue_config=queue)]
    scene.target("good", steps)
    took_s, code, out = scene.stopped(lambda: bool(scene.backend.got))
    assert (code, took_s < 3, len(scene.backend.got)) == (0, True, 1), took_s
    assert scene.waiting(out) == 6


def test_connections_that_are_never_accepted(scene: Scene) -> None:
    """Neither connecting to a target nor to a backend holds up the end."""
    fine = scene.target("good", steps)
    port = scene.stack.enter_context(full_backlog())
    scene.at("hung", f"127.0.0.1:{port}")
    scene.remotes = [scene.remote("main", port)]
    took_s, code, out = scene.stopped(lambda: bool(fine.asked))
    assert (code, took_s < WITHIN_S) == (0, True), took_s
    assert scene.waiting(out) == 6
    scene.jobs.pop()
    scene.remotes = [scene.remote("main", scene.backend.port)]
    scene.goes_on({"good": [0, 1]})


def test_an_idle_loop(scene: Scene) -> None:
    """Between two cycles it ends at once."""
    scene.target("good", steps)
    took_s, code, _ = scene.stopped(lambda: bool(scene.backend.got))
    assert (code, took_s < 2) == (0, True), took_s


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_second_signal_ends_at_once(scene: Scene, number: int) -> None:
    """Whoever asks twice does not want to wait; the next run still knows of the cycle that died."""
    scene.behave = silent
    scene.target("good", steps)
    with child([PUSHVAR, *scene.arguments()]) as process:
        wait_until(lambda: bool(scene.backend.got), timeout_s=20, what="a push")
        process.send_signal(number)
        time.sleep(0.5)
        assert process.poll() is None
        process.send_signal(number)
        assert process.wait(timeout=1) == -number


def test_one_cycle_that_is_interrupted(scene: Scene) -> None:
    """With --once too; its exit code says that a target is missing."""
    fine, hung = scene.target("good", steps), scene.target("hung", never)
    took_s, code, _ = scene.stopped(lambda: bool(fine.asked and hung.asked), signal.SIGTERM, "--once")
    assert (code, took_s < WITHIN_S) == (3, True), took_s
    assert [value for _, value in scene.stored("step")] == [0]


def test_a_dead_backend_in_plain_words(scene: Scene) -> None:
    """Run --once says how much is kept, what sends it and until when; the exit code is 4."""
    scene.times = {"scrape_interval": "1s", "scrape_timeout": "1s"}
    scene.remotes = [scene.remote("main", 1)]
    scene.target("good", steps)
    done = run_pushvar(*scene.arguments("--once"))
    assert done.returncode == 4
    assert done.stderr == (
        "main: 6 samples kept in the spool; the next run sends them first,"
        " if it comes within 10 min of their fetch\n"
    )
    lost = run_pushvar("run", "--config", scene.config(), "--once", "--state", "memory:")
    assert lost.returncode == 4
    assert lost.stderr == "main: 6 samples were not delivered and are lost; --state sqlite:FILE keeps them\n"
