"""What a shard could not deliver: kept durably by lane, oldest first, under the shard's lease.

A lane is one backend's, or one tenant's at a backend that keeps tenants apart. A body is the snappy block
of packed series of remote write 1.0: what 1.0 sends as it is, and what 2.0 is made from.
"""

from __future__ import annotations

from collections import defaultdict
from itertools import islice
from typing import TYPE_CHECKING, Any, Protocol

import snappy

from pushvar.errors import StateError
from pushvar.model import Batch, NewEntry

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from pushvar.model import Lease, SpoolEntry

_TOGETHER = 16
"""Bodies of one durable write: some 50 KB each."""

_ROUTE = "|"

Record = dict[str, Any]
"""What a lane remembers from cycle to cycle, as JSON: {} when there is nothing to say."""


def lane_key(backend: str, route: str = "") -> str:
    """The lane of a backend, or of one route of it."""
    name = backend.replace("%", "%25").replace(_ROUTE, "%7C")
    return f"{name}{_ROUTE}{route}" if route else name


def backend_of(lane: str) -> str:
    """The backend of a lane."""
    return lane.partition(_ROUTE)[0].replace("%7C", _ROUTE).replace("%25", "%")


def route_of(lane: str) -> str:
    """The key of the lane's route, "" when the backend has only one."""
    return lane.partition(_ROUTE)[2]


class SpoolStore(Protocol):
    """What the spool needs of the state store; ``state/protocol.py`` says what each does."""

    def spool_append(self, lease: Lease, lane: str, entries: Sequence[NewEntry]) -> tuple[SpoolEntry, ...]:
        """Store entries durably at the end of a lane."""

    def spool_entries(self, shard: str, lane: str | None = None) -> tuple[SpoolEntry, ...]:
        """What waits, oldest first."""

    def spool_body(self, entry: SpoolEntry) -> bytes:
        """The bytes of one entry."""

    def spool_acknowledge(self, lease: Lease, entries: Sequence[SpoolEntry]) -> None:
        """Remove entries."""


class Spool:
    """The lanes of one shard in one cycle. Several backends may use it at the same time.

    ``lanes`` is what the head is to remember of them. Methods raise StateError when the store fails.
    """

    def __init__(self, state: SpoolStore, lease: Lease) -> None:
        self._state = state
        self._lease = lease
        head = lease.head
        self._began: Mapping[str, Mapping[str, Any]] = head.lanes
        self.lanes: dict[str, Mapping[str, Any]] = dict(head.lanes)
        died = head.started_cycle > head.finished_cycle  # it may have spooled what no head tells of
        self._entries: dict[str, list[SpoolEntry]] = defaultdict(list)
        if died or any(record.get("waiting") for record in head.lanes.values()):
            for entry in state.spool_entries(lease.shard):
                self._entries[entry.lane].append(entry)

    @property
    def waiting(self) -> tuple[str, ...]:
        """The lanes in which something waits."""
        return tuple(lane for lane, entries in self._entries.items() if entries)

    def lanes_of(self, backend: str) -> tuple[str, ...]:
        """The lanes of a backend in which something waits."""
        return tuple(
            lane for lane, entries in self._entries.items() if entries and backend_of(lane) == backend
        )

    def record(self, lane: str) -> Record:
        """What the lane remembers."""
        return dict(self.lanes.get(lane, {}))

    def began(self, lane: str) -> Record:
        """What the lane remembered when the cycle began."""
        return dict(self._began.get(lane, {}))

    def remember(self, lane: str, record: Mapping[str, Any]) -> None:
        """What the lane is to remember; nothing is kept of an empty record."""
        if record:
            self.lanes[lane] = record
        else:
            self.lanes.pop(lane, None)

    def entries(self, lane: str) -> tuple[SpoolEntry, ...]:
        """What waits in a lane, oldest first."""
        return tuple(self._entries.get(lane, ()))

    def batch(self, entry: SpoolEntry) -> Batch:
        """An entry as it is sent. Raises StateError when its body is gone or damaged."""
        try:
            series = snappy.uncompress(self._state.spool_body(entry))
        except snappy.UncompressError as error:
            raise StateError(f"entry {entry.sequence} of lane {entry.lane} is damaged ({error})") from None
        return Batch((series,), entry.samples, len(series), (None,))

    def append_bodies(self, lane: str, bodies: Sequence[NewEntry]) -> tuple[SpoolEntry, ...]:
        """Store bodies of any form behind what waits, on disk when this returns. Raises StateError."""
        entries = self._state.spool_append(self._lease, lane, bodies)
        self._entries[lane] += entries
        return entries

    def body(self, entry: SpoolEntry) -> bytes:
        """The bytes of an entry. Raises StateError when they are gone."""
        return self._state.spool_body(entry)

    def append(self, lane: str, batches: Iterable[Batch], time_ms: int) -> int:
        """Store batches behind what waits, on disk when this returns; ``time_ms`` is their oldest sample.

        Gives the samples that were stored. Raises SpoolFailed, which knows them, when that were not all.
        """
        stored = 0
        rest = iter(batches)
        while bodies := [_new_entry(one, time_ms) for one in islice(rest, _TOGETHER)]:
            samples = sum(body.samples for body in bodies)
            try:
                self._entries[lane] += self._state.spool_append(self._lease, lane, bodies)
            except StateError as error:
                lost = samples + sum(one.samples for one in rest)
                raise SpoolFailed(str(error), stored, lost) from error
            stored += samples
        return stored

    def acknowledge(self, entries: Sequence[SpoolEntry]) -> None:
        """Remove delivered or dropped entries of one lane."""
        if entries:
            self._state.spool_acknowledge(self._lease, entries)
            gone = {entry.sequence for entry in entries}
            lane = entries[0].lane
            self._entries[lane] = [one for one in self._entries[lane] if one.sequence not in gone]


class SpoolFailed(StateError):
    """The store did not take everything: ``stored`` samples are safe, ``lost`` are not."""

    def __init__(self, message: str, stored: int, lost: int) -> None:
        super().__init__(message)
        self.stored = stored
        self.lost = lost


def _new_entry(batch: Batch, time_ms: int) -> NewEntry:
    return NewEntry(snappy.compress(b"".join(batch.parts)), batch.samples, time_ms)
