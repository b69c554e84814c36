"""How many shards there are, and how one number becomes another: by drain and switch. Pure.

A target that moves to another shard must not be overtaken: what its old shard has in hand goes out before
the new one sends anything. So a new number is only wished for at first. From then on every plan looks
whether all shards have finished what they were last given and hold nothing back; the first that finds it
so switches. When a backend stays away for longer than samples are kept, it switches all the same, and the
shards give up, counted, what they still hold.

The layout lies in the head of a shard of its own, so plans take turns and a switch happens once.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import msgspec

from pushvar.collect.groups import GROUPS_PER_SHARD
from pushvar.collect.shards import shard_count
from pushvar.model import Head

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pushvar.config.schema import Config
    from pushvar.model import ShardState

PLAN_SHARD: Final = "plan"
"""The shard whose head is the plan's own; its lease is the right to plan."""

GATEWAY_PATIENCE_MS: Final = 3_600_000
"""How long samples wait for a Pushgateway."""

_SHRINK: Final = 2
"""A fleet may become this many times smaller before shards are taken away: it would come and go else."""

_LANE: Final = "layout"


class Layout(msgspec.Struct, frozen=True):
    """The shards there are, and those there are to be.

    ``number`` tells layouts apart, it grows with every switch. While ``wanted`` is not 0, that many shards
    are wished for since ``since_ms``; ``asked`` is the last cycle that the present shards were given, and
    ``snapshot`` the version of the targets in it.
    """

    shards: int
    number: int = 0
    wanted: int = 0
    since_ms: int = 0
    asked: int = 0
    snapshot: str = ""

    @property
    def names(self) -> list[str]:
        """The shards' names."""
        return [str(shard) for shard in range(self.shards)]

    def toward(self, wanted: int, now_ms: int) -> Layout:
        """The same shards, with the wish for so many."""
        if wanted == self.shards:
            return Layout(self.shards, self.number)
        return msgspec.structs.replace(self, wanted=wanted, since_ms=self.since_ms or now_ms)

    def given(self, cycle: int, snapshot: str) -> Layout:
        """The same, once the present shards have been given a cycle more."""
        if not self.wanted:
            return self
        return msgspec.structs.replace(self, asked=cycle, snapshot=snapshot)

    def switched(self) -> Layout:
        """The shards that were wished for."""
        return Layout(self.wanted, self.number + 1)

    def drained(self, states: Mapping[str, ShardState], now_ms: int) -> bool:
        """Whether all shards have finished what they were given and hold nothing back."""
        if not self.asked or len(states) < self.shards:
            return False
        return all(state.rests(now_ms, since=self.asked) for state in states.values())

    def overdue(self, states: Mapping[str, ShardState], patience_ms: int, now_ms: int) -> bool:
        """Whether it has been waited long enough; not while a shard is at work."""
        if not self.asked or now_ms - self.since_ms < patience_ms:
            return False
        return all(state.held_until_ms <= now_ms for state in states.values())


def wanted_shards(targets: int, groups: int, present: int) -> int:
    """How many shards there should be, when nobody says; ``present`` is 0 before there are any."""
    least = max(shard_count(targets, 0), -(-groups // GROUPS_PER_SHARD))
    return present if least <= present <= _SHRINK * least else least


def patience_ms(config: Config) -> int:
    """How long samples may wait for any of the backends: longer, nothing that waits is worth waiting for."""
    limits = [remote.queue_config.sample_age_limit.ms for remote in config.remote_write]
    return max([*limits, *([GATEWAY_PATIENCE_MS] if config.pushgateways else [])], default=0)


def layout_of(head: Head) -> Layout | None:
    """The layout in the plan's head; None before there was any."""
    record = head.lanes.get(_LANE)
    return None if record is None else msgspec.convert(record, Layout)


def head_of(layout: Layout, cycle: int) -> Head:
    """The plan's head, once a cycle is given out in a layout."""
    record: dict[str, Any] = msgspec.to_builtins(layout)
    return Head(cycle, cycle, lanes={_LANE: record}, layout=layout.number)
