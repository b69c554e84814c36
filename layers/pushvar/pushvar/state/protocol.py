"""The state protocol: what a store must do, for SQLite and AWS alike.

Every write that belongs to a shard is made under its lease and is refused with ``LeaseLost`` once a
newer lease exists: the fencing number decides, not the clock of the writer. Reads are strongly
consistent. A store does no I/O when it is constructed, only when it is asked something.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True, slots=True)
class Head:
    """What a shard remembers from cycle to cycle.

    ``started_cycle`` > ``finished_cycle`` on a fresh lease means that a cycle died on the way.
    ``counters`` accumulate the self-metrics; ``lanes`` holds one JSON object per lane (what the
    backend speaks, when that was learnt).
    """

    started_cycle: int = 0
    finished_cycle: int = 0
    counters: Mapping[str, float] = field(default_factory=dict)
    lanes: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Lease:
    """The right to write one shard, until ``expires_ms`` or until somebody takes it over."""

    shard: str
    owner: str
    fence: int
    expires_ms: int
    head: Head


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


class StateStore(Protocol):
    """One store for everything that must survive a process. All methods may raise StateError."""

    def acquire(self, shard: str, owner: str, *, cycle: int, now_ms: int, ttl_ms: int) -> Lease | None:
        """Take the shard's lease, or give None while another owner holds a live one.

        The fence grows by one with every success. The returned head is the one before this call;
        the stored head's ``started_cycle`` becomes ``cycle``.
        """

    def renew(self, lease: Lease, *, now_ms: int, ttl_ms: int) -> Lease:
        """Prolong a lease that is still ours; raises LeaseLost otherwise."""

    def commit(self, lease: Lease, head: Head, *, release: bool = False) -> None:
        """Replace the shard's head; raises LeaseLost when a newer lease exists.

        ``release`` gives the lease back in the same write: all of it happens or nothing.
        """

    def release(self, lease: Lease) -> None:
        """Give the lease back early. Not an error when it is already lost."""

    def put_document(self, body: bytes) -> str:
        """Store an immutable document under its sha256 (hex), which is returned. Idempotent."""

    def get_document(self, digest: str) -> bytes | None:
        """The document of that hash, or None."""

    def set_pointer(self, name: str, digest: str) -> None:
        """Point a name (``config/last_good``) at a document."""

    def get_pointer(self, name: str) -> str | None:
        """The hash that a name points at, or None."""

    def spool_append(self, lease: Lease, lane: str, body: bytes, *, samples: int, time_ms: int) -> SpoolEntry:
        """Store a batch durably at the end of a lane; it is on disk when this returns."""

    def spool_entries(self, shard: str, lane: str | None = None) -> tuple[SpoolEntry, ...]:
        """What waits in one lane, or in all lanes of the shard, oldest first."""

    def spool_body(self, entry: SpoolEntry) -> bytes:
        """The bytes of one entry; raises StateError when they are gone."""

    def spool_acknowledge(self, lease: Lease, entry: SpoolEntry) -> None:
        """Remove a delivered or dropped entry. Idempotent."""

    def fingerprints(self, shard: str) -> Mapping[str, bytes]:
        """Target key -> fingerprint of its series set, for every target the shard remembers."""

    def set_fingerprints(self, lease: Lease, fingerprints: Mapping[str, bytes]) -> None:
        """Replace the shard's fingerprints as one item."""

    def series(self, target_key: str) -> bytes | None:
        """The full series set of a target as it was stored, or None. It belongs to no shard."""

    def set_series(self, lease: Lease, target_key: str, body: bytes | None) -> None:
        """Store a target's series set, or forget it (None)."""

    def close(self) -> None:
        """Release files and connections."""
