"""The AWS store on moto: what lies where, what each step costs in calls, and what is said when AWS refuses.

moto lets calls run through each other and knows no conflict; ``tests.contract.aws_door`` makes up for it.
It also ignores ClientRequestToken, by which DynamoDB knows a transaction that is sent again: what is shown
here of lost answers holds without that help. IAM and throttling are answers of the door.
"""

from __future__ import annotations

import base64
import json
import random
import re
import subprocess
import sys
import time
import zlib
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import boto3
import pytest
from pushvar.errors import ConfigError, LeaseLost, StateError
from pushvar.state import open_state
from pushvar.state._aws_service import AwsService
from pushvar.state._aws_spool import SPOOL_KEPT_S
from pushvar.state._type_table import packed
from pushvar.state.aws import AwsStore
from pushvar.state.protocol import Head, Lease, NewEntry

from tests.contract import aws_door, state_stores
from tests.contract.aws_door import (
    LOST,
    PASS,
    Door,
    Fault,
    conflict,
    items,
    object_refusal,
    objects,
    own_client,
    refusal,
)
from tests.contract.state_stores import series_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.programs.aws import Aws

DENIED = refusal("AccessDeniedException", "User: x is not authorized to perform: dynamodb:UpdateItem")
HUGE = random.Random(1).randbytes(500_000)  # more than an item holds (400 KB), and nothing compresses it


@pytest.fixture
def door(aws: Aws, monkeypatch: pytest.MonkeyPatch) -> Iterator[Door]:
    """A door to the session's AWS; this process goes through it."""
    with aws_door.aws_door(aws) as opened:
        monkeypatch.setenv("AWS_ENDPOINT_URL", opened.url)
        monkeypatch.setattr("boto3.session.Session", aws_door.session)
        monkeypatch.setattr(*aws_door.PATIENT)
        yield opened


@pytest.fixture
def reference(door: Door) -> str:
    """The name of an empty store."""
    return door.new_store()


@pytest.fixture
def store(reference: str) -> Iterator[AwsStore]:
    """An empty store."""
    with closing(open_state(reference)) as opened:
        assert isinstance(opened, AwsStore)
        yield opened


def take(store: AwsStore, owner: str = "a", *, shard: str = "0", cycle: int = 1, now_ms: int = 0) -> Lease:
    """The lease of a free shard."""
    lease = store.acquire(shard, owner, cycle=cycle, now_ms=now_ms, ttl_ms=1_000)
    assert lease is not None
    return lease


def append(store: AwsStore, lease: Lease, body: bytes = b"body", lane: str = "main") -> Any:
    """One batch at the end of a lane."""
    return state_stores.append(store, lease, lane, body)


@pytest.mark.parametrize(
    "location",
    ["", "table", "table/", "/bucket", "table/bucket/x", "ta ble/bucket", "table/Bucket", "t/b"],
)
def test_a_reference_names_table_and_bucket(location: str) -> None:
    """Both names and nothing more; otherwise the error shows how a reference is written."""
    with pytest.raises(ConfigError, match=r"^state: .* write aws:TABLE/BUCKET"):
        open_state(f"aws:{location}")


def test_opening_imports_no_boto3() -> None:
    """A cold start pays for boto3 only when the store is asked something."""
    opening = "from pushvar.state import open_state; open_state('aws:table/bucket').close()"
    code = f"{opening}; import sys; print('boto3' in sys.modules)"
    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert shown.stdout.strip() == "False"


def test_threads_share_one_client(aws: Aws) -> None:
    """A client is made once per store, whoever asks first, and anew after closing."""
    service = AwsService("dynamodb", f"table at {aws.url}")

    def client(_: int) -> Any:
        with service.client() as made:
            return made

    with ThreadPoolExecutor(8) as pool:
        made = set(pool.map(client, range(16)))
    assert len(made) == 1
    service.close()
    assert client(0) not in made
    service.close()


def test_everything_lies_where_the_charter_says(door: Door, reference: str, store: AwsStore) -> None:
    """The keys and attributes of the table and the folders of the bucket are those of the charter."""
    lease = take(store)
    append(store, lease)
    store.set_fingerprints(lease, {"t": b"f"})
    store.set_series(lease, {"t": b"s"})
    store.set_series(lease, {"huge": HUGE})
    digest, large = store.put_document(b"{}"), store.put_document(HUGE)
    store.set_pointer("p", digest)
    store.settle_types("t", {"x": "gauge"})
    store.commit(lease, Head(1, 1), release=True)
    found = items(door, reference)
    assert {key: set(item) for key, item in found.items()} == {
        ("shard#0", "head"): {
            *("fence", "expires_ms", "started_cycle", "finished_cycle", "counters", "lanes"),
            *("last_sequence", "last_write", "layout", "started_before"),
        },
        ("shard#0", "spool#0000000000000001"): {
            *("lane", "time_ms", "samples", "size_bytes", "object_key", "gone_s")
        },
        ("shard#0", "fingerprints"): {"body"},
        ("target#t", "series"): {"body"},
        ("target#huge", "series"): {"object_key"},
        (f"document#{digest}", "document"): {"body"},
        (f"document#{large}", "document"): {"object_key"},
        ("pointer#p", "pointer"): {"digest"},
        ("types#t", "types"): {"version", "body"},
    }
    gone_s = int(found["shard#0", "spool#0000000000000001"]["gone_s"]["N"])
    assert abs(gone_s - time.time() - SPOOL_KEPT_S) < 60
    folders = [re.sub("/[0-9a-f]{32}$", "/<id>", key) for key in objects(door, reference)]
    assert folders == [f"documents/{large}", "series/huge/<id>", "spool/0/main/<id>"]


CALLS: dict[str, tuple[Callable[[AwsStore, Lease, Any], object], str]] = {
    "acquire": (lambda store, *_: take(store), "UpdateItem"),
    "held by another": (
        lambda store, *_: store.acquire("0", "b", cycle=1, now_ms=0, ttl_ms=1),
        "UpdateItem",
    ),
    "renew": (lambda store, lease, *_: store.renew(lease, now_ms=0, ttl_ms=1), "UpdateItem"),
    "commit": (lambda store, lease, *_: store.commit(lease, Head()), "UpdateItem"),
    "commit and release": (lambda store, lease, *_: store.commit(lease, Head(), release=True), "UpdateItem"),
    "release": (lambda store, lease, *_: store.release(lease), "UpdateItem"),
    "append": (lambda store, lease, *_: append(store, lease), "PutObject TransactWriteItems"),
    "entries": (lambda store, *_: store.spool_entries("0"), "Query"),
    "body": (lambda store, _lease, entry: store.spool_body(entry), "GetObject"),
    "acknowledge": (
        lambda store, lease, entry: store.spool_acknowledge(lease, [entry]),
        "TransactWriteItems DeleteObjects",
    ),
    "fingerprints": (lambda store, *_: store.fingerprints("0"), "GetItem"),
    "set fingerprints": (lambda store, lease, *_: store.set_fingerprints(lease, {}), "TransactWriteItems"),
    "series": (lambda store, *_: series_of(store, "t"), "BatchGetItem"),
    "set series": (lambda store, lease, *_: store.set_series(lease, {"t": b"new"}), "TransactWriteItems"),
    "forget series": (lambda store, lease, *_: store.set_series(lease, {"t": None}), "TransactWriteItems"),
    "append 30": (
        lambda store, lease, *_: store.spool_append(lease, "main", [NewEntry(b"b", 1, 1)] * 30),
        "PutObject " * 30 + "TransactWriteItems",
    ),
    "acknowledge 250": (
        lambda store, lease, entry: store.spool_acknowledge(
            lease, [replace(entry, sequence=number) for number in range(250)]
        ),
        "TransactWriteItems DeleteObjects " * 3,
    ),
    "250 series": (
        lambda store, *_: store.series([str(number) for number in range(250)]),
        "BatchGetItem " * 3,
    ),
    "set 250 series": (
        lambda store, lease, *_: store.set_series(lease, {str(number): b"s" for number in range(250)}),
        "TransactWriteItems " * 3,
    ),
    "types": (lambda store, *_: store.types("t"), "GetItem"),
    "settle new types": (lambda store, *_: store.settle_types("t", {"new": "gauge"}), "GetItem PutItem"),
    "settle known types": (lambda store, *_: store.settle_types("t", {"old": "gauge"}), "GetItem"),
    "known document": (lambda store, *_: store.put_document(b"known"), "GetItem"),
    "new document": (lambda store, *_: store.put_document(b"new"), "GetItem PutItem"),
    "new large document": (
        lambda store, *_: store.put_document(HUGE),
        "GetItem PutObject PutItem",
    ),
    "pointer": (lambda store, *_: store.get_pointer("p"), "GetItem"),
    "set pointer": (lambda store, *_: store.set_pointer("p", "d"), "PutItem"),
}


@pytest.mark.parametrize("step", CALLS)
def test_calls_of_each_step(door: Door, store: AwsStore, step: str) -> None:
    """Each step costs the calls that it must, and no more."""
    lease = take(store)
    entry = append(store, lease)
    store.set_series(lease, {"t": b"old"})
    store.put_document(b"known")
    store.settle_types("t", {"old": "counter"})
    door.calls.clear()
    work, expected = CALLS[step]
    work(store, lease, entry)
    assert door.calls == expected.split()


def test_a_healthy_cycle_is_two_writes_and_a_read(door: Door, store: AwsStore) -> None:
    """Lease, memory, commit: three calls of DynamoDB, none of S3."""
    lease = take(store)
    store.fingerprints("0")
    store.commit(lease, Head(1, 1, {"sent": 1}), release=True)
    assert door.calls == ["UpdateItem", "GetItem", "UpdateItem"]


def test_a_large_head_is_compressed(door: Door, reference: str, store: AwsStore) -> None:
    """Thousands of lanes fit one item: text while it is short, zlib when it is long."""
    lanes = {f"main/tenant-{number}": {"speaks": "2.0", "learnt_ms": number} for number in range(5_000)}
    store.commit(take(store), Head(1, 1, {"sent": 1.0}, lanes))
    head = items(door, reference)["shard#0", "head"]
    assert head["counters"] == {"S": '{"sent":1.0}'}
    assert len(head["lanes"]["B"]) < 50_000
    assert take(store).head.lanes == lanes


def test_a_series_set_moves_between_item_and_object(door: Door, reference: str, store: AwsStore) -> None:
    """What an item cannot hold is an object; what replaces it leaves no object behind."""
    lease = take(store)
    for body in (b"small", HUGE, HUGE[::-1], b"small", HUGE, None, HUGE):
        store.set_series(lease, {"t": body})
        assert series_of(store, "t") == body
        assert len(objects(door, reference)) == (body is not None and len(body) > 300_000)


def test_fingerprints_may_outgrow_an_item(door: Door, reference: str, store: AwsStore) -> None:
    """A shard's memory of very many targets is an object, written under the lease all the same."""
    lease = take(store)
    many = {str(number): HUGE[number : number + 16] for number in range(0, 400_000, 16)}
    store.set_fingerprints(lease, many)
    assert store.fingerprints("0") == many
    assert [key.rpartition("/")[0] for key in objects(door, reference)] == ["fingerprints/0"]


def test_a_lost_lease_leaves_no_object(door: Door, reference: str, store: AwsStore) -> None:
    """A body that was uploaded under a lease that is lost is removed, and what was there stays."""
    old = take(store, "a")
    store.set_series(old, {"t": HUGE})
    before = objects(door, reference)
    take(store, "b", now_ms=1_000)
    with pytest.raises(LeaseLost):
        store.set_series(old, {"t": HUGE[::-1]})
    with pytest.raises(LeaseLost):
        append(store, old)
    assert objects(door, reference) == before
    assert series_of(store, "t") == HUGE


def test_an_object_replaced_while_it_is_read_is_read_anew(door: Door, store: AwsStore) -> None:
    """Between item and object another writer may come; gone for good is an error that says what to do."""
    store.set_series(take(store), {"t": HUGE})
    door.fail("GetObject", object_refusal("NoSuchKey", 404))
    assert series_of(store, "t") == HUGE
    door.fail("GetObject", object_refusal("NoSuchKey", 404), times=3)
    with pytest.raises(StateError, match=r"object series/t/.* is gone; delete the item target#t, series in"):
        series_of(store, "t")


def test_a_spool_longer_than_a_page_is_listed_whole(door: Door, store: AwsStore) -> None:
    """Query gives at most 1 MB; all pages together are the lane, in order."""
    lease = take(store)
    entries = tuple(append(store, lease, bytes([number]), lane="x" * 90_000) for number in range(24))
    door.calls.clear()
    assert store.spool_entries("0") == entries
    assert door.calls == ["Query"] * 3


@pytest.mark.parametrize("text", ["", "..", "../../x", "a/b", "ü ☃", "#", "x" * 1_500, "%2e\n\x00"])
def test_any_text_names_a_shard_a_lane_or_a_target(store: AwsStore, text: str) -> None:
    """Names that no path or key would take are kept apart and come back as they were."""
    lease = take(store, shard=text)
    entry = append(store, lease, b"mine", lane=text)
    append(store, lease, b"other", lane=f"{text}.")
    assert store.spool_entries(text, text) == (entry,)
    assert store.spool_body(entry) == b"mine"
    store.set_series(lease, {text: HUGE})
    assert series_of(store, text) == HUGE
    store.spool_acknowledge(lease, [entry])


def test_a_number_is_not_given_twice_across_openings(reference: str, store: AwsStore) -> None:
    """A second opening that goes on under the same lease counts on where the head stands."""
    lease = take(store)
    first = append(store, lease)
    store.spool_acknowledge(lease, [first])
    with closing(open_state(reference)) as second:
        assert isinstance(second, AwsStore)
        assert [append(second, lease).sequence for _ in range(2)] == [2, 3]
    assert append(store, lease).sequence == 4


def test_a_body_that_is_gone_is_said(door: Door, reference: str, store: AwsStore) -> None:
    """An index whose object was deleted is an error of that entry, which can still be acknowledged."""
    lease = take(store)
    entry = append(store, lease)
    bucket = reference.partition("/")[2]
    own_client(door.aws, "s3").delete_object(Bucket=bucket, Key=objects(door, reference)[0])
    with pytest.raises(StateError, match="spool entry 1 of shard 0, lane main is gone"):
        store.spool_body(entry)
    store.spool_acknowledge(lease, [entry])
    assert store.spool_entries("0") == ()


def test_an_acknowledged_entry_does_not_wait_for_its_body(door: Door, store: AwsStore) -> None:
    """Once the index is gone the entry is; a body that cannot be deleted is left to the life cycle."""
    lease = take(store)
    entry = append(store, lease)
    door.fail("DeleteObjects", object_refusal("AccessDenied", 403))
    store.spool_acknowledge(lease, [entry])
    assert store.spool_entries("0") == ()


@pytest.mark.usefixtures("impatient")
@pytest.mark.parametrize("transactions", [0, 1, 2])
def test_a_store_that_goes_down_leaves_the_first_batches(
    door: Door, store: AwsStore, transactions: int
) -> None:
    """Of several batches all before the failure are stored, none behind it, and the next ones follow."""
    lease = take(store)
    new = [NewEntry(b"%d" % number, 1, number) for number in range(250)]
    door.fail("TransactWriteItems", PASS, times=transactions)
    door.fail("TransactWriteItems", DENIED)
    with pytest.raises(StateError, match="AccessDenied"):
        store.spool_append(lease, "main", new)
    entries = store.spool_entries("0")
    assert [entry.time_ms for entry in entries] == list(range(99 * transactions))
    assert [entry.sequence for entry in entries] == list(range(1, 99 * transactions + 1))
    again = store.spool_append(lease, "main", new[len(entries) :])
    assert [store.spool_body(entry) for entry in (*entries, *again)] == [entry.body for entry in new]


@pytest.mark.usefixtures("impatient")
def test_a_bucket_that_goes_down_stores_none(door: Door, reference: str, store: AwsStore) -> None:
    """When one body cannot be uploaded no batch is stored, and no object stays behind."""
    lease = take(store)
    door.fail("PutObject", PASS, times=11)
    door.fail("PutObject", object_refusal("SlowDown", 503))
    with pytest.raises(StateError, match="SlowDown"):
        store.spool_append(lease, "main", [NewEntry(b"b", 1, 1)] * 30)
    assert (store.spool_entries("0"), objects(door, reference)) == ((), [])


def test_a_lease_lost_between_transactions_keeps_what_is_named(
    door: Door, reference: str, store: AwsStore
) -> None:
    """Bodies that no item names are removed, those of the first transaction stay."""
    lease = take(store)
    door.fail("TransactWriteItems", PASS)
    lost = [{"Code": "ConditionalCheckFailed", "Item": {"fence": {"N": "9"}}}]
    door.fail("TransactWriteItems", refusal("TransactionCanceledException", CancellationReasons=lost))
    with pytest.raises(LeaseLost):
        store.spool_append(lease, "main", [NewEntry(b"%d" % number, 1, number) for number in range(120)])
    entries = store.spool_entries("0")
    assert [store.spool_body(entry) for entry in entries] == [b"%d" % number for number in range(99)]
    assert sorted(entry.place for entry in entries) == sorted(objects(door, reference))


def test_keys_that_a_batched_read_leaves_are_asked_again(door: Door, store: AwsStore) -> None:
    """What does not fit 16 MB, or is throttled, comes with the next call; nothing at all is an error."""
    sets = {str(number): b"%d" % number for number in range(130)}
    store.set_series(take(store), sets)
    table = store._table.name
    keys = [{"pk": {"S": f"target#{number}"}, "sk": {"S": "series"}} for number in range(100)]
    unread = {table: {"Keys": keys, "ConsistentRead": True}}
    nothing = Fault(200, json.dumps({"Responses": {table: []}, "UnprocessedKeys": unread}).encode())
    half = {table: {"Keys": keys[50:], "ConsistentRead": True}}
    rows = [{**key, "body": {"B": base64.b64encode(b"%d" % n).decode()}} for n, key in enumerate(keys[:50])]
    some = Fault(200, json.dumps({"Responses": {table: rows}, "UnprocessedKeys": half}).encode())
    for fault in (nothing, some):
        door.fail("BatchGetItem", fault)
    assert store.series(sets) == sets
    door.fail("BatchGetItem", nothing, times=8)
    with pytest.raises(StateError, match="100 items were asked for, none came; it is tried again"):
        store.series(sets)


def test_types_that_others_keep_writing_are_given_up(door: Door, store: AwsStore) -> None:
    """Eight refusals in a row, each with a table that lacks our name, end in an error that says so."""
    item = {"version": {"N": "5"}, "body": {"B": base64.b64encode(packed({"y": "gauge"})).decode()}}
    door.fail("PutItem", refusal("ConditionalCheckFailedException", Item=item), times=8)
    with pytest.raises(StateError, match="others kept writing the types of tenant 't'"):
        store.settle_types("t", {"x": "gauge"})


@pytest.mark.parametrize("answers", [["PreconditionFailed"], ["ConditionalRequestConflict"] * 2, []])
def test_a_document_that_another_stores_too_is_there(door: Door, store: AwsStore, answers: list[str]) -> None:
    """412: it is there already. 409: two race, asked again. Either way the document is named and found."""
    statuses = {"PreconditionFailed": 412, "ConditionalRequestConflict": 409}
    store.put_document(HUGE)  # so that the object is there
    table = store._table.name
    digest = next(iter(key for key, _ in items(door, f"aws:{table}/x"))).partition("#")[2]
    own_client(door.aws, "dynamodb").delete_item(
        TableName=table, Key={"pk": {"S": f"document#{digest}"}, "sk": {"S": "document"}}
    )
    for code in answers:
        door.fail("PutObject", object_refusal(code, statuses[code]))
    assert store.put_document(HUGE) == digest
    assert store.get_document(digest) == HUGE


def test_a_damaged_document_is_not_handed_out(door: Door, reference: str, store: AwsStore) -> None:
    """A document whose bytes no longer have its hash is an error, not a configuration."""
    for damaged in (b"no zlib", zlib.compress(b"other")):
        digest = store.put_document(b"good" + damaged)
        own_client(door.aws, "dynamodb").put_item(
            TableName=re.split("[:/]", reference)[1],
            Item={"pk": {"S": f"document#{digest}"}, "sk": {"S": "document"}, "body": {"B": damaged}},
        )
        with pytest.raises(StateError, match=f"document {digest} in state table .* is damaged; delete it"):
            store.get_document(digest)


BUSY = [{"Code": "ThrottlingError"}, {"Code": "None"}]


@pytest.mark.parametrize(
    ("call", "fault"),
    [
        ("UpdateItem", refusal("ThrottlingException")),
        ("UpdateItem", refusal("ProvisionedThroughputExceededException")),
        ("UpdateItem", refusal("InternalServerError", status=500)),
        ("UpdateItem", refusal("TransactionConflictException")),
        ("TransactWriteItems", conflict(2)),
        (
            "TransactWriteItems",
            refusal(
                "TransactionCanceledException",
                CancellationReasons=[{"Code": "ThrottlingError"}, {"Code": "None"}],
            ),
        ),
        ("PutObject", object_refusal("SlowDown", 503)),
    ],
    ids=[
        "throttled",
        "over capacity",
        "fault",
        "met",
        "transaction met",
        "transaction throttled",
        "slow down",
    ],
)
def test_a_passing_trouble_is_tried_again(door: Door, store: AwsStore, call: str, fault: Any) -> None:
    """Throttling, a server's fault, and meeting another writer pass: the step is done in the end, once."""
    lease = take(store)
    door.fail(call, fault)
    entry = append(store, lease)
    store.commit(lease, Head(2, 2), release=True)
    assert store.spool_entries("0") == (entry,)
    assert take(store, "b") == Lease("0", "b", 2, 1_000, Head(2, 2))
    assert door.faults == []


def test_a_conflict_that_stays_is_reported(door: Door, store: AwsStore) -> None:
    """After eight tries the store gives up, and says that it met another writer."""
    lease = take(store)
    door.calls.clear()
    door.fail("TransactWriteItems", conflict(2), times=8)
    with pytest.raises(StateError, match=r"state table .*TransactionConflict.*next cycle"):
        store.set_series(lease, {"t": b"s"})
    assert door.calls == ["TransactWriteItems"] * 8
    assert series_of(store, "t") is None


def test_writers_that_meet_all_get_through(door: Door, reference: str, store: AwsStore) -> None:
    """Two openings of the store write one shard at the same time: they conflict, wait, and succeed."""
    lease = take(store)

    def write(number: int) -> int:
        opened = stores[number % 2]
        opened.set_series(lease, {str(number): bytes([number])})
        return int(append(opened, lease).sequence)

    with closing(open_state(reference)) as second, ThreadPoolExecutor(4) as pool:
        assert isinstance(second, AwsStore)
        stores = (store, second)
        assert sorted(pool.map(write, range(12))) == list(range(1, 13))
    assert door.conflicts > 0
    assert all(series_of(store, str(number)) == bytes([number]) for number in range(12))


LOST_ANSWERS: dict[str, Callable[[AwsStore, Lease], object]] = {
    "renew": lambda store, lease: store.renew(lease, now_ms=500, ttl_ms=500),
    "commit and release": lambda store, lease: store.commit(lease, Head(1, 1), release=True),
    "release": lambda store, lease: store.release(lease),
    "append": append,
    "set series": lambda store, lease: store.set_series(lease, {"t": HUGE}),
    "replace series": lambda store, lease: store.set_series(lease, {"u": HUGE[::-1]}),
    "forget series": lambda store, lease: store.set_series(lease, {"u": None}),
    "append many": lambda store, lease: store.spool_append(lease, "main", [NewEntry(b"m", 1, 1)] * 120),
    "set many series": lambda store, lease: store.set_series(
        lease, {"u": b"small", "t": HUGE, **{f"more{number}": b"s" for number in range(5)}}
    ),
    "settle types": lambda store, _lease: store.settle_types("t", {"x": "gauge"}),
    "fingerprints": lambda store, lease: store.set_fingerprints(lease, {"t": b"f"}),
    "acknowledge": lambda store, lease: store.spool_acknowledge(lease, [store.spool_entries("0")[0]]),
}


def everything(store: AwsStore) -> tuple[Any, ...]:
    """All that one can read in this test, the objects' ids left out."""
    entries = [(entry.sequence, store.spool_body(entry)) for entry in store.spool_entries("0")]
    lease = take(store, "z", now_ms=1_000)
    return entries, store.series(["t", "u", "more4"]), store.types("t"), store.fingerprints("0"), lease


@pytest.mark.parametrize("step", LOST_ANSWERS)
def test_a_lost_answer_counts_once(door: Door, step: str) -> None:
    """A write that AWS did, but whose answer was lost, is sent again and counts once, and loses no lease."""
    seen, left = [], []
    for losing in (False, True):
        reference = door.new_store()
        with closing(open_state(reference)) as store:
            assert isinstance(store, AwsStore)
            lease = take(store)
            append(store, lease)
            store.set_series(lease, {"u": HUGE})
            if losing:
                door.fail("UpdateItem", LOST)
                door.fail("TransactWriteItems", LOST)
                door.fail("PutItem", LOST)
            LOST_ANSWERS[step](store, lease)
            assert not losing or len(door.faults) == 2
            door.faults.clear()
            seen.append(everything(store))
            left.append(len(objects(door, reference)))
    assert seen[0] == seen[1]
    assert left[0] == left[1]


def test_a_lease_whose_answer_was_lost_knows_the_head_before(door: Door, store: AwsStore) -> None:
    """A lease that botocore took twice gives the head as it was before both: no cycle counts as died."""
    store.commit(take(store, cycle=4), Head(4, 4, {"sent": 1.0}), release=True)
    door.fail("UpdateItem", LOST)
    lease = take(store, "b", cycle=5)
    assert lease == Lease("0", "b", 3, 1_000, Head(4, 4, {"sent": 1.0}))
    store.commit(lease, Head(5, 5))


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let botocore try once: what it says after five tries is the same."""
    monkeypatch.setattr("pushvar.net.aws.ATTEMPTS", 1)


@pytest.mark.usefixtures("impatient")
@pytest.mark.parametrize(
    ("call", "fault", "words"),
    [
        ("UpdateItem", DENIED, r"^state table pushvar-\w+: AccessDeniedException: User: x .*; allow this"),
        ("UpdateItem", refusal("ThrottlingException"), r"^state table .*Throttling.*; others use the same"),
        ("UpdateItem", refusal("ValidationException", "Item size"), r"Item size; it is tried again in the"),
        ("UpdateItem", LOST, r"^state table .*ConnectionClosed: .*; it is tried again in the next cycle"),
        (
            "PutObject",
            object_refusal("AccessDenied", 403),
            r"^state bucket pushvar-\w+: AccessDenied: .*; allow",
        ),
        ("PutObject", object_refusal("SlowDown", 503), r"^state bucket pushvar-\w+: SlowDown: "),
    ],
    ids=["denied", "throttled", "too large", "no answer", "bucket denied", "bucket busy"],
)
def test_a_refusal_says_what_to_do(door: Door, store: AwsStore, call: str, fault: Any, words: str) -> None:
    """The table or the bucket, AWS's own code and words, and a next step."""
    door.fail(call, fault)
    with pytest.raises(StateError, match=words):
        append(store, take(store))


def test_a_missing_table_or_bucket_is_named(reference: str) -> None:
    """The message says which of the two is not there."""
    table, bucket = re.split("[:/]", reference)[1:]
    with (
        closing(open_state(f"aws:missing-table/{bucket}")) as no_table,
        pytest.raises(StateError, match=r"state table missing-table: ResourceNotFound.*; check the name"),
    ):
        no_table.fingerprints("0")
    with closing(open_state(f"aws:{table}/missing-bucket")) as no_bucket:
        assert isinstance(no_bucket, AwsStore)
        with pytest.raises(
            StateError, match=r"state bucket missing-bucket: NoSuchBucket: .*; check the name"
        ):
            append(no_bucket, take(no_bucket))


@pytest.mark.usefixtures("impatient")
def test_a_network_that_is_down_is_said(door: Door, store: AwsStore, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody answers, no credentials, no region: each says what is missing; afterwards the store works."""
    monkeypatch.setattr("boto3.session.Session", boto3.Session)
    monkeypatch.setattr("pushvar.net.aws._session", boto3.Session)  # which asks for credentials each time
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    with pytest.raises(StateError, match=r"EndpointConnection: .*; is the network there"):
        take(store)
    store.close()
    monkeypatch.setenv("AWS_ENDPOINT_URL", door.url)
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    with pytest.raises(StateError, match=r"state table .*NoCredentials: .*; set AWS_PROFILE"):
        take(store)
    store.close()
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "testing")
    for name in ("AWS_REGION", "AWS_DEFAULT_REGION"):
        monkeypatch.delenv(name)
    with pytest.raises(StateError, match=r"state table .*NoRegion: .*; set AWS_REGION"):
        take(store)
    monkeypatch.setenv("AWS_REGION", "eu-west-1")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-west-1")
    assert take(store).fence == 1
