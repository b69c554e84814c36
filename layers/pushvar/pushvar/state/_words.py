"""What every store says when a shard or a document is not what the caller believes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pushvar.errors import LeaseLost, StateError

if TYPE_CHECKING:
    from pushvar.state.protocol import Lease, SpoolEntry


def lease_lost(lease: Lease, fence: int | None, owner: str | None) -> LeaseLost:
    """The lease is not the newest: the store has ``fence`` and ``owner``, or no such shard (fence None)."""
    now = "the store knows no lease on it" if fence is None else f"now fence {fence}, {owner or 'nobody'}"
    return LeaseLost(
        f"lease on shard {lease.shard} is lost: ours was fence {lease.fence}, {lease.owner}; {now}",
        hint="stop this cycle; if it happens often, runs overlap: lengthen the schedule or the lease",
    )


def entry_gone(entry: SpoolEntry) -> StateError:
    """The body of a spool entry cannot be found any more."""
    return StateError(
        f"spool entry {entry.sequence} of shard {entry.shard}, lane {entry.lane} is gone",
        hint="another process delivered or dropped it; list the lane again",
    )


def demand_own_entry(lease: Lease, entry: SpoolEntry) -> None:
    """Raise StateError when the entry belongs to another shard than the lease."""
    if entry.shard != lease.shard:
        raise StateError(
            f"spool entry {entry.sequence} belongs to shard {entry.shard}, the lease to {lease.shard}",
            hint="acknowledge it under the lease of its own shard",
        )


def document_damaged(digest: str, where: str, delete: str) -> StateError:
    """The bytes of a document do not have its hash; ``delete`` says how it is removed there."""
    return StateError(
        f"document {digest} in {where} is damaged",
        hint=f"delete it there ({delete}) and push the configuration again",
    )
