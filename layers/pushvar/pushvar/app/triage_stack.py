"""A deployment on AWS, looked at: CloudFormation, the schedule, queues, alarms. Nothing is changed."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from pushvar.errors import StateError
from pushvar.kit.triage.facts import Stack
from pushvar.net.aws import aws_client, in_plain_words

if TYPE_CHECKING:
    from pushvar.errors import PushvarError

_QUEUES = ("ShardQueueUrl", "ShardDeadLettersUrl", "MissedTicksUrl", "RefusedEventsUrl")
_COUNT = "ApproximateNumberOfMessages"
_ALARM = re.compile(r"([A-Za-z]+Alarm)")


def look_at_stack(name: str) -> tuple[Stack, str]:
    """What the stack is, and where its state lies, "" when unknown. Raises ConfigError without boto3."""
    try:
        with in_plain_words(f"the stack {name}", _refused):
            stack = aws_client("cloudformation").describe_stacks(StackName=name)["Stacks"][0]
            outputs = {one["OutputKey"]: one["OutputValue"] for one in stack.get("Outputs", ())}
    except StateError as error:
        return Stack(name, error=error.message, hint=error.hint), ""
    found = Stack(
        name,
        status=stack["StackStatus"],
        schedule=_schedule(outputs.get("ScheduleName", "")),
        queues=_queues(outputs),
        alarms=_alarms(name),
    )
    return found, outputs.get("State", "")


def _refused(message: str, hint: str) -> PushvarError:
    return StateError(message, hint=hint)


def _schedule(name: str) -> str:
    """ENABLED, DISABLED or MISSING; "" when it may not be read."""
    if not name:
        return ""
    try:
        with in_plain_words("the schedule", _refused):
            return str(aws_client("scheduler").get_schedule(Name=name)["State"])
    except StateError as error:
        return "MISSING" if "NotFound" in error.message else ""


def _queues(outputs: dict[str, Any]) -> dict[str, int]:
    """How many messages are in each queue; -1 for one that may not be read."""
    return {name: _messages(outputs[name]) for name in _QUEUES if name in outputs}


def _messages(url: str) -> int:
    try:
        with in_plain_words("the queue", _refused):
            got = aws_client("sqs").get_queue_attributes(QueueUrl=url, AttributeNames=[_COUNT])
    except StateError:
        return -1
    return int(got["Attributes"][_COUNT])


def _alarms(name: str) -> tuple[str, ...] | None:
    """The logical names of the stack's alarms that ring; None when they may not be read."""
    try:
        with in_plain_words("the alarms", _refused):
            pages = aws_client("cloudwatch").get_paginator("describe_alarms")
            ringing = [
                one["AlarmName"]
                for page in pages.paginate(AlarmNamePrefix=f"{name}-", StateValue="ALARM")
                for one in page["MetricAlarms"]
            ]
    except StateError:
        return None
    return tuple(match[1] if (match := _ALARM.search(one)) else one for one in ringing)
