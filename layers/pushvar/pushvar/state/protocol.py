"""The state protocol: what a store must do, for SQLite and AWS alike.

Every write that belongs to a shard is made under its lease and is refused with ``LeaseLost`` once a
newer lease exists: the fencing number decides, not the clock of the writer. Reads are strongly
consistent. A store does no I/O when it is constructed, only when it is asked something.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Protocol

from pushvar.model import Group, GroupHead, Head, Lease, NewEntry, ShardState, SpoolEntry

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

TYPES_PER_TENANT: Final = 10_000
"""Names in a tenant's type table: a program that invents names without end fills its own table only."""

TYPES_BYTES: Final = 300_000
"""Bytes of all names in a tenant's type table: then it is one item of DynamoDB (400 KB), however it packs."""

SHAPES_PER_TENANT: Final = 100
"""Shapes of a tenant's groupings: who looks for a series in every group it may be in asks once for each."""

SHAPES_BYTES: Final = 100_000
"""Bytes of all shapes of a tenant, as JSON: then they are one small item of DynamoDB."""

__all__ = [
    "SHAPES_BYTES", "SHAPES_PER_TENANT", "TYPES_BYTES", "TYPES_PER_TENANT",
    "Group", "GroupHead", "Head", "Lease", "NewEntry", "ShardState", "SpoolEntry", "StateStore",
]  # fmt: skip


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

    def look(self, shards: Collection[str]) -> Mapping[str, ShardState]:
        """What these shards are now; one that never had a lease is not in the answer. It takes no lease."""

    def put_document(self, body: bytes) -> str:
        """Store an immutable document under its sha256 (hex), which is returned. Idempotent."""

    def get_document(self, digest: str) -> bytes | None:
        """The document of that hash, or None."""

    def set_pointer(self, name: str, digest: str) -> None:
        """Point a name (``config/last_good``) at a document; the one that it leaves may be taken away.

        It stays as long as another name points at it.
        """

    def get_pointer(self, name: str) -> str | None:
        """The hash that a name points at, or None."""

    def spool_append(self, lease: Lease, lane: str, entries: Sequence[NewEntry]) -> tuple[SpoolEntry, ...]:
        """Store batches durably at the end of a lane, in this order; they are on disk when this returns.

        When it raises, all of them or the first few are there, never one without those before it.
        Without entries nothing is written, and the lease is not looked at.
        """

    def spool_entries(self, shard: str, lane: str | None = None) -> tuple[SpoolEntry, ...]:
        """What waits in one lane, or in all lanes of the shard, oldest first."""

    def spool_body(self, entry: SpoolEntry) -> bytes:
        """The bytes of one entry; raises StateError when they are gone."""

    def spool_acknowledge(self, lease: Lease, entries: Sequence[SpoolEntry]) -> None:
        """Remove delivered or dropped entries, oldest first, of any lanes of the lease's shard.

        Idempotent. When it raises, all of them or the oldest few are gone. Without entries nothing
        is written, and the lease is not looked at.
        """

    def fingerprints(self, shard: str) -> Mapping[str, bytes]:
        """Target key -> fingerprint of its series set, for every target the shard remembers."""

    def set_fingerprints(self, lease: Lease, fingerprints: Mapping[str, bytes]) -> None:
        """Replace the shard's fingerprints as one item."""

    def series(self, target_keys: Collection[str]) -> Mapping[str, bytes]:
        """The series sets of these targets as they were stored; one without is not in the answer.

        They belong to no shard, so a target that moves to another keeps its own.
        """

    def set_series(self, lease: Lease, bodies: Mapping[str, bytes | None]) -> None:
        """Store targets' series sets by target key, or forget those that are None.

        When it raises, some of them may be stored: write the fingerprints only afterwards. Without
        bodies nothing is written, and the lease is not looked at.
        """

    def types(self, tenant: str) -> Mapping[str, str]:
        """Family name -> type, as settled for a tenant; a tenant that has none yet has an empty table."""

    def settle_types(self, tenant: str, proposed: Mapping[str, str]) -> Mapping[str, str]:
        """Add the names that have no type yet, and give the whole table as it then stands.

        A type that is there never changes, whoever comes later and in whatever order writers meet. A
        table has at most TYPES_PER_TENANT names of TYPES_BYTES in all; what is beyond is left out, so
        it is not in the answer either. It belongs to no shard and needs no lease.
        """

    def group_tenants(self) -> Mapping[str, int]:
        """Tenant -> a number that grows with every change of its groups, for all that have or had any.

        It is read before the groups are: a change in between is then seen the next time at the latest. A
        store may take two writes for a change: a writer that dies between them leaves one that shows only
        with the tenant's next, so look at the groups now and then although the number stands still.
        """

    def groups(self, tenant: str) -> tuple[GroupHead, ...]:
        """The heads of a tenant's groups by key, expired and deleted ones among them."""

    def group_shapes(self, tenant: str) -> frozenset[tuple[str, ...]]:
        """The label names of every grouping that the tenant's groups have or had, each sorted.

        A shape is there before the first group that has it can be read, and stays. A tenant has at most
        SHAPES_PER_TENANT of SHAPES_BYTES in all; what is beyond is left out, its groups are stored all
        the same: who relies on the shapes refuses them first.
        """

    def get_groups(self, keys: Collection[str]) -> Mapping[str, Group]:
        """The groups of these keys as they are now; one that is not there is not in the answer."""

    def put_group(self, group: Group, replaces: str) -> bool:
        """Store a group if the stored one still has the version ``replaces`` (empty: there is none).

        Gives False, and changes nothing, when another version is there. The body is durable when this
        returns True, whatever its size up to 8 MB. It needs no lease. After an error it may be stored or
        not; the same call again, with the same version, gives True either way while nobody else came.
        """

    def forget_groups(self, heads: Collection[GroupHead]) -> None:
        """Remove groups for good, each only if it still has the version of its head."""

    def close(self) -> None:
        """Release files and connections."""
