"""Since when groups of a Pushgateway are down, and which of them are to be deleted for it. Pure.

While its targets are down, a group says ``up 0`` for ever. After a while it is deleted, once, and nothing
is pushed to it until a target of it is up again. A lane remembers this from cycle to cycle, of groups that
are down only.
"""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING

from pushvar.deliver.groups import Group

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping

Since = tuple[int, int]
"""Since when a group is down, 0 once it is deleted, and when it was looked at last; both Unix ms."""

UNSEEN_MS = 86_400_000
"""What was not looked at for so long is forgotten: its targets were removed, or moved to another shard."""


def digest(key: tuple[str, ...]) -> str:
    """A short name of a group, for what is remembered of it; equal for keys that have one address."""
    plain = [value.encode("utf-8", "replace").decode() for value in key]
    return hashlib.blake2b(json.dumps(plain).encode(), digest_size=8).hexdigest()


class Outages:
    """What ``known`` says of the groups that are down, at ``now_ms``; ``limit_ms`` 0 deletes none."""

    def __init__(self, known: Mapping[str, Since], limit_ms: int, now_ms: int) -> None:
        self._known = dict(known) if limit_ms else {}
        self._limit_ms = limit_ms
        self._now_ms = now_ms
        self._over: dict[tuple[str, ...], str] = {}

    def wanted(self, groups: Iterable[Group]) -> list[Group]:
        """The groups as they are to be: to be deleted without scrapes, those that are deleted left out."""
        if not self._limit_ms:
            return list(groups)
        return [wanted for group in groups if (wanted := self._wanted(group)) is not None]

    def _wanted(self, group: Group) -> Group | None:
        name = digest(group.key)
        if not group.scrapes or not group.down:
            self._known.pop(name, None)
            return group
        since_ms = min(self._known.get(name, (self._now_ms,))[0], self._now_ms)
        self._known[name] = (since_ms, self._now_ms)
        if not since_ms:
            return None
        if self._now_ms - since_ms < self._limit_ms:
            return group
        self._over[group.key] = name
        return Group(group.key, ())

    def remembered(self, settled: Collection[tuple[str, ...]]) -> dict[str, Since]:
        """What is known after the cycle; ``settled`` groups are deleted, or their DELETE waits safely."""
        for key, name in self._over.items():
            if key in settled:
                self._known[name] = (0, self._now_ms)
        oldest_ms = self._now_ms - max(UNSEEN_MS, 2 * self._limit_ms)
        return {name: since for name, since in self._known.items() if since[1] >= oldest_ms}
