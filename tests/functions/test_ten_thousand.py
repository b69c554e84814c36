"""Ten thousand targets, each with a port of its own, in one cycle of the real functions on this machine.

The time is printed and gates nothing; ``docs/scaling.md`` has a run on two cores.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from benchmarks import scaling_run, servers, workload
from tests.programs import databases
from tests.programs.local_aws import local_aws

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from benchmarks.scaling_run import Cycle
    from tests.programs.databases import Database

TARGETS, SHARDS, ENVIRONMENTS = 10_000, 100, 4
TENANTS = 40  # of the workload


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    """Give a VictoriaMetrics that has room for 600,000 series."""
    flags = ("-memory.allowedBytes=1GiB", "-search.maxUniqueTimeseries=2000000")
    with databases.victoria_metrics(tmp_path, *flags) as server:
        yield server


def told(cycle: Cycle) -> str:
    """Sum a cycle up in one line."""
    cpu_us = sum(one.cpu_s for one in cycle.forwards) / TARGETS * 1e6
    return (
        f"{cycle.wall_s:.1f} s for {TARGETS:,} targets, of these {cycle.plan.wall_s:.1f} s plan;"
        f" {cpu_us:.0f} µs of CPU a target; {max(one.rss_mb for one in cycle.forwards):.0f} MB at most"
    )


def test_ten_thousand_targets(database: Database, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The first cycle and the next: every target is fetched once in each and all its samples arrive."""
    servers.raise_file_limit()
    with (
        local_aws(tmp_path) as aws,
        scaling_run.fleet(TARGETS, ENVIRONMENTS, aws.aws, database.write_url, tmp_path) as fleet,
    ):
        for number in (1, 2):
            cycle = fleet.cycle()
            with capsys.disabled():
                print(f"\ncycle {number}: {told(cycle)}")  # noqa: T201 - the figure is what one runs it for
            assert (cycle.plan.answer["targets"], len(cycle.forwards)) == (TARGETS, SHARDS)
            assert {one.summary["shard"] for one in cycle.forwards} == set(map(str, range(SHARDS)))
            assert (cycle.scraped, cycle.sent) == (TARGETS, TARGETS * workload.SERIES)
            check(database, number)


def check(database: Database, cycles: int) -> None:
    """Every target was up once in each cycle, and every one of its series has a sample of each."""
    up = database.query('count(sum_over_time(up{job="pay-orders"}[10m]) == ' + f"{cycles})")
    assert [value for _, value in up] == [TARGETS]
    stored = 0.0
    for tenant in range(TENANTS):  # one by one: a query of 600,000 series would take its time
        window = f'{{job="pay-orders", customer_id="cust-{tenant:03}"}}[10m]'
        stored += sum(value for _, value in database.query(f"sum(count_over_time({window}))"))
    assert stored == TARGETS * workload.SERIES * cycles
