"""What the functions write: which lines, at which level, and what stands in them."""

from __future__ import annotations

import json
from dataclasses import replace
from io import StringIO
from typing import Any
from uuid import uuid4

import pytest
from aws_lambda_powertools import Logger
from aws_lambda_powertools.metrics import EphemeralMetrics
from pushvar.app.journal import Journal
from pushvar.app.log_lines import LOG_SAMPLE, is_kept, log_share
from pushvar.app.planner import Planned
from pushvar.app.push_line import PushJournal
from pushvar.app.records import Outcome
from pushvar.app.summary import unit_of
from pushvar.collect.shards import ShardMessage
from pushvar.errors import ConfigError, EventError, StateError
from pushvar.jobs.exchange import PushReply, PushRequest
from pushvar.model import Report

from tests.unit.test_summary import AWAY, HEALTHY, STALLED, report

MESSAGE = ShardMessage(
    cycle=5, planned_at=6, shard="0", config_version="a" * 64, slice_version="b" * 64, correlation="plan-1"
)
NONE = {LOG_SAMPLE: "0"}
CHANGED = replace(HEALTHY, error="503", retries=1)


class Written:
    """A function's logger and metrics, and what they wrote."""

    def __init__(self, environment: dict[str, str], level: str = "INFO") -> None:
        self._stream = StringIO()
        logger = Logger(service=uuid4().hex, level=level, stream=self._stream, location=None)
        self.metrics = EphemeralMetrics(namespace="pushvar", service="test")
        self.journal = Journal(logger, self.metrics, environment)  # type: ignore[arg-type]
        self.pushes = PushJournal(logger, self.metrics, environment)  # type: ignore[arg-type]

    @property
    def lines(self) -> list[dict[str, Any]]:
        """The lines."""
        return [json.loads(line) for line in self._stream.getvalue().splitlines()]


def written(
    outcome: Outcome, environment: dict[str, str] = NONE, level: str = "INFO"
) -> list[dict[str, Any]]:
    """The lines of one outcome."""
    made = Written(environment, level)
    made.journal.outcome(outcome, 7.04)
    return made.lines


def well() -> Report:
    """A cycle without anything to say."""
    return report(HEALTHY)


def test_a_quiet_cycle_is_sampled() -> None:
    """It is there when its name is in the share, whole or not at all; at DEBUG it is always there."""
    (line,) = written(Outcome("m", well(), message=MESSAGE), {})
    assert (line["message"], line["level"], line["left_s"]) == ("forwarded", "INFO", 7.0)
    assert (line["shard"], line["cycle"]) == ("0", 5)
    assert (line["message_id"], line["correlation_id"]) == ("m", "plan-1")
    assert written(Outcome("m", well(), message=MESSAGE)) == []
    assert [one["message"] for one in written(Outcome("m", well()), level="DEBUG")] == ["target", "forwarded"]


@pytest.mark.parametrize(
    ("found", "level"),
    [
        (report(HEALTHY, reasons=("ok", "timeout")), "INFO"),
        (report(AWAY), "WARNING"),
        (report(STALLED), "WARNING"),
        (report(CHANGED), "WARNING"),
        (report(HEALTHY.drop("refused", 1)), "WARNING"),
        (replace(well(), lost_cycles=1), "WARNING"),
        (replace(well(), detail="groups are not sent in this cycle"), "INFO"),
        (Report("0", 5, 5, 0.0, skipped="held"), "INFO"),
        (Report("0", 5, 5, 0.0, skipped="late", detail="90 s old"), "WARNING"),
    ],
)
def test_what_is_not_quiet_is_always_written(found: Report, level: str) -> None:
    """A warning where samples are late or lost, whatever the share."""
    assert [line["level"] for line in written(Outcome("m", found, message=MESSAGE))] == [level]


def test_rounds_of_a_cycle_are_kept_together() -> None:
    """Every function asks for the plan's cycle: all of its lines are there, or none."""
    share = {LOG_SAMPLE: "0.5"}
    for cycle in range(1, 40):
        made, message = Written(share), replace_cycle(cycle * 60_000)
        made.journal.plan(Planned(message.cycle, 1, "v", 1, 1, {}, ()), "plan-1")
        for offset in (0, 20_000, 40_000):
            made.journal.outcome(
                Outcome("m", replace(well(), cycle=message.cycle + offset), message=message), 1
            )
        assert len(made.lines) in {0, 4}


def replace_cycle(cycle: int) -> ShardMessage:
    """The message of another cycle."""
    return ShardMessage(cycle=cycle, planned_at=6, shard="0", config_version="a" * 64, slice_version="b" * 64)


def test_a_share_is_a_share() -> None:
    """Of many cycles about so many are kept; 0 keeps none, 1 and nothing said keep all."""
    minutes = [1_795_173_600_000 + 60_000 * number for number in range(2_000)]
    kept = {
        share: sum(is_kept({LOG_SAMPLE: share}, one) for one in minutes) for share in ("0", "0.1", "1", "")
    }
    assert (kept["0"], kept["1"], kept[""]) == (0, 2_000, 2_000)
    assert 120 < kept["0.1"] < 280


@pytest.mark.parametrize("text", ["-0.1", "1.1", "all", "nan", "inf", "1,0"])
def test_a_share_that_is_none(text: str) -> None:
    """It is named with what to write."""
    with pytest.raises(ConfigError, match=f"{LOG_SAMPLE}: '.*' is no share; write a number from 0 to 1"):
        log_share({LOG_SAMPLE: text})


def test_a_target_has_a_line_at_debug_only() -> None:
    """With its tenant, what it took, and why it is down."""
    found = Outcome("m", report(HEALTHY, reasons=("ok", "timeout")), message=MESSAGE)
    lines = [line for line in written(found, {}, "DEBUG") if line["message"] == "target"]
    assert [line["level"] for line in lines] == ["DEBUG"] * 2
    assert {"customer_id": "a", "instance": "i", "job": "pay", "target": "http://a/debug/vars"}.items() <= (
        lines[1].items()
    )
    assert (lines[1]["reason"], lines[1]["detail"]) == ("timeout", "no answer")
    assert {"shard": "0", "cycle": 5, "correlation_id": "plan-1", "message_id": "m"}.items() <= lines[
        0
    ].items()
    assert [line["message"] for line in written(found, {})] == ["forwarded"]


def test_an_error_names_its_cycle() -> None:
    """A shard that failed, with its traceback; a message that says nothing has no cycle to name."""
    try:
        raise StateError("the store is away")  # noqa: TRY301 - a traceback is wanted
    except StateError as error:
        (failed,) = written(Outcome("m", error=error, message=MESSAGE))
    assert (failed["message"], failed["shard"], failed["cycle"]) == ("shard failed", "0", 5)
    assert "Traceback" in failed["exception"]
    (dropped,) = written(Outcome("m", error=EventError("not a shard message")))
    assert (dropped["level"], dropped["message_id"]) == ("ERROR", "m")
    assert not {"shard", "correlation_id", "exception"} & dropped.keys()


def test_rounds_add_up() -> None:
    """Several reports of one invocation are several values of each metric: CloudWatch's Sum is their sum."""
    made = Written({})
    for _ in range(3):
        made.journal.outcome(Outcome("m", report(AWAY, reasons=("ok", "dns")), message=MESSAGE), 1)
    blob: Any = made.metrics.serialize_metric_set()
    assert (blob["Cycles"], blob["Targets"], blob["SamplesSpooled"]) == ([1.0] * 3, [2.0] * 3, [50.0] * 3)
    units = {one["Name"]: one["Unit"] for one in blob["_aws"]["CloudWatchMetrics"][0]["Metrics"]}
    assert {name for name, unit in units.items() if unit == "Seconds"} == {"CycleSeconds", "SpoolAgeSeconds"}
    assert all(units[name] == unit_of(name) for name in units)
    assert unit_of("WireBytes") == "Bytes"


@pytest.mark.parametrize(
    ("reply", "environment", "level"),
    [
        (PushReply(200, outcome="stored"), {}, "INFO"),
        (PushReply(202, outcome="deleted"), {}, "INFO"),
        (PushReply(200, outcome="stored"), NONE, None),
        (PushReply(200, outcome="shown"), {}, None),
        (PushReply(400, outcome="malformed"), NONE, "WARNING"),
        (PushReply(503, outcome="unavailable"), NONE, "ERROR"),
    ],
)
def test_lines_of_pushes(reply: PushReply, environment: dict[str, str], level: str | None) -> None:
    """What was refused always, of what was taken a share, of what was only looked at nothing."""
    for request in (None, PushRequest("PUT", "/metrics/job/a", {"x-request-id": "r"})):
        made = Written(environment)
        made.pushes.tell(request, reply, "invocation")
        assert [line["level"] for line in made.lines] == ([level] if level else [])
        names = [line["correlation_id"] for line in made.lines]
        assert names == (["r" if request else "invocation"] if level else [])
