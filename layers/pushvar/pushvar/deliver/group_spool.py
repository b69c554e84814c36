"""What waits of one Pushgateway's groups: at most one state of each, the newest.

The lane's record says which entry is of which group, so that what is superseded need not be read. An
entry that no record tells of was stored by a cycle that died, and says it itself.
"""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING

from pushvar.deliver.group_states import waiting_state
from pushvar.deliver.outages import digest
from pushvar.errors import StateError

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator

    from pushvar.deliver.group_states import GroupState
    from pushvar.deliver.spool import Record, Spool
    from pushvar.deliver.tally import Tally
    from pushvar.model import SpoolEntry

AGE_LIMIT_MS = 3_600_000
"""How long samples wait: who looks at a gateway takes them for current, and after an hour nobody should."""

EMPTY_AGE_LIMIT_MS = 86_400_000
"""How long a DELETE waits, or a PUT without samples: nothing old appears with it, and without it the group
stays for ever."""

SIZE_LIMIT = 64 * 1024 * 1024
"""Bytes that wait for one gateway: some 30,000 groups of 60 series."""

_TOGETHER = 16
"""States of one durable write."""

_WORDS = {
    "too_old": "waited for too long",
    "superseded": "gave way to a newer state of their group",
    "spool_full": "were the oldest of a full spool",
}


class GroupSpool:
    """The lane ``key`` of a spool as groups, by the digests of their keys; ``tally`` counts what is given up.

    ``failed`` is why the store could not forget something, which then still waits.
    """

    def __init__(self, spool: Spool, key: str, tally: Tally, now_ms: int) -> None:
        self.failed: StateError | None = None
        self._spool = spool
        self._key = key
        self._tally = tally
        self._entries: dict[str, SpoolEntry] = {}
        self._names: dict[int, str] = {}
        self._expire(now_ms)
        self._load()

    def __bool__(self) -> bool:
        """Whether anything waits."""
        return bool(self._spool.entries(self._key))

    @property
    def groups(self) -> tuple[str, ...]:
        """The groups of which something waits, the oldest first."""
        return tuple(self._entries)

    def read(self, group: str) -> GroupState:
        """What a group is to be. Raises StateError when it cannot be read."""
        return self._state(self._entries[group])

    def keep(self, states: Iterator[GroupState]) -> Iterator[GroupState]:
        """Store states, and forget what they supersede; gives those that are stored, on disk by then."""
        while chunk := list(islice(states, _TOGETHER)):
            try:
                stored = self._spool.append_bodies(self._key, [state.entry() for state in chunk])
            except StateError as error:
                lost = sum(state.samples for state in chunk) + sum(state.samples for state in states)
                self._tally.error = str(error)
                self._give_up("spool_failed", lost, str(error))
                return
            names = [digest(state.key) for state in chunk]
            self.forget(names, "superseded")
            for name, entry in zip(names, stored, strict=True):
                self._add(name, entry)
            yield from chunk

    def forget(self, groups: Iterable[str], reason: str, words: str = "") -> bool:
        """Let what waits of these groups go, if anything does, and count it; "" counts nothing.

        False when the store failed: then it waits on.
        """
        return self._forget([self._entries[name] for name in groups if name in self._entries], reason, words)

    def bound(self) -> None:
        """Let the oldest go for the lane to keep its size."""
        entries = self._spool.entries(self._key)
        over = sum(entry.size_bytes for entry in entries) - SIZE_LIMIT
        for entry in entries:
            if over <= 0:
                return
            over -= entry.size_bytes
            self._forget([entry], "spool_full")

    def record(self) -> Record:
        """What the lane is to remember: where what waits of each group is."""
        entries = self._spool.entries(self._key)
        if not entries:
            return {}
        return {
            "waiting": sum(entry.samples for entry in entries) or len(entries),  # a DELETE has no samples
            "since_ms": min(entry.time_ms for entry in entries),
            "groups": {name: entry.sequence for name, entry in self._entries.items()},
        }

    def waiting(self) -> tuple[int, int]:
        """The samples that wait, and the time of the oldest."""
        entries = self._spool.entries(self._key)
        times_ms = (entry.time_ms for entry in entries if entry.samples)
        return sum(entry.samples for entry in entries), min(times_ms, default=0)

    def _expire(self, now_ms: int) -> None:
        def old(entry: SpoolEntry) -> bool:
            return now_ms - entry.time_ms > (AGE_LIMIT_MS if entry.samples else EMPTY_AGE_LIMIT_MS)

        self._forget([entry for entry in self._spool.entries(self._key) if old(entry)], "too_old")

    def _load(self) -> None:
        groups = self._spool.record(self._key).get("groups", {})
        known = {sequence: name for name, sequence in groups.items()}
        for entry in self._spool.entries(self._key):
            try:
                name = known.get(entry.sequence) or digest(self._state(entry).key)
            except StateError as error:  # it stays until it can be read, or is too old
                self._tally.error = str(error)
                continue
            self.forget([name], "superseded")
            self._add(name, entry)

    def _add(self, name: str, entry: SpoolEntry) -> None:
        self._entries.pop(name, None)  # the newest stands last
        self._entries[name] = entry
        self._names[entry.sequence] = name

    def _state(self, entry: SpoolEntry) -> GroupState:
        return waiting_state(self._spool.body(entry), entry.samples, entry.time_ms)

    def _forget(self, entries: Collection[SpoolEntry], reason: str, words: str = "") -> bool:
        try:
            self._spool.acknowledge([*entries])
        except StateError as error:
            self.failed = error
            self._tally.error = str(error)
            return False
        for entry in entries:
            name = self._names.pop(entry.sequence, "")
            if self._entries.get(name) is entry:
                del self._entries[name]
        samples = sum(entry.samples for entry in entries)
        if reason:
            self._give_up(reason, samples, words or f"{samples} samples {_WORDS[reason]}")
        return True

    def _give_up(self, reason: str, samples: int, words: str) -> None:
        if samples:
            self._tally.give_up(reason, samples, words)
