"""The state protocol against a model of plain dicts: any order of calls gives the same answers."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any, cast

import pytest
from hypothesis import Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, consumes, invariant, multiple, rule
from hypothesis.stateful import run_state_machine_as_test as run_machine
from pushvar.errors import LeaseLost
from pushvar.state import open_state
from pushvar.state.protocol import Head, Lease, NewEntry, SpoolEntry

from tests.contract.state_stores import KINDS, StoreKind

if TYPE_CHECKING:
    from collections.abc import Callable

SHARDS, LANES, TARGETS = ("0", "1"), ("x", "y"), ("t", "u")
HEADS = st.builds(
    Head,
    st.integers(0, 9),
    st.integers(0, 9),
    st.dictionaries(st.text(max_size=3), st.floats(allow_nan=False), max_size=2),
    st.dictionaries(st.text(max_size=3), st.dictionaries(st.text(max_size=3), st.booleans()), max_size=2),
)
BODIES = st.lists(st.binary(max_size=40), min_size=1, max_size=3)
SETS = st.none() | st.binary(max_size=9)
TYPES = st.dictionaries(st.sampled_from("nm"), st.sampled_from(["counter", "gauge"]))


class StateMachine(RuleBasedStateMachine):
    """Calls a store and the model side by side; leases of any age are tried again and again."""

    leases = Bundle("leases")
    entries = Bundle("entries")

    def __init__(self, kind: StoreKind, request: pytest.FixtureRequest) -> None:
        super().__init__()
        self.kind = kind
        self.reference = kind.reference(request)
        self.store = open_state(self.reference)
        self.now_ms = 0
        self.held: dict[str, Lease] = {}  # the newest lease of each shard, with the stored head
        self.released: set[str] = set()
        self.spool: dict[tuple[str, int], tuple[SpoolEntry, bytes]] = {}
        self.last_sequence = dict.fromkeys(SHARDS, 0)
        self.fingerprints: dict[str, dict[str, bytes]] = {}
        self.series: dict[str, bytes] = {}
        self.types: dict[str, dict[str, str]] = {}

    def teardown(self) -> None:
        """Leave nothing behind."""
        self.store.close()

    @rule(
        target=leases,
        shard=st.sampled_from(SHARDS),
        owner=st.sampled_from("ab"),
        cycle=st.integers(1, 9),
        passed_ms=st.integers(0, 4),
        ttl_ms=st.integers(1, 8),
    )
    def acquire(self, shard: str, owner: str, cycle: int, passed_ms: int, ttl_ms: int) -> Any:
        """Live, foreign and not released: None. Otherwise the next fence and the head before."""
        self.now_ms += passed_ms
        old = self.held.get(shard, Lease(shard, "", 0, 0, Head()))
        given = self.store.acquire(shard, owner, cycle=cycle, now_ms=self.now_ms, ttl_ms=ttl_ms)
        if shard not in self.released and old.owner not in {"", owner} and old.expires_ms > self.now_ms:
            assert given is None
            return multiple()
        assert given == Lease(shard, owner, old.fence + 1, self.now_ms + ttl_ms, old.head)
        self.released.discard(shard)
        self.held[shard] = replace(given, head=replace(given.head, started_cycle=cycle))
        return given

    def under(self, lease: Lease, write: Callable[[], Any]) -> Any:
        """Do a write that must succeed exactly when the lease is the newest; None when it must not."""
        newest = self.held[lease.shard]
        if (newest.fence, newest.owner) == (lease.fence, lease.owner) and lease.shard not in self.released:
            return write() or True
        with pytest.raises(LeaseLost):
            write()
        return None

    @rule(target=leases, lease=leases, ttl_ms=st.integers(1, 8))
    def renew(self, lease: Lease, ttl_ms: int) -> Any:
        """Only the newest lease is prolonged."""
        renewed = self.under(lease, lambda: self.store.renew(lease, now_ms=self.now_ms, ttl_ms=ttl_ms))
        if renewed is None:
            return multiple()
        assert renewed == replace(lease, expires_ms=self.now_ms + ttl_ms)
        self.held[lease.shard] = replace(self.held[lease.shard], expires_ms=renewed.expires_ms)
        return renewed

    @rule(lease=leases, head=HEADS, release=st.booleans())
    def commit(self, lease: Lease, head: Head, *, release: bool) -> None:
        """Only the newest lease writes the head, and may be given back with it."""
        if self.under(lease, lambda: self.store.commit(lease, head, release=release)):
            self.held[lease.shard] = replace(self.held[lease.shard], head=head)
            if release:
                self.released.add(lease.shard)

    @rule(lease=leases)
    def release(self, lease: Lease) -> None:
        """Only the newest lease can be given back; others are ignored."""
        self.store.release(lease)
        if self.held[lease.shard].fence == lease.fence:
            self.released.add(lease.shard)

    @rule(target=entries, lease=leases, lane=st.sampled_from(LANES), bodies=BODIES)
    def append(self, lease: Lease, lane: str, bodies: list[bytes]) -> Any:
        """Entries go to the end in their order; their numbers are the highest that the shard ever had."""
        new = [NewEntry(body, 1, self.now_ms) for body in bodies]
        entries = self.under(lease, lambda: self.store.spool_append(lease, lane, new))
        for entry, body in zip(entries or (), bodies, strict=entries is not None):
            assert entry.sequence > self.last_sequence[entry.shard]
            self.last_sequence[entry.shard] = entry.sequence
            self.spool[entry.shard, entry.sequence] = (entry, body)
        return multiple(*(entries or ()))

    @rule(lease=leases, chosen=st.lists(entries, min_size=1, max_size=4))
    def acknowledge(self, lease: Lease, chosen: list[SpoolEntry]) -> None:
        """Entries go away once; what is gone stays gone, also when it is named twice."""
        mine = [entry for entry in chosen if entry.shard == lease.shard]
        if mine and self.under(lease, lambda: self.store.spool_acknowledge(lease, mine)):
            for entry in mine:
                self.spool.pop((entry.shard, entry.sequence), None)

    @rule(lease=leases, values=st.dictionaries(st.text(max_size=4), st.binary(max_size=4), max_size=3))
    def set_fingerprints(self, lease: Lease, values: dict[str, bytes]) -> None:
        """Fingerprints are replaced as one."""
        if self.under(lease, lambda: self.store.set_fingerprints(lease, values)):
            self.fingerprints[lease.shard] = values

    @rule(lease=leases, bodies=st.dictionaries(st.sampled_from(TARGETS), SETS, min_size=1))
    def set_series(self, lease: Lease, bodies: dict[str, bytes | None]) -> None:
        """Series sets are stored or forgotten."""
        if self.under(lease, lambda: self.store.set_series(lease, bodies)):
            after = {**self.series, **bodies}
            self.series = {key: body for key, body in after.items() if body is not None}

    @rule(tenant=st.sampled_from(["", "t"]), proposed=TYPES)
    def settle_types(self, tenant: str, proposed: dict[str, str]) -> None:
        """A name keeps its first type, and the answer is the whole table."""
        self.types[tenant] = {**proposed, **self.types.get(tenant, {})}
        assert self.store.settle_types(tenant, proposed) == self.types[tenant]

    @rule(lease=consumes(leases))
    def reopen(self, lease: Lease) -> None:
        """A new opening of a shared store changes nothing (and one lease is forgotten)."""
        del lease
        if self.kind.shared:
            self.store.close()
            self.store = open_state(self.reference)

    @invariant()
    def reads_agree(self) -> None:
        """All that can be read is what the model holds."""
        for shard in SHARDS:
            assert self.store.fingerprints(shard) == self.fingerprints.get(shard, {})
            mine = [entry for entry, _ in self.spool.values() if entry.shard == shard]
            assert self.store.spool_entries(shard) == tuple(mine)
            in_lane = tuple(entry for entry in mine if entry.lane == LANES[0])
            assert self.store.spool_entries(shard, LANES[0]) == in_lane
        kept = list(self.spool.values())
        assert all(self.store.spool_body(entry) == body for entry, body in kept[:1] + kept[-1:])
        assert self.store.series(TARGETS) == self.series
        assert self.store.types("t") == self.types.get("t", {})


@pytest.mark.parametrize("kind", KINDS, ids=str)
def test_any_order_of_calls_agrees_with_the_model(kind: StoreKind, request: pytest.FixtureRequest) -> None:
    """The store answers like a few dicts, whatever is called in whatever order."""
    shrink = () if kind.effort < 1 else (Phase.shrink,)  # which takes minutes where a call takes milliseconds
    run_machine(
        cast("type[StateMachine]", partial(StateMachine, kind, request)),
        settings=settings(
            max_examples=int(40 * kind.effort),
            stateful_step_count=40,
            deadline=None,
            phases=(Phase.reuse, Phase.generate, *shrink),
        ),
    )
