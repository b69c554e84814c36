"""What ``pushvar cost`` believes of a cycle is what a cycle does: calls, bytes and metrics, recorded."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from pushvar.app import worker
from pushvar.cli import cost
from pushvar.kit.cost_figures import Figures

from benchmarks.scaling_container import emitter
from tests.functions.cloudformation import of_type, properties
from tests.functions.deployment import Deployment, deploy, event, forward_event

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.programs.aws import Aws
    from tests.programs.databases import Database
    from tests.programs.servers import Server

FIGURES = Figures()
TARGETS = 100


@pytest.fixture
def calls(aws: Aws) -> Iterator[list[str]]:
    """Give the calls of AWS that are made in this process, as they come."""
    del aws  # the session must find it
    made: list[str] = []

    def note(model: Any, **_: Any) -> None:
        made.append(f"{model.service_model.service_name}.{model.name}")

    events = emitter()
    events.register("before-call", note)
    yield made
    events.unregister("before-call", note)


@pytest.fixture
def stack(aws: Aws, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Deployment]:
    """Give an empty deployment."""
    deployed = deploy(aws, tmp_path, monkeypatch.setenv)
    yield deployed
    for container in deployed.containers:
        container.close()


def logged(capsys: pytest.CaptureFixture[str]) -> list[str]:
    """Give what the handlers wrote since."""
    return [line for line in capsys.readouterr().out.splitlines() if line.startswith("{")]


def metrics_of(lines: list[str]) -> set[str]:
    """Give the names of the metrics in CloudWatch's embedded format."""
    found = (json.loads(line).get("_aws", {}).get("CloudWatchMetrics", ()) for line in lines)
    return {metric["Name"] for some in found for block in some for metric in block["Metrics"]}


def size(item: dict[str, Any]) -> int:
    """Count an item as DynamoDB does, about: names and values; a number takes up to 21 bytes."""
    values = (value for typed in item.values() for value in typed.values())
    return sum(map(len, item)) + sum(len(one) for one in values)


def within(figure: float, measured: float) -> bool:
    """Whether a figure is at least what was measured, and no more than three times that."""
    return measured <= figure <= 3 * measured


def test_a_cycle_is_what_the_estimate_counts(
    stack: Deployment,
    go_program: Server,
    prometheus: Database,
    calls: list[str],
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Writes of a warm cycle and a plan without change, bytes stored and logged, metrics, own series."""
    groups = [
        {"targets": [go_program.address], "labels": {"instance": f"i-{n}:80", "customer_id": f"c-{n % 9}"}}
        for n in range(TARGETS)
    ]
    jobs = [{"job_name": "figures", "static_configs": groups}]
    stack.configure(jobs, prometheus.write_url, settings={})
    plan, forward = stack.container("plan"), stack.container("forward")

    def cycle() -> tuple[list[str], list[str], list[str], list[str]]:
        calls.clear()
        plan(event("plan"))
        planned, plan_lines = [*calls], logged(capsys)
        records = stack.messages()
        calls.clear()
        assert forward(forward_event(records)) == {"batchItemFailures": []}
        return planned, plan_lines, [*calls], logged(capsys)

    cycle()
    planned, plan_lines, forwarded, lines = cycle()
    assert forwarded == ["dynamodb.UpdateItem"] * FIGURES.shard_writes
    assert [one for one in planned if one.startswith("dynamodb")] == [
        "dynamodb.UpdateItem"
    ] * FIGURES.plan_writes
    assert [one for one in planned if one.startswith(("sqs", "ssm"))] == [
        "ssm.GetParameter",
        "sqs.SendMessageBatch",
    ]
    assert len(metrics_of(plan_lines)) == FIGURES.plan_metrics
    assert len(metrics_of(lines)) == FIGURES.forward_metrics
    assert within(FIGURES.plan_log_bytes, sum(map(len, plan_lines)))
    assert within(FIGURES.cycle_log_bytes, sum(map(len, lines)))
    check_stored(stack, lines, prometheus.query('count({job="figures"})')[0][1] / TARGETS)


def check_stored(stack: Deployment, lines: list[str], series: float) -> None:
    """Compare the figures with what lies in the table; ``series`` are those of one target."""
    (sent,) = (json.loads(line)["backends"]["main"]["sent"] for line in lines if "backends" in line)
    assert within(FIGURES.own_series, sent - TARGETS * series)
    items = stack.aws.client("dynamodb").scan(TableName=stack.table)["Items"]

    def largest(kind: str) -> int:
        return max(size(one) for one in items if one["sk"]["S"] == kind and one["pk"]["S"] != "shard#plan")

    assert within(FIGURES.head_bytes, largest("head"))
    assert within(FIGURES.fingerprint_bytes, largest("fingerprints") / TARGETS)
    assert within(FIGURES.series_bytes, largest("series") / series)


def test_the_estimate_knows_the_template_and_the_worker() -> None:
    """No fewer alarms are paid for than are deployed, and as many shards are kept as the worker keeps."""
    assert within(FIGURES.alarms, len(of_type("AWS::CloudWatch::Alarm")))
    assert len(of_type("AWS::CloudWatch::Dashboard")) == FIGURES.dashboards
    assert FIGURES.kept_targets == worker._KEPT_TARGETS
    assert properties("ForwardFunction")["Timeout"] == cost._FUNCTION_S
