"""Shards: a stable assignment that moves few targets, and messages that are read strictly."""

from __future__ import annotations

import hashlib
from collections import Counter
from typing import Any

import msgspec
import pytest
from pushvar.collect.shards import (
    TARGETS_PER_SHARD,
    ShardMessage,
    assign,
    read_message,
    records_of,
    shard_count,
    shard_of,
    stagger_s,
)
from pushvar.errors import EventError
from pushvar.model import Target

DIGEST = "0123456789abcdef" * 4
GOOD: dict[str, Any] = {
    "schema": 1, "cycle": 1_795_173_600_000, "planned_at": 1_795_173_612_345, "shard": "7",
    "config_version": DIGEST, "slice_version": DIGEST[::-1],
}  # fmt: skip


def key(number: int) -> str:
    """A target's key, as it is made."""
    return hashlib.sha256(str(number).encode()).hexdigest()[:20]


def target(number: int) -> Target:
    """A target of its own."""
    return Target(
        key(number),
        "job",
        f"http://10.0.0.1:{number}/debug/vars",
        (("instance", f"10.0.0.1:{number}"), ("job", "job")),
    )


def test_the_assignment_never_changes() -> None:
    """Numbers that other implementations of the jump hash give too, and ours for real keys: for ever."""
    known = {(1, 1): 0, (42, 57): 43, (0xDEAD10CC, 1): 0, (0xDEAD10CC, 666): 361, (256, 1024): 520}
    assert {pair: shard_of(f"{pair[0]:016x}", pair[1]) for pair in known} == known
    assert [shard_of(key(number), 10) for number in range(12)] == [3, 4, 9, 2, 5, 2, 5, 4, 4, 4, 2, 1]


def test_shards_are_even_and_in_range() -> None:
    """Ten thousand targets on twenty shards: none has a quarter more or less than its share."""
    shards = assign(map(target, range(10_000)), 20)
    assert sum(map(len, shards)) == 10_000
    assert all(375 <= len(shard) <= 625 for shard in shards)


def test_one_more_shard_moves_only_its_share() -> None:
    """From 10 to 11 shards, targets move to the new one only, about one in eleven."""
    moved = [
        (before, after)
        for number in range(2_000)
        if (before := shard_of(key(number), 10)) != (after := shard_of(key(number), 11))
    ]
    assert {after for _, after in moved} == {10}
    assert 120 <= len(moved) <= 250


def test_a_group_has_one_writer() -> None:
    """Targets that differ in other labels only share a Pushgateway's group, and so a shard."""
    group = (("customer_id", "acme"), ("instance", "10.0.0.1:80"), ("job", "pay"))
    targets = [Target(key(n), "pay", f"http://10.0.0.1:{n}/", (*group, ("zone", str(n)))) for n in range(30)]
    assert sorted(map(len, assign(targets, 7))) == [0, 0, 0, 0, 0, 0, 30]


def test_order_of_the_registry_does_not_matter() -> None:
    """The same targets in another order are the same slices: nothing is stored anew."""
    targets = [target(number) for number in range(50)]
    assert assign(targets, 3) == assign(reversed(targets), 3)


@pytest.mark.parametrize(
    ("targets", "wanted", "count"),
    [
        (0, 0, 1),
        (1, 0, 1),
        (TARGETS_PER_SHARD, 0, 1),
        (TARGETS_PER_SHARD + 1, 0, 2),
        (5, 4, 4),
        (10_000, 0, 100),
    ],
)
def test_how_many_shards(targets: int, wanted: int, count: int) -> None:
    """As many as one asks for, else by the number of targets, and never none."""
    assert shard_count(targets, wanted) == count


def test_a_message_is_small_and_comes_back() -> None:
    """What is sent is what is read; ten of them are far below any limit of a batch."""
    message = msgspec.convert(GOOD, ShardMessage)
    assert read_message(message.text()) == message
    assert len(message.text()) < 400


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"schema": 2}, "schema 2, this pushvar reads 1"),
        ({"cycle": 0}, "$.cycle"),
        ({"cycle": "now"}, "$.cycle"),
        ({"planned_at": -1}, "$.planned_at"),
        ({"shard": 7}, "$.shard"),
        ({"shard": "../7"}, "$.shard"),
        ({"shard": "7\n"}, "$.shard"),
        ({"config_version": "abc"}, "$.config_version"),
        ({"slice_version": None}, "$.slice_version"),
    ],
)
def test_a_malformed_message_names_its_field(change: dict[str, Any], said: str) -> None:
    """Each field that is wrong is named."""
    with pytest.raises(EventError) as raised:
        read_message(msgspec.json.encode({**GOOD, **change}))
    assert said in str(raised.value)


@pytest.mark.parametrize("name", [name for name in GOOD if name != "schema"])
def test_a_missing_field_is_named(name: str) -> None:
    """Nothing has a default but the schema."""
    with pytest.raises(EventError, match=name):
        read_message(msgspec.json.encode({key: value for key, value in GOOD.items() if key != name}))


@pytest.mark.parametrize("text", ["", "hello", "[]", "null", '{"schema": 1', "\ud800"])
def test_what_is_no_message(text: str) -> None:
    """Anything else in the queue is refused in words."""
    with pytest.raises(EventError, match="not a shard message"):
        read_message(text)


def test_records_of_a_queue() -> None:
    """Of an SQS record only its id and its body count."""
    event = {"Records": [{"messageId": "1", "body": "a", "attributes": {}}, {"messageId": "2", "body": "b"}]}
    assert records_of(event) == [("1", "a"), ("2", "b")]


@pytest.mark.parametrize(
    "event", [{}, [], None, {"Records": 1}, {"Records": [{"body": "a"}]}, {"Records": [1]}]
)
def test_what_is_no_queue_event(event: object) -> None:
    """A person who invokes the function with something else is told."""
    with pytest.raises(EventError, match=r"not an SQS event: .*events/forward\.json"):
        records_of(event)


@pytest.mark.parametrize("count", [1, 4, 5, 12, 100, 1_000, 10_000])
def test_shards_begin_one_after_another(count: int) -> None:
    """A second for five shards and twenty at most, evenly: no second has more than its share."""
    delays = [stagger_s(shard, count) for shard in range(count)]
    window_s = min(20, count // 5)
    assert delays == sorted(delays)
    assert (delays[0], delays[-1]) == (0, max(0, window_s - 1))
    per_second = Counter(delays).values()
    assert max(per_second) - min(per_second) <= 1
