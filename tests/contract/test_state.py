"""The state protocol, case by case: every store keeps all of it."""

from __future__ import annotations

import random
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from hashlib import sha256
from threading import Barrier
from typing import TYPE_CHECKING, cast

import pytest
from pushvar.errors import LeaseLost, StateError
from pushvar.state import open_state
from pushvar.state.protocol import (
    TYPES_BYTES,
    TYPES_PER_TENANT,
    Head,
    Lease,
    NewEntry,
    ShardState,
    SpoolEntry,
    StateStore,
)

from tests.contract.state_stores import KINDS, SHARED_KINDS, StoreKind, append, series_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

HEAD = Head(
    5, 4, {"sent": 2.5, "lost": 3, "huge": 1e300}, {"main": {"speaks": "2.0", "learnt_ms": 1}, "b/ü": {}}, 7
)


@pytest.fixture(params=KINDS, ids=str)
def store(request: pytest.FixtureRequest) -> Iterator[StateStore]:
    """An empty store of each kind."""
    opened = open_state(cast("StoreKind", request.param).reference(request))
    yield opened
    opened.close()


@pytest.fixture(params=SHARED_KINDS, ids=str)
def reference(request: pytest.FixtureRequest) -> str:
    """The name of an empty store that can be opened twice."""
    return cast("StoreKind", request.param).reference(request)


def take(store: StateStore, owner: str = "a", *, shard: str = "0", cycle: int = 1, now_ms: int = 0) -> Lease:
    """A lease that must be free, for one second."""
    lease = store.acquire(shard, owner, cycle=cycle, now_ms=now_ms, ttl_ms=1_000)
    assert lease is not None
    return lease


def test_first_lease_has_an_empty_head(store: StateStore) -> None:
    """A shard that nobody wrote yet starts with fence 1 and an empty head."""
    assert take(store, now_ms=50) == Lease("0", "a", 1, 1_050, Head())


def test_a_live_lease_keeps_others_out(store: StateStore) -> None:
    """Until the very millisecond of expiry another owner gets None, and leaves no trace."""
    take(store, "a", cycle=1)
    assert store.acquire("0", "b", cycle=2, now_ms=999, ttl_ms=1_000) is None
    assert take(store, "b", cycle=3, now_ms=1_000).head.started_cycle == 1


def test_an_expired_lease_is_taken_over(store: StateStore) -> None:
    """After expiry the next owner wins with the next fence, and the first may write no more."""
    old = take(store, "a")
    new = take(store, "b", now_ms=1_000)
    assert (old.fence, new.fence) == (1, 2)
    with pytest.raises(LeaseLost):
        store.commit(old, HEAD)
    store.commit(new, HEAD)


def test_an_owner_may_take_its_own_lease_again(store: StateStore) -> None:
    """The same owner is not kept out by itself, but its earlier lease is fenced off."""
    first, second = take(store, "a"), take(store, "a")
    assert second.fence == first.fence + 1
    with pytest.raises(LeaseLost):
        store.renew(first, now_ms=1, ttl_ms=1)


def test_shards_are_independent(store: StateStore) -> None:
    """A lease, a head and fingerprints belong to one shard only."""
    store.commit(take(store, "a", shard="0"), HEAD)
    other = take(store, "b", shard="1")
    assert (other.fence, other.head) == (1, Head())
    store.set_fingerprints(other, {"t": b"1"})
    assert store.fingerprints("0") == {}


def test_head_comes_back_with_the_next_lease(store: StateStore) -> None:
    """What was committed is the head of the next lease, whose own cycle does not show yet."""
    lease = take(store, cycle=5)
    store.commit(lease, HEAD)
    store.release(lease)
    again = take(store, "b", cycle=6)
    assert again.head == HEAD
    assert take(store, "b", cycle=7).head == replace(HEAD, started_cycle=6)


def test_shards_can_be_looked_at_without_a_lease(store: StateStore) -> None:
    """Head and holder as they are now, also of a lease that is over; a shard that never ran is not there."""
    names = [str(shard) for shard in range(120)]
    assert store.look(names) == {}
    store.commit(take(store, now_ms=50), HEAD)
    store.commit(take(store, shard="1"), Head(2, 2), release=True)
    for shard in names[2:]:
        store.release(take(store, shard=shard, cycle=9))
    seen = store.look([*names, "120"])
    assert (seen["0"], seen["1"]) == (ShardState(HEAD, 1_050), ShardState(Head(2, 2)))
    assert {shard: seen[shard] for shard in names[2:]} == dict.fromkeys(names[2:], ShardState(Head(9, 0)))
    assert len(seen) == 120


def test_renew_prolongs(store: StateStore) -> None:
    """A renewed lease keeps others out for longer, with the same fence; late is fine while nobody took it."""
    lease = store.renew(take(store), now_ms=900, ttl_ms=1_000)
    assert (lease.fence, lease.expires_ms) == (1, 1_900)
    assert store.acquire("0", "b", cycle=2, now_ms=1_500, ttl_ms=1) is None
    assert store.renew(lease, now_ms=5_000, ttl_ms=10).expires_ms == 5_010


def test_release_frees_the_shard_and_ends_the_lease(store: StateStore) -> None:
    """A released lease lets others in at once and writes no more; releasing twice or late is fine."""
    lease = take(store, "a")
    store.release(lease)
    store.release(lease)
    with pytest.raises(LeaseLost):
        store.commit(lease, HEAD)
    new = take(store, "b")
    assert new.fence == 2
    store.release(lease)
    store.commit(new, HEAD)
    assert store.acquire("0", "c", cycle=2, now_ms=1, ttl_ms=1) is None


def test_commit_can_release_in_the_same_write(store: StateStore) -> None:
    """A commit that releases writes the head, lets others in at once, and ends its lease."""
    lease = take(store, "a")
    store.commit(lease, HEAD, release=True)
    with pytest.raises(LeaseLost):
        store.commit(lease, Head(), release=True)
    assert take(store, "b") == Lease("0", "b", 2, 1_000, HEAD)


def writes(entry: SpoolEntry) -> dict[str, Callable[[StateStore, Lease], object]]:
    """Every write that is made under a lease."""
    return {
        "renew": lambda store, lease: store.renew(lease, now_ms=1, ttl_ms=99_000),
        "commit": lambda store, lease: store.commit(lease, HEAD),
        "commit and release": lambda store, lease: store.commit(lease, HEAD, release=True),
        "append": lambda store, lease: append(store, lease, "main", b"new"),
        "acknowledge": lambda store, lease: store.spool_acknowledge(lease, [entry]),
        "fingerprints": lambda store, lease: store.set_fingerprints(lease, {"t": b"new"}),
        "series": lambda store, lease: store.set_series(lease, {"t": b"new"}),
        "forget": lambda store, lease: store.set_series(lease, {"t": None}),
    }


@pytest.mark.parametrize("write", writes(SpoolEntry("", "", 0, 0, 0, 0)))
@pytest.mark.parametrize("end", ["taken over", "released", "never existed", "of another owner"])
def test_a_stale_fence_changes_nothing(store: StateStore, write: str, end: str) -> None:
    """Each write under a lease that is no longer the newest raises LeaseLost and leaves all as it was."""
    lease = take(store, "a")
    entry = append(store, lease, "main", b"old")
    store.set_fingerprints(lease, {"t": b"old"})
    store.set_series(lease, {"t": b"old"})
    if end == "released":
        store.release(lease)
    elif end == "taken over":
        take(store, "b", now_ms=1_000)
    stale = {"never existed": replace(lease, fence=7), "of another owner": replace(lease, owner="z")}
    with pytest.raises(LeaseLost, match="shard 0"):
        writes(entry)[write](store, stale.get(end, lease))
    assert store.spool_entries("0") == (entry,)
    assert store.fingerprints("0") == {"t": b"old"}
    assert series_of(store, "t") == b"old"
    assert take(store, "b", now_ms=2_000).head == Head(started_cycle=1)


def test_a_lease_on_an_unknown_shard_is_lost(store: StateStore) -> None:
    """A lease that this store never gave writes nothing."""
    with pytest.raises(LeaseLost):
        store.commit(Lease("9", "a", 1, 1, Head()), HEAD)


def test_spool_keeps_the_order_of_each_lane(store: StateStore) -> None:
    """Entries come oldest first, per lane and over all lanes, with what was said about them."""
    lease = take(store)
    sent = [
        append(store, lease, lane, body, samples=index, time_ms=index)
        for index, (lane, body) in enumerate([("b", b"0"), ("a", b"\x00" * 70_000), ("b", b""), ("a", b"3")])
    ]
    assert store.spool_entries("0") == tuple(sent)
    assert store.spool_entries("0", "a") == (sent[1], sent[3])
    assert (sent[1].shard, sent[1].lane, sent[1].samples, sent[1].size_bytes) == ("0", "a", 1, 70_000)
    assert [store.spool_body(entry) for entry in sent] == [b"0", b"\x00" * 70_000, b"", b"3"]
    assert store.spool_entries("0", "none") == store.spool_entries("1") == ()


def test_acknowledging_is_idempotent_and_hits_one_entry(store: StateStore) -> None:
    """An acknowledged entry is gone, again is no error, and its number never comes back."""
    lease = take(store)
    first = append(store, lease, "a", b"1")
    store.spool_acknowledge(lease, [first])
    second = append(store, lease, "a", b"2", time_ms=2)
    store.spool_acknowledge(lease, [first])
    assert store.spool_entries("0") == (second,)
    assert second.sequence > first.sequence
    with pytest.raises(StateError, match="gone"):
        store.spool_body(first)


def test_many_batches_are_one_append(store: StateStore) -> None:
    """Batches appended together keep their order, numbers and bodies, behind what waits in any lane."""
    lease = take(store)
    first = append(store, lease, "b", b"first")
    new = [NewEntry(number.to_bytes(2, "big") * 25_000, number, number + 5) for number in range(30)]
    stored = store.spool_append(lease, "a", new)
    last = append(store, lease, "a", b"last")
    assert store.spool_entries("0") == (first, *stored, last)
    assert [entry.sequence for entry in stored] == list(range(first.sequence + 1, last.sequence))
    assert [(entry.samples, entry.time_ms) for entry in stored] == [(n, n + 5) for n in range(30)]
    assert [store.spool_body(entry) for entry in stored] == [entry.body for entry in new]


def test_more_than_one_transaction_of_entries(store: StateStore) -> None:
    """Hundreds of entries are appended in order and removed again, whatever a store does at once."""
    lease = take(store)
    stored = store.spool_append(lease, "a", [NewEntry(b"%d" % n, 1, n) for n in range(250)])
    assert [entry.time_ms for entry in stored] == list(range(250))
    assert store.spool_entries("0") == stored
    store.spool_acknowledge(lease, [*reversed(stored[:-3]), stored[0]])
    assert store.spool_entries("0") == stored[-3:]
    assert append(store, lease, "a", b"").sequence > stored[-1].sequence


def test_nothing_is_written_for_nothing(store: StateStore) -> None:
    """Without entries or bodies no lease is asked for, and nothing changes."""
    nobody = Lease("9", "a", 1, 1, Head())
    assert store.spool_append(nobody, "main", []) == ()
    store.spool_acknowledge(nobody, [])
    store.set_series(nobody, {})
    assert store.series([]) == {}


def test_entries_of_another_shard_cannot_be_acknowledged(store: StateStore) -> None:
    """One shard's lease gives no right to another shard's spool."""
    mine, theirs = take(store, shard="0"), take(store, shard="1")
    entry = append(store, theirs, "a", b"1")
    with pytest.raises(StateError, match="shard 1"):
        store.spool_acknowledge(mine, [entry])
    assert store.spool_entries("1") == (entry,)


@pytest.mark.parametrize("body", [b"", b"{}", b"slice " * 20_000, bytes(range(256)) * 9], ids=len)
def test_documents_are_named_by_their_hash(store: StateStore, body: bytes) -> None:
    """A document is found under its sha256, stored once or twice; an unknown hash is None."""
    digest = store.put_document(body)
    assert digest == store.put_document(body) == sha256(body).hexdigest()
    assert store.get_document(digest) == body
    assert store.get_document("0" * 64) is None


def test_a_pointer_names_the_last_good_document(store: StateStore) -> None:
    """A pointer can be moved and moved back; an unknown name is None."""
    assert store.get_pointer("config/last_good") is None
    good, better = store.put_document(b"good"), store.put_document(b"better")
    for digest in (good, better, good):
        store.set_pointer("config/last_good", digest)
        assert store.get_pointer("config/last_good") == digest


def test_fingerprints_are_replaced_as_one(store: StateStore) -> None:
    """The shard remembers exactly the last map, not a union of maps."""
    lease = take(store)
    assert store.fingerprints("0") == {}
    store.set_fingerprints(lease, {f"target-{index}": bytes([index] * 16) for index in range(200)})
    store.set_fingerprints(lease, {"target-1": b"\x00\xff", "ü": b""})
    assert store.fingerprints("0") == {"target-1": b"\x00\xff", "ü": b""}


def test_series_memory_belongs_to_the_target(store: StateStore) -> None:
    """A target's series set follows it to another shard, is replaced there, and can be forgotten."""
    old, new = take(store, shard="0"), take(store, shard="1")
    assert series_of(store, "t") is None
    store.set_series(old, {"t": b"\x00one"})
    store.set_series(new, {"t": series_of(store, "t") or b""})
    store.set_series(old, {"u": b""})
    assert (series_of(store, "t"), series_of(store, "u")) == (b"\x00one", b"")
    store.set_series(new, {"t": None})
    store.set_series(new, {"t": None})
    assert series_of(store, "t") is None


def test_many_series_sets_are_written_and_read_together(store: StateStore) -> None:
    """Hundreds of targets, large sets among them, come and go in one call; unknown ones are left out."""
    lease = take(store)
    sets: dict[str, bytes | None] = {f"t{n}": b"%d" % n * (n % 7 * 50) for n in range(250)}
    sets |= {"large": random.Random(1).randbytes(400_000), "empty": b""}
    store.set_series(lease, sets)
    assert store.series([*sets, "unknown", "t1"]) == sets
    gone: dict[str, bytes | None] = {f"t{n}": None for n in range(0, 250, 2)}
    store.set_series(lease, {**gone, "large": b"small", "never": None})
    kept = {key: body for key, body in {**sets, **gone, "large": b"small"}.items() if body is not None}
    assert store.series([*sets, "never"]) == kept


def test_many_middling_series_sets_fit(store: StateStore) -> None:
    """Sets that fill a transaction by their bytes, not by their number, are written and read whole."""
    lease = take(store)
    sets = {f"t{n}": random.Random(n).randbytes(250_000) for n in range(20)}
    store.set_series(lease, sets)
    assert store.series(sets) == sets


def test_the_first_type_of_a_name_stays(store: StateStore) -> None:
    """A type is settled once; later proposals add names and change none, and all get the whole table."""
    assert store.types("t") == {}
    assert store.settle_types("t", {"a": "counter", "b": "gauge"}) == {"a": "counter", "b": "gauge"}
    later = {"b": "counter", "c": "histogram", "ü:x": "info"}
    table = {"a": "counter", "b": "gauge", "c": "histogram", "ü:x": "info"}
    assert store.settle_types("t", later) == store.settle_types("t", {}) == store.types("t") == table


def test_tenants_have_tables_of_their_own(store: StateStore) -> None:
    """What one tenant settles is nothing to another, nor to the table of those without a tenant."""
    store.settle_types("t", {"a": "counter"})
    assert store.settle_types("", {"a": "gauge"}) == store.types("") == {"a": "gauge"}
    assert store.settle_types("t/ü", {"b": "gauge"}) == {"b": "gauge"}
    assert store.types("t") == {"a": "counter"}


def test_a_type_table_is_bounded(store: StateStore) -> None:
    """Names beyond the number or the bytes of a table are left out; those that are in it stay."""
    table = store.settle_types("t", {f"n{n}": "gauge" for n in range(TYPES_PER_TENANT + 5)})
    assert list(table) == [f"n{n}" for n in range(TYPES_PER_TENANT)]
    assert store.settle_types("t", {"more": "counter", "n1": "counter"}) == store.types("t") == table
    hostile = {random.Random(n).randbytes(3_000).hex()[:3_000]: "gauge" for n in range(150)}
    assert len(store.settle_types("u", hostile)) == TYPES_BYTES // 3_000
    assert store.types("u") == dict(list(hostile.items())[: TYPES_BYTES // 3_000])


def test_writers_that_race_settle_one_type(reference: str) -> None:
    """Several openings propose different types at the same time: all get the same answer for a name."""
    kinds = ["counter", "gauge", "histogram", "summary"]
    stores = [open_state(reference) for _ in kinds]
    start = Barrier(len(kinds))

    def settle(number: int) -> list[str]:
        start.wait()
        own = {f"own{number}": "info"}
        answers = [
            stores[number].settle_types("t", {f"n{n}": kinds[number], **own})[f"n{n}"] for n in range(5)
        ]
        return [*answers, stores[number].settle_types("t", own)[f"own{number}"]]

    with ThreadPoolExecutor(len(kinds)) as pool:
        answers = list(pool.map(settle, range(len(kinds))))
    assert answers == [answers[0]] * len(kinds)
    assert len(stores[0].types("t")) == 5 + len(kinds)
    for opened in stores:
        opened.close()


def test_everything_survives_reopening(reference: str) -> None:
    """A second opening finds head, fence, spool, documents, pointers and series memory."""
    first = open_state(reference)
    lease = take(first)
    first.commit(lease, HEAD)
    entry = append(first, lease, "main", b"body")
    digest = first.put_document(b"document")
    first.set_pointer("p", digest)
    first.set_fingerprints(lease, {"t": b"f"})
    first.set_series(lease, {"t": b"s"})
    first.settle_types("t", {"a": "gauge"})
    first.close()
    second = open_state(reference)
    assert second.acquire("0", "b", cycle=2, now_ms=0, ttl_ms=1) is None
    assert (second.spool_entries("0"), second.spool_body(entry)) == ((entry,), b"body")
    assert (second.get_pointer("p"), second.get_document(digest)) == (digest, b"document")
    assert (second.fingerprints("0"), series_of(second, "t")) == ({"t": b"f"}, b"s")
    assert second.types("t") == {"a": "gauge"}
    again = take(second, "b", now_ms=1_000)
    assert (again.fence, again.head) == (2, HEAD)
    second.close()


def test_threads_may_share_a_store(store: StateStore) -> None:
    """Shards worked on by threads of one process do not disturb each other."""

    def shard_cycle(number: int) -> int:
        lease = take(store, shard=str(number))
        for index in range(5):
            append(store, lease, "main", bytes([index]), time_ms=index)
        store.commit(lease, Head(1, 1, {"number": number}))
        return [store.spool_body(entry)[0] for entry in store.spool_entries(str(number))] == list(range(5))

    with ThreadPoolExecutor(8) as pool:
        assert all(pool.map(shard_cycle, range(16)))
    assert take(store, "b", shard="7", now_ms=1_000).head.counters == {"number": 7}


def test_closing_twice_is_fine(store: StateStore) -> None:
    """Close can be called on a store that was never used, and again."""
    store.close()
    store.close()
