"""A spool for tests that have no shard: in memory, under a lease that nobody else wants."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pushvar.deliver.spool import Spool
from pushvar.state import open_state

if TYPE_CHECKING:
    from pushvar.state.protocol import StateStore


def new_spool(store: StateStore | None = None) -> Spool:
    """The spool of a shard's next cycle; of a new store when none is given."""
    store = store or open_state("memory:")
    lease = store.acquire("0", "test", cycle=1, now_ms=1, ttl_ms=10**15)
    assert lease is not None
    return Spool(store, lease)
