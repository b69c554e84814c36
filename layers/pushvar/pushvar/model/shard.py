"""What a shard is in the state store: its head, its lease, what it spooled."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True, slots=True)
class Head:
    """What a shard remembers from cycle to cycle.

    ``started_cycle`` > ``finished_cycle`` on a fresh lease means that a cycle died on the way.
    ``counters`` accumulate the self-metrics; ``lanes`` holds one JSON object per lane (what the
    backend speaks, when that was learnt). ``layout`` numbers the layout of shards that it last worked in.
    """

    started_cycle: int = 0
    finished_cycle: int = 0
    counters: Mapping[str, float] = field(default_factory=dict)
    lanes: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    layout: int = 0


@dataclass(frozen=True, slots=True)
class ShardState:
    """What a shard is at this moment, seen without its lease; ``held_until_ms`` is 0 while it is free."""

    head: Head
    held_until_ms: int = 0

    def rests(self, now_ms: int, *, since: int) -> bool:
        """Whether it has finished the cycle ``since``, nobody works on it, and nothing waits in its spool."""
        head = self.head
        waits = any(record.get("waiting") for record in head.lanes.values())
        idle = head.started_cycle <= head.finished_cycle and self.held_until_ms <= now_ms
        return idle and head.finished_cycle >= since and not waits


@dataclass(frozen=True, slots=True)
class Lease:
    """The right to write one shard, until ``expires_ms`` or until somebody takes it over."""

    shard: str
    owner: str
    fence: int
    expires_ms: int
    head: Head


@dataclass(frozen=True, slots=True)
class NewEntry:
    """A batch that is to wait: its body, the samples in it, and the time of the oldest of them."""

    body: bytes
    samples: int
    time_ms: int


@dataclass(frozen=True, slots=True)
class SpoolEntry:
    """One undelivered batch in a lane; ``time_ms`` is its oldest sample. The body is read apart.

    ``place`` is where the store put the body, when the other fields do not tell it.
    """

    shard: str
    lane: str
    sequence: int
    time_ms: int
    samples: int
    size_bytes: int
    place: str = ""
