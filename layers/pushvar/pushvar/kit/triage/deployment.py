"""The tree for a deployment on AWS: the stack, its schedule, its queues, the alarms that ring, the heads."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pushvar.kit.triage.facts import Asked
from pushvar.kit.triage.tree import shards_step
from pushvar.kit.triage.verdict import BAD, OK, UNKNOWN, WARN, Finding, Step, Verdict, joined

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pushvar.kit.triage.facts import Shards, Stack

_STACK, _SCHEDULE, _LETTERS, _ALARM = 0, 1, 2, 4
_SOUND = ("CREATE_COMPLETE", "UPDATE_COMPLETE", "UPDATE_ROLLBACK_COMPLETE", "IMPORT_COMPLETE")
_BACKLOG = 2
"""Messages of the shard queue for each shard: more are cycles that nobody took."""

_LETTER_BOXES = {
    "ShardDeadLettersUrl": ("shards failed three times", "DeadLettersAlarm: look at the log of forward"),
    "MissedTicksUrl": ("ticks of the schedule made no plan", "MissedTicksAlarm: look at the log of plan"),
    "RefusedEventsUrl": ("pushed events were not taken", "RefusedEventsAlarm: look at their bodies"),
}
"""Output of the stack -> what a message there means, the section of docs/alarms.md and the first step."""


def stack_verdict(stack: Stack, shards: Shards | None, now_ms: int) -> Verdict:
    """The whole path; without a stack it ends at once."""
    return Verdict(f"the stack {stack.name}", tuple(_steps(stack, shards, now_ms)))


def _steps(stack: Stack, shards: Shards | None, now_ms: int) -> Iterator[Step]:
    found = None
    if stack.error:
        found = Finding(stack.error, stack.hint or "check the name, the region and the credentials", _STACK)
    elif stack.status not in _SOUND:
        found = Finding(
            f"the stack is {stack.status}", "look at its events in CloudFormation; deploy again", _STACK
        )
    said = stack.error or stack.status
    yield Step(
        "stack",
        f"CloudFormation, {stack.name}",
        BAD if found else OK,
        (said,),
        finding=found,
        sound="" if found else "the deployment",
    )
    if stack.error:
        return
    yield _schedule(stack)
    yield from _queues(stack, shards)
    yield _alarms(stack)
    if shards is not None:
        yield shards_step(Asked(""), shards, now_ms)


def _schedule(stack: Stack) -> Step:
    if not stack.schedule:
        return Step("schedule", "EventBridge Scheduler", UNKNOWN, ("it could not be read",))
    found = None
    if stack.schedule != "ENABLED":
        found = Finding(
            f"the schedule is {stack.schedule}: nothing wakes pushvar",
            "deploy again with ScheduleState=ENABLED",
            _SCHEDULE,
        )
    return Step(
        "schedule",
        "EventBridge Scheduler",
        BAD if found else OK,
        (stack.schedule,),
        finding=found,
        sound="" if found else "the schedule",
    )


def _queues(stack: Stack, shards: Shards | None) -> Iterator[Step]:
    for name, count in stack.queues.items():
        found = None
        if name in _LETTER_BOXES and count > 0:
            what, following = _LETTER_BOXES[name]
            found = Finding(f"{count:,} messages: {what}", f"docs/alarms.md, {following}", _LETTERS)
        elif count > _BACKLOG * (shards.count if shards else 1):
            found = Finding(
                f"{count:,} messages wait for forward, which does not keep up",
                "docs/alarms.md, ForwardThrottlesAlarm: look at MaximumConcurrency",
                _LETTERS,
            )
        title = f"queue {name.removesuffix('Url')}"
        if count < 0:
            yield Step(title, "SQS", UNKNOWN, ("it may not be read",))
            continue
        yield Step(
            title,
            "SQS",
            BAD if found else OK,
            (f"{count:,} messages",),
            finding=found,
            sound="" if found else title,
        )


def _alarms(stack: Stack) -> Step:
    if stack.alarms is None:
        return Step("alarms", "CloudWatch", UNKNOWN, ("they may not be read",))
    found = None
    if stack.alarms:
        found = Finding(
            f"these alarms ring: {joined(stack.alarms)}",
            f"docs/alarms.md, {stack.alarms[0]}, says what to look at first",
            _ALARM,
        )
    return Step(
        "alarms",
        "CloudWatch, in ALARM",
        WARN if found else OK,
        stack.alarms or ("none rings",),
        finding=found,
        sound="" if found else "all that has an alarm",
    )
