"""The benchmark of the gateways, small: both take every push, and what is lost is found."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from benchmarks import gateway
from benchmarks.gateway_servers import PUSHERS, PUSHGATEWAY, PUSHVAR, Pushers
from benchmarks.gateway_servers import gateway as run_gateway
from benchmarks.servers import Failed

if TYPE_CHECKING:
    from pathlib import Path


def test_both_gateways_are_pushed_to() -> None:
    """Each pusher pushes once at least, at each size, and all of it arrives."""
    found = gateway.run((0, 20), seconds=0.01, rounds=1)
    assert [(load.gateway, load.stored) for load in found.loads] == [
        (name, stored) for stored in (0, 20) for name in (PUSHGATEWAY, PUSHVAR)
    ]
    for load in found.loads:
        assert load.pushes >= PUSHERS
        assert min(load.per_s.low, load.median_ms.low, load.cpu_ms.low, load.alone_ms, load.rss_mb) > 0
        assert load.p99_ms.median >= load.median_ms.median
    assert len(gateway.section(found).rows) == 6


@pytest.mark.parametrize("name", [PUSHGATEWAY, PUSHVAR])
def test_a_lost_push_is_found(name: str, tmp_path: Path) -> None:
    """A pusher whose last push is not in the store stops the benchmark, as does a group too few."""
    pushers = Pushers(tmp_path)
    with run_gateway(name, tmp_path, pushers, 3) as running:
        pushed = pushers.load(running.url, pushers=2, seconds=0.01, first=5)
        running.demand_arrived(3, pushed.last)
        lost = replace(pushed, last=(pushed.last[0], pushed.last[1] + 1))
        with pytest.raises(Failed, match="lost pushes"):
            running.demand_arrived(3, lost.last)
        with pytest.raises(Failed, match="3 of 4 stored groups"):
            running.demand_arrived(4, pushed.last)


def test_a_refused_push_is_found(tmp_path: Path) -> None:
    """What a gateway refuses is no figure: its words are shown."""
    pushers = Pushers(tmp_path)
    with run_gateway(PUSHGATEWAY, tmp_path, pushers, 0) as running, pytest.raises(Failed, match="HTTP 404"):
        pushers.load(f"{running.url}/elsewhere", pushers=1, seconds=0.01, first=1)
