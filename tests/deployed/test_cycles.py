"""Cycles of the deployed stack, from Parameter Store to Prometheus: on good days, and when something dies."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.deployed import scene
from tests.deployed.scene import TENANT
from tests.programs.faulty_server import faulty_server
from tests.programs.loopback import wait_until
from tests.programs.own_address import reachable

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.deployed.scene import Backend
    from tests.deployed.stack import Stack

REDELIVERED_S = 60.0  # within it a message that was not answered has come back, see hastened


@pytest.fixture(scope="module")
def backend(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Backend]:
    """Give a Prometheus of this file's own: it is stopped and started."""
    with scene.backend(tmp_path_factory.mktemp("backend")) as running:
        yield running


def test_every_cycle_brings_every_series(
    stack: Stack, backend: Backend, orders_binary: Path, tmp_path: Path
) -> None:
    """A real Go program, registered through Parameter Store, is in Prometheus once for each cycle."""
    with scene.target(orders_binary, tmp_path) as (address, _):
        stack.configure(scene.document(backend, scene.job("orders", address)))
        planned = [stack.cycle() for _ in range(3)]
    assert [(one["targets"], one["shards"], one["problems"]) for one in planned] == [(1, 1, [])] * 3
    ups = backend.up(job="orders", instance=address, **TENANT)
    assert [value for _, value in ups] == [1.0, 1.0, 1.0]
    assert [time for time, _ in ups] == sorted({time for time, _ in ups})
    for name in ("orders_placed_total", "go_memstats_alloc_bytes", "go_goroutines", "scrape_samples_scraped"):
        ((labels, samples),) = backend.database.samples(f'{name}{{job="orders"}}')
        assert TENANT.items() <= labels.items()
        assert [time for time, _ in samples] == [time for time, _ in ups], name
    assert stack.waiting() == 0
    assert stack.waiting("ShardDeadLettersUrl") == 0


def test_a_target_that_dies_is_down(
    stack: Stack, backend: Backend, orders_binary: Path, tmp_path: Path
) -> None:
    """``up`` becomes 0, its series end, and the cycle's line names it and why."""
    with scene.target(orders_binary, tmp_path) as (address, program):
        stack.configure(scene.document(backend, scene.job("mortal", address)))
        stack.cycle()
        assert len(backend.database.query('orders_placed_total{job="mortal"}')) == 1
        program.end()
        stack.cycle()
    assert [value for _, value in backend.up(job="mortal")] == [1.0, 0.0]
    assert backend.database.query('orders_placed_total{job="mortal"}') == []
    (down,) = stack.cycles()[-1]["down"]
    assert f"http://{address}/debug/vars" in down


def test_a_backend_that_is_away_misses_nothing(
    stack: Stack, backend: Backend, orders_binary: Path, tmp_path: Path
) -> None:
    """What was fetched meanwhile waits in the state, and is sent first, in order, when it is back.

    This Prometheus takes no sample that is older than the newest of its series, so that it has all shows
    that they came in order.
    """
    with scene.target(orders_binary, tmp_path) as (address, _):
        stack.configure(scene.document(backend, scene.job("patient", address)))
        stack.cycle()
        backend.stop()
        away = [stack.cycle()["cycle"] for _ in range(2)]
        lines = {line["cycle"]: line["backends"]["main"] for line in stack.cycles()}
        waiting = [lines[cycle]["waiting"] for cycle in away]
        assert 0 < waiting[0] < waiting[1]
        backend.start_again()
        back = stack.cycle()["cycle"]
    last = stack.cycles()[-1]
    assert (last["cycle"], last["backends"]["main"]["replayed"]) == (back, waiting[1])
    assert "waiting" not in last["backends"]["main"]
    ups = backend.up(job="patient")
    assert [value for _, value in ups] == [1.0] * 4
    ((_, placed),) = backend.database.samples('orders_placed_total{job="patient"}')
    assert [time for time, _ in placed] == [time for time, _ in ups]
    assert [value for _, value in placed] == sorted(value for _, value in placed)


def test_a_function_that_dies_is_made_up_for(
    stack: Stack, backend: Backend, orders_binary: Path, tmp_path: Path
) -> None:
    """Killed while it waits for a target: nobody else writes while its lease lasts, then its message is back.

    The second attempt fetches and sends; it counts the one that was lost.
    """
    with (
        scene.target(orders_binary, tmp_path) as (address, _),
        faulty_server() as faulty,
        reachable(faulty.url.removeprefix("http://")) as slow,
    ):
        hanging = scene.job("hanging", slow, metrics_path="/hang")
        stack.configure(scene.document(backend, scene.job("survivor", address), hanging))
        killed = stack.plan()["cycle"]
        wait_until(lambda: "/hang" in faulty.paths(), timeout_s=30, what="a fetch in the cycle to be killed")
        assert stack.aws.kill(stack.outputs["ForwardFunctionName"]) >= 1
        meanwhile = stack.cycle()["cycle"]
        assert [line["skipped"] for line in stack.cycles() if line["cycle"] == meanwhile] == ["held"]
        assert backend.up(job="survivor") == []
        stack.wait_for(killed, within_s=REDELIVERED_S)
    (line,) = (line for line in stack.cycles() if line["cycle"] == killed)
    assert (line.get("skipped"), line["lost_cycles"]) == (None, 1)
    assert [value for _, value in backend.up(job="survivor")] == [1.0]
    wait_until(lambda: stack.waiting() == 0, timeout_s=10, what="an empty queue")
    assert stack.waiting("ShardDeadLettersUrl") == 0
