"""Alarms and dashboard: each metric is one that somebody really emits, each alarm has its runbook."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

import pytest

from tests.components import REPOSITORY
from tests.functions.cloudformation import of_type, properties, template
from tests.functions.deployment import Deployment, deploy, event, forward_event
from tests.functions.test_handlers import LOST, job, logged

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.programs.aws import Aws
    from tests.programs.faulty_server import FaultyServer

    Capsys = pytest.CaptureFixture[str]
    Metric = tuple[str, str, frozenset[str]]
    """Namespace, name, names of the dimensions."""

ALARMS = of_type("AWS::CloudWatch::Alarm")
RUNBOOK = (REPOSITORY / "docs" / "alarms.md").read_text()
FUNCTION, QUEUE = frozenset({"FunctionName"}), frozenset({"QueueName"})
VERSION = frozenset({"FunctionName", "Resource", "ExecutedVersion"})
OF_AWS = {
    ("AWS/Lambda", "Errors"): {FUNCTION, VERSION},
    ("AWS/Lambda", "Throttles"): {FUNCTION},
    ("AWS/Lambda", "Duration"): {FUNCTION},
    ("AWS/Lambda", "ConcurrentExecutions"): {FUNCTION},
    ("AWS/Lambda", "Url5xxCount"): {FUNCTION},
    ("AWS/SQS", "ApproximateNumberOfMessagesVisible"): {QUEUE},
    ("AWS/SQS", "ApproximateAgeOfOldestMessage"): {QUEUE},
}
"""Lambda's guide, "Types of metrics for Lambda functions" and "Monitoring function URLs"; the guide of SQS,
"Available CloudWatch metrics". FunctionName alone is of all versions and aliases."""
NOTHING = {"Ref": "AWS::NoValue"}


def metrics_of(alarm: Any) -> Iterator[tuple[str, str, list[dict[str, Any]]]]:
    """Namespace, name and dimensions of the metrics that an alarm looks at."""
    if "MetricName" in alarm:
        yield alarm["Namespace"], alarm["MetricName"], alarm["Dimensions"]
    for one in alarm.get("Metrics", ()):
        if "MetricStat" in one:
            metric = one["MetricStat"]["Metric"]
            yield metric["Namespace"], metric["MetricName"], metric["Dimensions"]


def kind(namespace: str, name: str, dimensions: list[dict[str, Any]]) -> Metric:
    """What identifies a metric but for whose it is."""
    return namespace, name, frozenset(one["Name"] for one in dimensions)


def widgets() -> list[dict[str, Any]]:
    """The dashboard's widgets, numbers put in for parameters."""
    text = properties("Dashboard")["DashboardBody"]["Fn::Sub"]
    drawn: list[dict[str, Any]] = json.loads(re.sub(r"(?<=: )\$\{\w+\}", "1", text))["widgets"]
    return drawn


def drawn() -> Iterator[tuple[Metric, dict[str, str]]]:
    """Each metric that a widget draws, with its dimensions."""
    for widget in widgets():
        for namespace, *more in widget["properties"].get("metrics", ()):
            if isinstance(namespace, str):
                name, *pairs = [one for one in more if isinstance(one, str)]
                dimensions = dict(zip(pairs[::2], pairs[1::2], strict=True))
                yield (namespace, name, frozenset(dimensions)), dimensions


@pytest.fixture
def stack(aws: Aws, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Deployment]:
    """Give an empty deployment."""
    deployed = deploy(aws, tmp_path, monkeypatch.setenv)
    yield deployed
    for container in deployed.containers:
        container.close()


@pytest.fixture
def emitted(stack: Deployment, faulty: FaultyServer, capsys: Capsys) -> set[tuple[Metric, str]]:
    """Give every metric that the functions emit: a plan, a cycle, a late shard, a lost one, a push."""
    address = faulty.url.removeprefix("http://")
    stack.configure([job("seen", address, metrics_path="/ok")], f"{faulty.url}/status/204")
    stack.cycle()
    stack.container("forward")(event("forward"))
    lost = {"messageId": "1", "body": LOST}
    stack.container("forward")(forward_event([lost, {**event("forward")["Records"][0], "messageId": "2"}]))
    stack.container("gateway")(event("gateway"))
    found = set()
    for line in logged(capsys):
        for said in line.get("_aws", {}).get("CloudWatchMetrics", ()):
            for metric in said["Metrics"]:
                for names in said["Dimensions"]:
                    found.add(((said["Namespace"], metric["Name"], frozenset(names)), line["service"]))
    return found


def test_what_is_watched_is_what_the_functions_emit(emitted: set[tuple[Metric, str]]) -> None:
    """By name and dimensions, as plan, cycle and push really write them; a typing error would be silent."""
    watched = {
        (kind(*metric), next(one["Value"] for one in metric[2] if one["Name"] == "service"))
        for alarm in ALARMS.values()
        for metric in metrics_of(alarm["Properties"])
        if metric[0] == "pushvar"
    }
    watched |= {(metric, whose["service"]) for metric, whose in drawn() if metric[0] == "pushvar"}
    assert len(watched) > 10
    assert watched - emitted == set()
    (search,) = re.findall(r"SEARCH\('\{pushvar,([^}]+)\} MetricName=\\\"(\w+)\\\"", dashboard_text())
    assert (("pushvar", search[1], frozenset(search[0].split(","))), "gateway") in emitted


def dashboard_text() -> str:
    """The dashboard as it is written."""
    text: str = properties("Dashboard")["DashboardBody"]["Fn::Sub"]
    return text


def test_whatever_else_is_watched_is_of_aws() -> None:
    """The names and dimensions of Lambda and SQS that their guides give."""
    seen = {kind(*metric) for alarm in ALARMS.values() for metric in metrics_of(alarm["Properties"])}
    seen |= {metric for metric, _ in drawn()}
    foreign = [one for one in seen if one[0] != "pushvar"]
    assert [one for one in foreign if one[2] not in OF_AWS.get(one[:2], set())] == []
    assert {one[:2] for one in foreign} == set(OF_AWS)


@pytest.mark.parametrize("name", ALARMS)
def test_an_alarm_leads_to_its_section(name: str) -> None:
    """It says in a sentence what it means and what is next, and names a section that there is."""
    said = properties(name)["AlarmDescription"]
    assert said.endswith(f"(docs/alarms.md, {name})")
    assert len(said) > 80
    assert RUNBOOK.count(f"\n## {name}\n") == 1
    section = RUNBOOK.partition(f"\n## {name}\n")[2].partition("\n## ")[0]
    for part in ("**It means**", "**Look first**", "**Do**"):
        assert part in section, part


def test_the_runbook_has_no_alarm_that_is_gone() -> None:
    """Its sections are the alarms of the template."""
    assert set(re.findall(r"^## (\w+Alarm)$", RUNBOOK, re.MULTILINE)) == set(ALARMS)


@pytest.mark.parametrize("name", ALARMS)
def test_an_alarm_is_told_also_when_it_is_over(name: str) -> None:
    """Where there is a topic. Silence is good news, but for the plans: there it is the alarm."""
    alarm = properties(name)
    told = {"Fn::If": ["HasAlarmTopic", [{"Ref": "AlarmTopicArn"}], NOTHING]}
    assert (alarm["AlarmActions"], alarm["OKActions"]) == (told, told)
    silence = "breaching" if name == "MissedCyclesAlarm" else "notBreaching"
    assert alarm["TreatMissingData"] == silence


@pytest.mark.parametrize("function", ["Plan", "Forward", "Gateway"])
def test_every_function_is_watched(function: str) -> None:
    """Its errors, its throttles and its time, which is measured by its own timeout."""
    timeout_s = properties(f"{function}Function")["Timeout"]
    used, duration = properties(f"{function}DurationAlarm")["Metrics"]
    assert used["Expression"] == f"duration / {timeout_s * 10}"  # ms by a hundredth of the timeout
    assert duration["MetricStat"]["Stat"] == "p99"
    for alarm, metric in (("Errors", "Errors"), ("Throttles", "Throttles"), ("Duration", "Duration")):
        ((_, name, dimensions),) = metrics_of(properties(f"{function}{alarm}Alarm"))
        assert name == metric
        assert dimensions == [{"Name": "FunctionName", "Value": {"Ref": f"{function}Function"}}]


def test_every_queue_of_what_was_put_aside_is_watched() -> None:
    """All but the queue of the work itself: one message is enough."""
    watched = {
        dimensions[0]["Value"]["Fn::GetAtt"][0]: alarm["Properties"]["Threshold"]
        for alarm in ALARMS.values()
        for namespace, _, dimensions in metrics_of(alarm["Properties"])
        if namespace == "AWS/SQS"
    }
    assert watched == dict.fromkeys(set(of_type("AWS::SQS::Queue")) - {"ShardQueue"}, 0)


@pytest.mark.parametrize(
    ("alarm", "threshold"),
    [
        ("UndeliveredAlarm", "UndeliveredSeconds"), ("FailedTargetsAlarm", "FailedTargetsPercent"),
        ("ForwardDurationAlarm", "ForwardDurationPercent"), ("ConcurrencyAlarm", "MaximumConcurrency"),
    ],
)  # fmt: skip
def test_a_threshold_is_a_parameter_where_it_is_a_matter_of_taste(alarm: str, threshold: str) -> None:
    """And each shows in the runbook."""
    assert properties(alarm)["Threshold"] == {"Ref": threshold}
    assert f"`{threshold}`" in RUNBOOK


def test_a_plan_that_is_missed_is_seen_only_while_there_is_a_schedule() -> None:
    """Every minute without a plan breaches; a schedule that is off is no fault."""
    alarm = template()["Resources"]["MissedCyclesAlarm"]
    assert alarm["Condition"] == "WatchesPlans"
    found = alarm["Properties"]
    assert (found["Statistic"], found["Period"]) == ("SampleCount", 60)
    assert found["EvaluationPeriods"] == {"Ref": "MissedAfterMinutes"}
    assert (found["ComparisonOperator"], found["Threshold"]) == ("LessThanThreshold", 1)


def test_the_dashboard_is_one_that_cloudwatch_takes() -> None:
    """JSON, widgets that lie beside each other on 24 columns, and alarms that are there in every stack."""
    places: set[tuple[int, int]] = set()
    for widget in widgets():
        across, down = range(widget["x"], widget["x"] + widget["width"]), range(widget["height"])
        cells = {(x, widget["y"] + y) for x in across for y in down}
        assert max(across) < 24
        assert not cells & places
        places |= cells
    shown = re.findall(r"\$\{(\w+Alarm)\.Arn\}", dashboard_text())
    assert set(shown) == {name for name, alarm in ALARMS.items() if "Condition" not in alarm}
