"""Targets -> shards, and the message that tells a shard's forwarder to run. Pure.

The assignment depends on a target's labels alone, so it is the same in every plan. It is the jump
consistent hash (Lamping and Veach, 2014): when the number of shards grows from n to m, only a share
of 1 - n/m of the targets moves. Targets of one group of a Pushgateway share a shard, because a group has
one writer: each PUT replaces it whole.
"""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Annotated

import msgspec
from msgspec import Meta

from pushvar.catalogue import GROUPING
from pushvar.collect.schedule import TICK_MS
from pushvar.errors import EventError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from pushvar.model import Labels, Target

TARGETS_PER_SHARD = 100
"""What a shard holds when nobody says how many there are."""

MOST_TARGETS_PER_SHARD = 500
"""More cannot be fetched by one function in time, nor by its 1,024 file descriptors."""

STAGGER_S = 20
"""How far the shards of a cycle are apart at most: targets and backends are not met by all at once."""

_SHARDS_PER_S = 5

MESSAGE_SCHEMA = 1

_MULTIPLIER = 2862933555777941757
_WORD = (1 << 64) - 1
_KEY_DIGITS = 16  # hex digits of a 64-bit number


def shard_count(targets: int, wanted: int) -> int:
    """How many shards there are: as many as ``wanted``, or by the number of targets when that is 0."""
    return wanted or max(1, -(-targets // TARGETS_PER_SHARD))


def shard_of(key: str, count: int) -> int:
    """The shard of a target, from 0 to ``count`` - 1. ``key`` is the target's, in hex digits."""
    state, chosen, following = int(key[:_KEY_DIGITS], 16), -1, 0
    while following < count:
        chosen = following
        state = (state * _MULTIPLIER + 1) & _WORD
        following = int((chosen + 1) * ((1 << 31) / ((state >> 33) + 1)))
    return chosen


def stagger_s(shard: int, count: int) -> int:
    """How long after the plan a shard begins, in seconds: always the same while the count is.

    The queue waits, so nobody pays for it.
    """
    return shard * min(STAGGER_S, count // _SHARDS_PER_S) // count


def assign(targets: Iterable[Target], count: int) -> tuple[tuple[Target, ...], ...]:
    """The targets of every shard, by shard; within one in the order of their keys."""
    shards: list[list[Target]] = [[] for _ in range(count)]
    for target in targets:
        shards[shard_of_labels(target.labels, count)].append(target)
    return tuple(tuple(sorted(shard, key=lambda target: target.key)) for shard in shards)


def shard_of_labels(labels: Labels, count: int) -> int:
    """The shard, from 0 to ``count`` - 1, of whatever target has these labels."""
    values = dict(labels)
    text = json.dumps([values.get(name, "") for name in GROUPING])
    return shard_of(hashlib.sha256(text.encode()).hexdigest(), count)


class ShardMessage(msgspec.Struct, frozen=True, kw_only=True):
    """What plan tells forward: run this shard's cycle with these documents.

    ``cycle`` names the cycle (the schedule's nominal time, Unix ms), ``planned_at`` is when the plan
    ran (Unix ms), from which lateness counts: after ``late_after_ms`` the next plan is there, which has
    newer work for the shard. The versions are documents of the state store (sha256). ``shards`` is how many
    there are (0: an older plan did not say), which tells a target that was removed from one that moved.
    ``config_taken`` is when plan took this version of the configuration (Unix ms; 0: it did not say), and
    ``config_outdated`` says that a newer one was refused since. ``groups`` are its pushed groups,
    key -> version; None where plan does not know them. ``layout`` numbers the layout of shards, and
    ``delay_s`` is how long the queue keeps the message back. ``correlation`` names the plan in logs.
    """

    schema: int = MESSAGE_SCHEMA
    cycle: Annotated[int, Meta(gt=0)]
    planned_at: Annotated[int, Meta(gt=0)]
    late_after_ms: Annotated[int, Meta(gt=0)] = TICK_MS
    shard: Annotated[str, Meta(pattern=r"^(0|[1-9][0-9]{0,5})\Z")]
    config_version: Annotated[str, Meta(pattern=r"^[0-9a-f]{64}\Z")]
    slice_version: Annotated[str, Meta(pattern=r"^[0-9a-f]{64}\Z")]
    shards: Annotated[int, Meta(ge=0)] = 0
    config_taken: Annotated[int, Meta(ge=0)] = 0
    config_outdated: bool = False
    groups: dict[str, str] | None = None
    layout: Annotated[int, Meta(ge=0)] = 0
    delay_s: Annotated[int, Meta(ge=0, le=STAGGER_S)] = 0
    correlation: Annotated[str, Meta(max_length=100)] = ""

    @property
    def due_ms(self) -> int:
        """When its cycle is to begin, in Unix ms."""
        return self.planned_at + self.delay_s * 1000

    def text(self) -> str:
        """The message as it is sent: one line of JSON."""
        return msgspec.json.encode(self).decode()


def read_message(text: str | bytes) -> ShardMessage:
    """The message in a queue record's body. Raises EventError that says what is wrong with it."""
    try:
        message = msgspec.json.decode(text, type=ShardMessage)
    except (msgspec.MsgspecError, UnicodeError) as error:
        raise EventError(f"not a shard message: {error}", hint="only plan writes to this queue") from None
    if message.schema != MESSAGE_SCHEMA:
        raise EventError(
            f"shard message of schema {message.schema}, this pushvar reads {MESSAGE_SCHEMA}",
            hint="deploy plan and forward of one version",
        )
    return message


def records_of(event: object) -> list[tuple[str, str]]:
    """The (message id, body) pairs of an SQS event. Raises EventError when it is none."""
    try:
        return [(record.messageId, record.body) for record in msgspec.convert(event, _SqsEvent).Records]
    except msgspec.ValidationError as error:
        hint = "invoke it with events/forward.json, or by its queue"
        raise EventError(f"not an SQS event: {error}", hint=hint) from None


class _SqsRecord(msgspec.Struct):
    messageId: str  # noqa: N815 - SQS' spelling
    body: str


class _SqsEvent(msgspec.Struct):
    Records: list[_SqsRecord]
