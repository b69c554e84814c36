"""Pushed groups in the AWS store on moto: what lies where, what each step costs, what AWS may do to it."""

from __future__ import annotations

import random
import re
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from pushvar.errors import StateError
from pushvar.state import open_state
from pushvar.state._aws_groups import GROUPS_KEPT_S, INLINE_GROUP_BYTES
from pushvar.state.aws import AwsStore
from pushvar.state.protocol import SHAPES_PER_TENANT

from tests.contract.aws_door import (
    LOST,
    Door,
    Fault,
    conflict,
    items,
    object_refusal,
    objects,
    own_client,
    refusal,
)
from tests.contract.pushed_groups import group, later, put, stored

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from pushvar.model import Group

HUGE = random.Random(1).randbytes(400_000)
HEAD = {
    "grouping",
    "version",
    "expires_ms",
    "pushed_ms",
    "failed_ms",
    "deleted",
    "samples",
    "types",
    "gone_s",
}
DENIED = refusal("AccessDeniedException", "User: x is not authorized to perform: dynamodb:UpdateItem")


@pytest.fixture
def reference(aws_door: Door) -> str:
    """The name of an empty store."""
    return aws_door.new_store()


@pytest.fixture
def store(reference: str) -> Iterator[AwsStore]:
    """An empty store."""
    with closing(open_state(reference)) as opened:
        assert isinstance(opened, AwsStore)
        yield opened


def sweep(door: Door, reference: str, pk: str, sk: str) -> None:
    """Take an item away as the table's own expiry does: each for itself."""
    table = re.split("[:/]", reference)[1]
    own_client(door.aws, "dynamodb").delete_item(TableName=table, Key={"pk": {"S": pk}, "sk": {"S": sk}})


def test_everything_lies_where_the_charter_says(aws_door: Door, reference: str, store: AwsStore) -> None:
    """The keys and attributes of the table and the folder of the bucket are those of the charter."""
    small = put(store, group())
    large = put(store, group("large", body=HUGE, expires_ms=5))
    found = items(aws_door, reference)
    assert {key: set(item) for key, item in found.items()} == {
        (f"group#{small.head.key}", "group"): {*HEAD, "key", "tenant", "body"},
        (f"group#{large.head.key}", "group"): {*HEAD, "key", "tenant", "object_key"},
        ("groups#t", f"head#{small.head.key}"): HEAD,
        ("groups#t", f"head#{large.head.key}"): HEAD,
        ("groups#t", "shapes"): {"shapes", "size_bytes"},
        ("groups", "tenant#t"): {"changes"},
    }
    assert [key.rpartition("/")[0] for key in objects(aws_door, reference)] == [f"groups/{large.head.key}"]
    assert found["groups#t", "shapes"]["shapes"] == {"SS": ['["job"]']}
    for pk, sk in ((f"group#{small.head.key}", "group"), ("groups#t", f"head#{small.head.key}")):
        assert int(found[pk, sk]["gone_s"]["N"]) == small.head.expires_ms // 1000 + GROUPS_KEPT_S
    ended_long_ago = int(found["groups#t", f"head#{large.head.key}"]["gone_s"]["N"])
    assert abs(ended_long_ago - time.time() - GROUPS_KEPT_S) < 60  # its series are marked stale first


CALLS: dict[str, tuple[Callable[[AwsStore, Group, Group], object], str]] = {
    "create": (lambda store, *_: put(store, group("new")), "TransactWriteItems UpdateItem"),
    "create with a new shape": (
        lambda store, *_: put(store, group(labels={"new": ""})),
        "UpdateItem TransactWriteItems UpdateItem",
    ),
    "create for a new tenant": (
        lambda store, *_: put(store, group(tenant="new")),
        "UpdateItem TransactWriteItems UpdateItem",
    ),
    "replace": (lambda store, small, _: put(store, later(small), small), "TransactWriteItems UpdateItem"),
    "refuse": (lambda store, small, _: store.put_group(later(small), "never"), "TransactWriteItems"),
    "large in place of small": (
        lambda store, small, _: put(store, later(small, HUGE), small),
        "PutObject TransactWriteItems UpdateItem",
    ),
    "large in place of large": (
        lambda store, _, large: put(store, later(large, HUGE), large),
        "PutObject TransactWriteItems TransactWriteItems UpdateItem DeleteObjects",
    ),
    "small in place of large": (
        lambda store, _, large: put(store, later(large), large),
        "TransactWriteItems TransactWriteItems UpdateItem DeleteObjects",
    ),
    "refuse large": (
        lambda store, _, large: store.put_group(later(large, HUGE), "never"),
        "PutObject TransactWriteItems DeleteObjects",
    ),
    "get": (lambda store, small, _: store.get_groups([small.head.key]), "BatchGetItem"),
    "get large": (lambda store, _, large: store.get_groups([large.head.key]), "BatchGetItem GetObject"),
    "get 250": (lambda store, *_: store.get_groups([str(n) for n in range(250)]), "BatchGetItem " * 3),
    "list": (lambda store, *_: store.groups("t"), "Query"),
    "tenants": (lambda store, *_: store.group_tenants(), "Query"),
    "shapes": (lambda store, *_: store.group_shapes("t"), "GetItem"),
    "forget": (lambda store, small, _: store.forget_groups([small.head]), "TransactWriteItems UpdateItem"),
    "forget both": (
        lambda store, small, large: store.forget_groups([small.head, large.head]),
        "TransactWriteItems TransactWriteItems UpdateItem DeleteObjects",
    ),
    "forget 120 that are gone": (
        lambda store, *_: store.forget_groups([group(str(number)).head for number in range(120)]),
        "TransactWriteItems UpdateItem " * 3,
    ),
}


@pytest.mark.parametrize("step", CALLS)
def test_calls_of_each_step(aws_door: Door, store: AwsStore, step: str) -> None:
    """Each step costs the calls that it must, and no more; none reads the table through."""
    small, large = put(store, group()), put(store, group("large", body=HUGE))
    aws_door.calls.clear()
    work, expected = CALLS[step]
    work(store, small, large)
    assert aws_door.calls == expected.split()


def test_a_group_moves_between_item_and_object(aws_door: Door, reference: str, store: AwsStore) -> None:
    """What an item is not to hold is an object; what replaces it leaves no object behind."""
    last = put(store, group())
    edge = HUGE[:INLINE_GROUP_BYTES]
    for body in (HUGE, HUGE[::-1], b"", HUGE, edge, edge + b"1", b"small"):
        last = put(store, later(last, body), last)
        assert stored(store, last) == last
        assert len(objects(aws_door, reference)) == (len(body) > INLINE_GROUP_BYTES)


def test_a_refused_push_leaves_no_object(aws_door: Door, reference: str, store: AwsStore) -> None:
    """A body that was uploaded in vain is removed, and that of the group which is there stays."""
    first = put(store, group(body=HUGE))
    before = objects(aws_door, reference)
    for version in ("", "never"):
        assert store.put_group(later(first, HUGE[::-1]), version) is False
    assert objects(aws_door, reference) == before
    assert stored(store, first) == first


def test_objects_go_after_the_items(aws_door: Door, reference: str, store: AwsStore) -> None:
    """A body that cannot be removed is rubbish and no error: the group is replaced, and then forgotten."""
    first = put(store, group(body=HUGE))
    aws_door.fail("DeleteObjects", object_refusal("AccessDenied", 403), times=2)
    second = put(store, later(first, HUGE[::-1]), first)
    assert stored(store, first) == second
    store.forget_groups([second.head])
    assert stored(store, first) is None
    assert len(objects(aws_door, reference)) == 2


def test_an_object_replaced_while_it_is_read_is_read_anew(aws_door: Door, store: AwsStore) -> None:
    """Between item and object a push may come; an object that is gone for good says which item to delete."""
    first = put(store, group(body=HUGE))
    aws_door.fail("GetObject", object_refusal("NoSuchKey", 404))
    assert stored(store, first) == first
    aws_door.fail("GetObject", object_refusal("NoSuchKey", 404), times=3)
    with pytest.raises(StateError, match=r"object groups/\w+/\w+ in .* is gone; delete the item group#"):
        store.get_groups([first.head.key])


@pytest.mark.parametrize("swept", ["the group", "its line"])
def test_what_the_table_sweeps_alone_can_be_pushed_and_forgotten(
    aws_door: Door, reference: str, store: AwsStore, swept: str
) -> None:
    """The table sweeps a group and its line each when it likes: what is left can be ended or made anew."""
    for ended in (True, False):
        last = put(store, group(str(ended)))
        if swept == "the group":
            sweep(aws_door, reference, f"group#{last.head.key}", "group")
        else:
            sweep(aws_door, reference, "groups#t", f"head#{last.head.key}")
        assert len(store.get_groups([last.head.key])) + len(store.groups("t")) == 1
        if ended:
            store.forget_groups([last.head])
            assert stored(store, last) is None
        else:
            new = put(store, later(last), None if swept == "the group" else last)
            assert stored(store, last) == new


STEPS: dict[str, Callable[[AwsStore, Group, Group], object]] = {
    "create": lambda store, *_: put(store, group("new", "new tenant")),
    "create large": lambda store, *_: put(store, group("new", body=HUGE)),
    "replace": lambda store, small, _: put(store, later(small), small),
    "replace by large": lambda store, small, _: put(store, later(small, HUGE), small),
    "replace large": lambda store, _, large: put(store, later(large), large),
    "replace large by large": lambda store, _, large: put(store, later(large, HUGE[::-1]), large),
    "delete": lambda store, _, large: put(store, later(large, b"", deleted=True), large),
    "forget": lambda store, small, _: store.forget_groups([small.head]),
    "forget large": lambda store, small, large: store.forget_groups([small.head, large.head]),
    "forget old": lambda store, small, large: store.forget_groups(
        [replace(small.head, version="old"), large.head]
    ),
}


def everything(store: AwsStore) -> tuple[Any, ...]:
    """All that one can read in this test, the versions and the numbers left out."""
    heads = [head for tenant in sorted(store.group_tenants()) for head in store.groups(tenant)]
    found = store.get_groups([head.key for head in heads])
    groups = [(replace(head, version=""), found[head.key].body) for head in heads]
    assert [found[head.key].head for head in heads] == heads
    return groups, store.group_shapes("t"), store.group_shapes("new tenant")


@pytest.mark.parametrize("step", STEPS)
@pytest.mark.parametrize(
    "lost", [["TransactWriteItems"], ["TransactWriteItems", "TransactWriteItems"], ["UpdateItem"]]
)
def test_a_lost_answer_counts_once(aws_door: Door, step: str, lost: list[str]) -> None:
    """A write that AWS did, but whose answer was lost, is sent again: the end is the same, rubbish is not."""
    seen, left = [], []
    for losing in (False, True):
        reference = aws_door.new_store()
        with closing(open_state(reference)) as store:
            assert isinstance(store, AwsStore)
            small, large = put(store, group()), put(store, group("large", body=HUGE))
            numbers = store.group_tenants()
            for call in lost if losing else []:
                aws_door.fail(call, LOST)
            STEPS[step](store, small, large)
            assert aws_door.faults == []
            assert store.group_tenants() != numbers
            seen.append(everything(store))
            left.append(len(objects(aws_door, reference)))
    assert seen[0] == seen[1]
    assert left[0] == left[1]


BUSY = refusal(
    "TransactionCanceledException", CancellationReasons=[{"Code": "ThrottlingError"}, {"Code": "None"}]
)
TROUBLE: dict[str, tuple[str, Fault]] = {
    "throttled": ("UpdateItem", refusal("ThrottlingException")),
    "over capacity": ("UpdateItem", refusal("ProvisionedThroughputExceededException")),
    "fault": ("UpdateItem", refusal("InternalServerError", status=500)),
    "transaction met": ("TransactWriteItems", conflict(2)),
    "transaction throttled": ("TransactWriteItems", BUSY),
    "slow down": ("PutObject", object_refusal("SlowDown", 503)),
}


@pytest.mark.parametrize("trouble", TROUBLE)
def test_a_passing_trouble_is_tried_again(
    aws_door: Door, reference: str, store: AwsStore, trouble: str
) -> None:
    """Throttling, a server's fault and meeting another pass: the push and the forgetting are done, once."""
    aws_door.fail(*TROUBLE[trouble])
    first = put(store, group(body=HUGE))
    assert aws_door.faults == []
    assert (stored(store, first), store.group_tenants()) == (first, {"t": 1})
    if trouble != "slow down":
        aws_door.fail(*TROUBLE[trouble])
    store.forget_groups([first.head])
    assert (aws_door.faults, stored(store, first), objects(aws_door, reference)) == ([], None, [])
    assert store.group_tenants() == {"t": 2}


@pytest.mark.parametrize("call", ["UpdateItem", "TransactWriteItems"])
def test_a_push_that_failed_half_way_is_repeated(
    aws_door: Door, reference: str, store: AwsStore, call: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An error says what AWS refused; the same call again is True, and the change shows at last."""
    monkeypatch.setattr("pushvar.net.aws.ATTEMPTS", 1)
    first = put(store, group(body=HUGE))
    second, number = later(first, HUGE[::-1]), store.group_tenants()["t"]
    if call == "UpdateItem":
        aws_door.fail(call, DENIED)
    else:
        aws_door.fail(call, conflict(2), times=8)
    with pytest.raises(StateError, match=r"^state table .*(AccessDenied|TransactionConflict)"):
        store.put_group(second, first.head.version)
    assert stored(store, first) == (second if call == "UpdateItem" else first)
    assert store.put_group(second, first.head.version) is True
    assert stored(store, first) == second
    assert store.group_tenants()["t"] > number
    left = objects(aws_door, reference)
    assert len(left) == (1 if call == "UpdateItem" else 2)  # whether AWS took it is not known after an error


def test_pushes_of_one_tenant_never_meet(aws_door: Door, store: AwsStore) -> None:
    """What all pushes of a tenant write, no transaction holds: pushes of different groups do not conflict."""
    firsts = [put(store, group(str(number))) for number in range(8)]

    def push(number: int) -> None:
        last = firsts[number]
        for _ in range(4):
            last = put(store, later(last), last)

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(push, range(8)))
    assert aws_door.conflicts == 0
    assert store.group_tenants() == {"t": 40}


def test_a_shape_that_another_process_added_is_known(aws_door: Door, reference: str, store: AwsStore) -> None:
    """A second opening adds the same shape once; a full set takes none, and costs a call each time."""
    put(store, group())
    with closing(open_state(reference)) as second:
        put(second, group("b"))
        put(second, group("c"))
        assert second.group_shapes("t") == {("job",)}
    assert aws_door.calls.count("UpdateItem") == 2 + 3
    for number in range(SHAPES_PER_TENANT - 1):
        store._groups._add_shape("t", f'["{number}"]')
    assert len(store.group_shapes("t")) == SHAPES_PER_TENANT
    aws_door.calls.clear()
    put(store, group("b", labels={"one": "too many"}))
    put(store, group("c", labels={"one": "too many"}))
    assert aws_door.calls == ["UpdateItem", "TransactWriteItems", "UpdateItem"] * 2
    assert len(store.group_shapes("t")) == SHAPES_PER_TENANT
