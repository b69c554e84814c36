"""The part of the state protocol that keeps pushed groups: every store keeps all of it."""

from __future__ import annotations

import random
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from threading import Barrier
from typing import TYPE_CHECKING, cast

import pytest
from pushvar.state import open_state
from pushvar.state.protocol import SHAPES_BYTES, SHAPES_PER_TENANT, Group, StateStore

from tests.contract.pushed_groups import group, later, put, stored
from tests.contract.state_stores import KINDS, SHARED_KINDS, StoreKind

if TYPE_CHECKING:
    from collections.abc import Iterator

SIZES = [0, 1_000, 350_000, 3_000_000, 8_000_000]


@pytest.fixture(params=KINDS, ids=str)
def kind(request: pytest.FixtureRequest) -> StoreKind:
    """Each kind of store."""
    return cast("StoreKind", request.param)


@pytest.fixture
def store(request: pytest.FixtureRequest, kind: StoreKind) -> Iterator[StateStore]:
    """An empty store of each kind."""
    opened = open_state(kind.reference(request))
    yield opened
    opened.close()


@pytest.fixture
def two(request: pytest.FixtureRequest, kind: StoreKind) -> Iterator[tuple[StateStore, StateStore]]:
    """Two openings of one empty store, or one opening twice where there can only be one."""
    reference = kind.reference(request)
    first = open_state(reference)
    second = open_state(reference) if kind.shared else first
    yield first, second
    first.close()
    second.close()


@pytest.fixture(params=SHARED_KINDS, ids=str)
def reference(request: pytest.FixtureRequest) -> str:
    """The name of an empty store that can be opened twice."""
    return cast("StoreKind", request.param).reference(request)


def test_a_group_comes_back_as_it_was_stored(store: StateStore) -> None:
    """Every field of the head and every byte of the body is kept, by key and in the tenant's listing."""
    labels = {"empty": "", "odd": "ü ☃ \"'\\ \x00\n", "path": "/a/../b", "empty_too": ""}
    full = group(
        "nächtlich",
        labels=labels,
        body=bytes(range(256)),
        expires_ms=9_999_999_999_999,
        pushed_ms=1_700_000_000_123,
        failed_ms=1_700_000_000_456,
        samples=4_321,
        types=b"\x00\xff digest",
    )
    bare = group("bare", body=b"", expires_ms=0)
    for each in (full, bare):
        put(store, each)
        assert stored(store, each) == each
    assert store.get_groups([full.head.key, bare.head.key]) == {each.head.key: each for each in (full, bare)}


def test_an_empty_store_has_no_groups(store: StateStore) -> None:
    """Without groups every question has an empty answer, and nothing can be asked or forgotten too."""
    assert (store.group_tenants(), store.groups("t"), store.group_shapes("t")) == ({}, (), frozenset())
    assert store.get_groups(["0" * 20]) == store.get_groups([]) == {}
    store.forget_groups([])
    assert store.group_tenants() == {}


def test_a_group_is_created_once(store: StateStore) -> None:
    """Who believes that there is no group is refused when there is one, and changes nothing."""
    first = put(store, group())
    numbers = store.group_tenants()
    assert store.put_group(later(first), "") is False
    assert (stored(store, first), store.group_tenants()) == (first, numbers)


def test_a_group_is_replaced_by_who_knows_its_version(store: StateStore) -> None:
    """The version that is stored is needed; an old one, a strange one, or one of nothing is refused."""
    assert store.put_group(group(), "v") is False
    assert (store.group_tenants(), store.groups("t")) == ({}, ())
    first = put(store, group())
    second = put(store, later(first), first)
    numbers = store.group_tenants()
    for version in (first.head.version, "another", ""):
        assert store.put_group(later(first, b"never"), version) is False
    assert (stored(store, first), store.group_tenants()) == (second, numbers)


def test_a_put_may_be_repeated(store: StateStore) -> None:
    """The same call again is True and changes nothing, as long as nobody else came in between."""
    first = group(body=b"x" * 100_000)
    second = later(first)
    for each, replaces in ((first, ""), (second, first.head.version)):
        for _ in range(2):
            assert store.put_group(each, replaces) is True
            assert stored(store, each) == each
    assert store.put_group(first, "") is False
    assert stored(store, first) == second


def test_a_failed_push_changes_the_head_alone(store: StateStore) -> None:
    """The same body under a head that differs in one time is a new version like any other."""
    first = put(store, group(body=b"kept", pushed_ms=5))
    failed = put(store, later(first, b"kept", failed_ms=7), first)
    found = stored(store, first)
    assert found == failed == Group(replace(first.head, version=failed.head.version, failed_ms=7), b"kept")


def test_a_tombstone_stays_until_it_is_forgotten(store: StateStore) -> None:
    """A deleted group is listed without a body, can be pushed again, and is gone once it is forgotten."""
    first = put(store, group(body=b"x" * 100_000))
    grave = put(store, later(first, b"", deleted=True), first)
    assert stored(store, first) == grave
    assert store.groups("t")[0].ended(0)
    again = put(store, later(first, b"back"), grave)
    assert stored(store, first) == again
    grave = put(store, later(first, b"", deleted=True), again)
    store.forget_groups([grave.head])
    assert (stored(store, first), store.groups("t")) == (None, ())
    assert store.put_group(later(first), grave.head.version) is False
    assert stored(store, put(store, later(first, b"anew"))) is not None


def test_forgetting_needs_the_version(store: StateStore) -> None:
    """A group that was pushed meanwhile stays, the others of the call go; forgetting again is no error."""
    old, kept = put(store, group("a")), put(store, group("b"))
    gone = [put(store, group(str(number), body=b"x" * 80_000 * (number % 2))) for number in range(5)]
    new = put(store, later(old), old)
    heads = [old.head, *(each.head for each in gone)]
    for _ in range(2):
        store.forget_groups(heads)
        assert {head.key for head in store.groups("t")} == {new.head.key, kept.head.key}
        assert store.get_groups([head.key for head in heads]) == {new.head.key: new}


def test_more_groups_than_a_transaction_are_forgotten(store: StateStore) -> None:
    """However many go at once, of several tenants, each goes with its version, and each tenant sees it."""
    many = [put(store, group(str(number), f"t{number % 2}")) for number in range(70)]
    old, numbers = many[60], store.group_tenants()
    new = put(store, later(old), old)
    store.forget_groups([each.head for each in many])
    assert (store.groups("t0"), store.groups("t1")) == ((new.head,), ())
    assert store.get_groups([each.head.key for each in many]) == {new.head.key: new}
    assert all(store.group_tenants()[tenant] > number for tenant, number in numbers.items())


def test_a_listing_is_of_one_tenant_by_key(store: StateStore) -> None:
    """All groups of a tenant and no others, in the order of their keys, whatever the tenants are called."""
    names = ["", "t", "tt", "t#", "T", "t/ü", "head#", "%"]
    groups = {name: [put(store, group(str(number), name)) for number in range(6)] for name in names}
    for name, mine in groups.items():
        heads = sorted((each.head for each in mine), key=lambda head: head.key)
        assert store.groups(name) == tuple(heads)
    assert store.group_tenants().keys() == set(names)
    assert store.groups("nobody") == ()


def test_the_same_grouping_of_two_tenants_is_two_groups(store: StateStore) -> None:
    """Neither replaces, lists nor forgets the other's."""
    mine, theirs = put(store, group("j", "a")), put(store, group("j", "b", b"theirs"))
    assert mine.head.key != theirs.head.key
    store.forget_groups([mine.head])
    assert (store.groups("a"), stored(store, theirs)) == ((), theirs)


def test_a_number_grows_with_every_change(store: StateStore) -> None:
    """Create, replace, delete, forget, create again: each number is above all before it."""
    put(store, group("other", "other"))
    others, numbers = store.group_tenants()["other"], []

    def note() -> None:
        numbers.append(store.group_tenants()["t"])

    last = None
    for _ in range(2):
        first = put(store, group())
        note()
        second = put(store, later(first), first)
        note()
        last = put(store, later(second, b"", deleted=True), second)
        note()
        store.forget_groups([last.head])
        note()
    assert numbers == sorted(set(numbers))
    assert store.groups("t") == ()
    assert store.group_tenants() == {"t": numbers[-1], "other": others}


def test_shapes_are_the_label_names_of_all_groupings(store: StateStore) -> None:
    """Each set of names once, for its tenant only; one stays when its last group is gone."""
    put(store, group("a"))
    put(store, group("b"))
    put(store, group("a", labels={"instance": "x"}))
    gone = put(store, group("a", labels={"ü": "", "instance": "y"}))
    put(store, group("a", "u", labels={"zone": "z"}))
    store.forget_groups([gone.head])
    assert store.group_shapes("t") == {("job",), ("instance", "job"), ("instance", "job", "ü")}
    assert store.group_shapes("u") == {("job", "zone")}


def test_shapes_are_bounded_and_groups_are_not(store: StateStore) -> None:
    """Shapes beyond the number or the bytes of a tenant are left out, but never a group."""
    extra = [group(labels={f"n{number}": ""}) for number in range(SHAPES_PER_TENANT + 3)]
    for each in extra:
        put(store, each)
    shapes = {tuple(name for name, _ in each.head.grouping) for each in extra[:SHAPES_PER_TENANT]}
    assert store.group_shapes("t") == shapes
    assert len(store.groups("t")) == len(extra)
    long = [f"{number}{'n' * (SHAPES_BYTES * 3 // 10)}" for number in range(4)]
    for name in (*long, "short"):
        put(store, group(tenant="u", labels={name: ""}))
    assert store.group_shapes("u") == {tuple(sorted((name, "job"))) for name in (*long[:3], "short")}
    assert len(store.groups("u")) == 5


@pytest.mark.parametrize("size_bytes", SIZES)
def test_a_body_has_any_size(store: StateStore, size_bytes: int) -> None:
    """From nothing to 8 MB, new or in place of a body of any other size, every byte comes back."""
    last = put(store, group(body=random.Random(size_bytes).randbytes(size_bytes)))
    assert stored(store, last) == last
    for other in (0, 350_000):
        for size in (other, size_bytes):
            last = put(store, later(last, random.Random(size + 1).randbytes(size)), last)
            assert stored(store, last) == last


def test_hundreds_of_groups_are_read_together(kind: StoreKind, store: StateStore) -> None:
    """One call gives the groups of 250 keys, large ones among them, each once; unknown keys are left out."""
    asked = [group(str(number), body=b"%d" % number * (number % 5)) for number in range(245)]
    asked += [group(f"large{number}", body=bytes([number]) * 200_000) for number in range(5)]
    there = asked[:: 1 if kind.effort == 1 else 4]
    for each in there:
        put(store, each)
    keys = [each.head.key for each in asked]
    assert store.get_groups([*keys, "f" * 20, keys[0]]) == {each.head.key: each for each in there}
    assert {head.key for head in store.groups("t")} == {each.head.key for each in there}


def test_of_writers_that_race_one_wins_each_round(kind: StoreKind, two: tuple[StateStore, ...]) -> None:
    """Threads on two openings replace one version at the same time: one is told True, its group is there."""
    writers, rounds = 4, int(50 * kind.effort)
    last, start = put(two[0], group()), Barrier(writers)

    def write(number: int) -> Group | None:
        # Every second body is an object in a store that has them: a loser must not take the winner's along.
        mine = later(last, b"%d" % number * (100_000 if number % 2 else 1))
        start.wait()
        return mine if two[number % 2].put_group(mine, last.head.version) else None

    with ThreadPoolExecutor(writers) as pool:
        for _ in range(rounds):
            (won,) = [each for each in pool.map(write, range(writers)) if each]
            assert stored(two[0], last) == stored(two[1], last) == won
            last = won


def test_of_creators_and_forgetters_that_race_one_wins(kind: StoreKind, two: tuple[StateStore, ...]) -> None:
    """A group is created by one of several; a push and a forgetting that race end in one of both, whole."""
    writers, start = 4, Barrier(4)

    def create(number: int) -> Group | None:
        mine = group(body=bytes([number]) * 100_000)
        start.wait()
        return mine if two[number % 2].put_group(mine, "") else None

    def end(number: int) -> Group | None:
        mine = later(won, b"kept")
        start.wait()
        if number == 0:
            two[0].forget_groups([won.head])
            return None
        return mine if number == 1 and two[1].put_group(mine, won.head.version) else None

    with ThreadPoolExecutor(writers) as pool:
        for _ in range(int(30 * kind.effort)):
            (won,) = [each for each in pool.map(create, range(writers)) if each]
            assert stored(two[0], won) == won
            kept = next((each for each in pool.map(end, range(writers)) if each), None)
            assert stored(two[1], won) == kept
            if kept:
                two[0].forget_groups([kept.head])


def test_threads_push_groups_of_their_own(kind: StoreKind, store: StateStore) -> None:
    """Pushes of different groups never refuse each other, and the tenant's number has moved with each."""
    pushers, each_puts = 8, max(2, int(20 * kind.effort))

    def push(number: int) -> int:
        last = put(store, group(str(number)))
        for _ in range(each_puts - 1):
            last = put(store, later(last), last)
        return store.group_tenants()["t"]

    with ThreadPoolExecutor(pushers) as pool:
        numbers = list(pool.map(push, range(pushers)))
    assert len(store.groups("t")) == pushers
    assert store.group_tenants()["t"] == max(numbers) >= pushers * each_puts


def test_groups_survive_reopening(reference: str) -> None:
    """A second opening finds heads, bodies, shapes and numbers, and goes on from them."""
    first = open_state(reference)
    small, large = put(first, group("a")), put(first, group("b", body=b"x" * 400_000))
    numbers = first.group_tenants()
    first.close()
    second = open_state(reference)
    assert (stored(second, small), stored(second, large)) == (small, large)
    assert (second.group_tenants(), second.group_shapes("t")) == (numbers, frozenset({("job",)}))
    put(second, later(small), small)
    assert second.group_tenants()["t"] > numbers["t"]
    second.close()
