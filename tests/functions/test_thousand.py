"""A thousand targets through Parameter Store, queue, table and bucket; a real Go program behind them."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from tests.functions.deployment import Deployment, deploy, event, forward_event

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.programs.aws import Aws
    from tests.programs.databases import Database
    from tests.programs.servers import Server

TARGETS = 1_000


@pytest.fixture
def stack(aws: Aws, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Deployment]:
    """Give an empty deployment."""
    deployed = deploy(aws, tmp_path, monkeypatch.setenv)
    yield deployed
    for container in deployed.containers:
        container.close()


def target(address: str, number: int) -> dict[str, Any]:
    """One of many that are the same program: an instance of its own, seven tenants."""
    instance = f"10.0.{number >> 8}.{number & 255}:80"
    return {"targets": [address], "labels": {"instance": instance, "customer_id": f"c{number % 7}"}}


def test_a_thousand_targets(
    stack: Deployment, go_program: Server, prometheus: Database, capsys: pytest.CaptureFixture[str]
) -> None:
    """Ten shards, ten small messages: every target is fetched once a cycle and all its samples arrive."""
    groups = [target(go_program.address, number) for number in range(TARGETS)]
    stack.configure([{"job_name": "fleet", "static_configs": groups}], prometheus.write_url)
    plan, forward = stack.container("plan"), stack.container("forward")
    for _ in range(2):
        planned = plan(event("plan"))
        records = stack.messages()
        assert (planned["targets"], planned["shards"], len(records)) == (TARGETS, 10, 10)
        assert max(len(record["body"]) for record in records) < 450
        assert forward(forward_event(records)) == {"batchItemFailures": []}
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines() if line.startswith("{")]
    forwarded = [line for line in lines if line.get("message") == "forwarded"]
    assert sum(line["targets"]["ok"] for line in forwarded) == 2 * TARGETS
    assert [line for line in forwarded if {"spooled", "dropped"} & line["backends"]["main"].keys()] == []
    stored = prometheus.query('sum by (customer_id) (count_over_time(up{job="fleet"}[5m]))')
    assert len(stored) == 7
    assert sum(value for _labels, value in stored) == 2 * TARGETS
    (series,) = prometheus.query('count({job="fleet"})')
    assert 2 * series[1] == sum(line["backends"]["main"]["sent"] for line in forwarded)
