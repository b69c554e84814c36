"""What docs/observability.md and docs/alarms.md name, against the code: nothing is missing or made up."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from pushvar.app.planner import Planned
from pushvar.app.push_line import push_line
from pushvar.app.records import Outcome
from pushvar.app.summary import cycle_line, plan_line, plan_metrics, target_lines, unit_of
from pushvar.catalogue import SKIPPED
from pushvar.errors import ConfigError, EventError, StateError
from pushvar.jobs.exchange import PushReply, PushRequest
from pushvar.model import Report

from tests.components import REPOSITORY
from tests.functions.cloudformation import of_type, properties, template
from tests.unit.test_journal import MESSAGE
from tests.unit.test_summary import AWAY, HEALTHY, NOW_MS, report

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

PAGE = (REPOSITORY / "docs" / "observability.md").read_text("utf-8")
RUNBOOK = (REPOSITORY / "docs" / "alarms.md").read_text("utf-8")

NEVER_HERE = {"state"}
"""A skipped cycle of ``pushvar run`` alone: on Lambda such a message fails, and comes again."""

_LITERAL = re.compile(r'add_metric\((?:name=)?"(\w+)"')
_ROW = re.compile(r"^\| `(\w+)` \| (\w+) \| (\w+) \| [^|]+ \|(?: `(\w+)`)? \|$", re.MULTILINE)

PLANNED = Planned(
    5, 6, "v", 2, 1, {"0": "Throttling"}, (ConfigError("a", "wrong"),), skipped="held", resizing=3
)
BAD = replace(report(HEALTHY, AWAY, reasons=("ok", "timeout")), lost_cycles=1, detail="groups are not sent")


def documented() -> dict[str, tuple[str, str, str]]:
    """The page's table: metric -> unit, function, alarm."""
    section = PAGE.partition("\n## Metrics\n")[2].partition("\n## ")[0]
    rows = _ROW.findall(section)
    assert len(rows) == section.count("\n| `"), "a row that is not read"
    found = {name: (unit, function, alarm) for name, unit, function, alarm in rows}
    assert len(found) == len(rows)
    return found


def outcomes() -> Iterable[Outcome]:
    """A message of every fate."""
    yield Outcome("m", BAD, message=MESSAGE)
    for reason in SKIPPED.keys() - NEVER_HERE:
        yield Outcome("m", Report("0", 5, NOW_MS, 0.0, skipped=reason), message=MESSAGE)
    yield Outcome("m", error=EventError("not a shard message"))
    yield Outcome("m", error=StateError("away"), message=MESSAGE)


def emitted() -> dict[str, set[str]]:
    """Function -> the metrics that its code gives."""
    made = {
        "plan": {*plan_metrics(PLANNED), *plan_metrics(replace(PLANNED, skipped=""))},
        "forward": {name for one in outcomes() for name in one.metrics},
        "gateway": set[str](),
    }
    for function, names in made.items():
        names.update(
            _LITERAL.findall((REPOSITORY / "functions" / function / "handler.py").read_text("utf-8"))
        )
    return made


def test_every_metric_is_in_the_table_and_no_other() -> None:
    """Made up by the code on reports of every kind, and the few that handlers name themselves."""
    said: dict[str, set[str]] = {"plan": set(), "forward": set(), "gateway": set()}
    for name, (_, function, _) in documented().items():
        said[function].add(name)
    assert said == emitted()


def test_metrics_are_added_in_known_places_only() -> None:
    """Else the test before would not know of one."""
    places = [
        *(REPOSITORY / "functions").rglob("*.py"),
        *(REPOSITORY / "layers/pushvar/pushvar").rglob("*.py"),
    ]
    adding = {
        path.parent.name + "/" + path.name for path in places if "add_metric(" in path.read_text("utf-8")
    }
    assert adding == {"plan/handler.py", "gateway/handler.py", "app/journal.py"}


def test_units_are_those_that_are_sent() -> None:
    """The unit follows from the name."""
    assert {name: unit for name, (unit, _, _) in documented().items()} == {
        name: unit_of(name) for name in documented()
    }


def watched() -> dict[str, str]:
    """Metric of ours -> the alarm that watches it."""
    found: dict[str, str] = {}
    for alarm in of_type("AWS::CloudWatch::Alarm"):
        own = properties(alarm)
        inner = [one["MetricStat"]["Metric"] for one in own.get("Metrics", ()) if "MetricStat" in one]
        found |= {one["MetricName"]: alarm for one in (own, *inner) if one.get("Namespace") == "pushvar"}
    return found


def test_alarms_of_the_table_are_those_of_the_template() -> None:
    """Both ways: no alarm is forgotten, none is made up."""
    assert {name: alarm for name, (_, _, alarm) in documented().items() if alarm} == watched()


def fields(line: Mapping[str, Any]) -> set[str]:
    """The names in a line, those of each backend too."""
    backends = line.get("backends", {}).values()
    return {*line, *(name for one in backends for name in one)}


@pytest.mark.parametrize(
    ("section", "lines"),
    [
        ("plan", [plan_line(PLANNED) | {"correlation_id": ""}]),
        ("forward", [*(one.line for one in outcomes()), cycle_line(BAD), *target_lines(BAD)]),
        (
            "gateway",
            [
                push_line(
                    PushRequest("PUT", "/metrics/job/a", {"x-request-id": "r"}, b"1", "arn"),
                    PushReply(400, outcome="malformed", detail="wrong", customer_id="acme"),
                )
            ],
        ),
    ],
)
def test_every_field_is_explained(section: str, lines: list[dict[str, Any]]) -> None:
    """In the section of its function."""
    text = PAGE.partition(f"\n### {section}\n")[2].partition("\n### ")[0]
    assert text
    assert {name for line in lines for name in fields(line) if f"`{name}`" not in text} == set()


def test_every_alarm_has_its_section_in_order() -> None:
    """The runbook and the template name the same alarms, and the section says the same four things."""
    sections = re.split(r"^## ", RUNBOOK, flags=re.MULTILINE)[1:]
    assert [one.partition("\n")[0] for one in sections] == list(of_type("AWS::CloudWatch::Alarm"))
    for one in sections:
        assert [
            word for word in ("It means", "Look first", "Do", "Harmless") if f"**{word}**" not in one
        ] == []


def test_parameters_that_the_pages_name_are_the_templates() -> None:
    """A parameter with another name would be looked for in vain."""
    table = re.findall(r"^\| `(\w+)` \| \d+[;|\s]", RUNBOOK, flags=re.MULTILINE)
    assert len(table) == 5
    parameters = template()["Parameters"]
    assert [
        name
        for name in (*table, "AlarmTopicArn", "LogSample", "LogLevel", "Tracing")
        if name not in parameters
    ] == []
    shown = dict(re.findall(r"^\| `(\w+)` \| (\d+)", RUNBOOK, flags=re.MULTILINE))
    assert shown == {name: str(parameters[name]["Default"]) for name in table}
