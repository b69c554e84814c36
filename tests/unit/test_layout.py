"""How many shards there should be, and when one layout may follow another."""

from __future__ import annotations

import pytest
from pushvar.collect.layout import Layout, head_of, layout_of, patience_ms, wanted_shards
from pushvar.config.load import load
from pushvar.model import Head, ShardState

NOW_MS = 1_795_176_000_000


@pytest.mark.parametrize(
    ("targets", "groups", "present", "wanted"),
    [
        (0, 0, 0, 1), (250, 0, 0, 3), (100, 0, 1, 1), (101, 0, 1, 2), (101, 0, 2, 2),
        (100, 0, 2, 2), (10, 0, 2, 2), (10, 0, 3, 1), (450, 0, 10, 10), (449, 0, 10, 10), (400, 0, 10, 4),
        (100, 2_001, 1, 3), (1_000, 2_001, 10, 10),
    ],
)  # fmt: skip
def test_the_number_of_shards(targets: int, groups: int, present: int, wanted: int) -> None:
    """As many as are needed, and no fewer before half would do: a target more or less moves nothing."""
    assert wanted_shards(targets, groups, present) == wanted


def test_a_fleet_that_breathes_keeps_its_shards() -> None:
    """Between 60 % and all of what it was, there is one change at most."""
    present, changes = 0, 0
    for targets in (1_000, 700, 990, 610, 1_000, 650, 900):
        wanted = wanted_shards(targets, 0, present)
        changes += present not in {0, wanted}
        present = wanted
    assert (present, changes) == (10, 0)


def _states(**changes: object) -> dict[str, ShardState]:
    rests = ShardState(Head(NOW_MS, NOW_MS, lanes={"b": {"speaks": "2.0"}}))
    return {"0": rests, "1": ShardState(**{"head": rests.head} | changes)}  # type: ignore[arg-type]


def test_rest() -> None:
    """All have finished what they were given, none is at work, nothing waits."""
    wish = Layout(2, 4).toward(3, NOW_MS - 60_000).given(NOW_MS, "v")
    assert wish.drained(_states(), NOW_MS)
    assert wish.switched() == Layout(3, 5)
    assert not wish.drained({"0": _states()["0"]}, NOW_MS), "a shard has not run yet"
    assert not wish.drained(_states(held_until_ms=NOW_MS + 1), NOW_MS)
    assert wish.drained(_states(held_until_ms=NOW_MS), NOW_MS), "that lease is over"
    assert not wish.drained(_states(head=Head(NOW_MS - 1, NOW_MS - 1)), NOW_MS)
    assert not wish.drained(_states(head=Head(NOW_MS + 1, NOW_MS)), NOW_MS), "a cycle died"
    assert not wish.drained(_states(head=Head(NOW_MS, NOW_MS, lanes={"b": {"waiting": 1}})), NOW_MS)
    assert not Layout(2, 4).toward(3, NOW_MS).drained(_states(), NOW_MS), "nobody was asked yet"


def test_patience() -> None:
    """The wish counts from its first moment, however it changes; a shard at work is not passed over."""
    first = Layout(2).toward(3, NOW_MS).given(NOW_MS, "v")
    later = first.toward(4, NOW_MS + 50_000)
    states = _states(head=Head(NOW_MS, NOW_MS, lanes={"b": {"waiting": 1}}))
    assert (later.wanted, later.since_ms) == (4, NOW_MS)
    assert not later.overdue(states, 100_000, NOW_MS + 99_999)
    assert later.overdue(states, 100_000, NOW_MS + 100_000)
    assert not later.overdue(_states(held_until_ms=NOW_MS + 200_000), 100_000, NOW_MS + 100_000)
    assert later.toward(2, NOW_MS) == Layout(2), "the wish was taken back"


@pytest.mark.parametrize(
    ("backends", "limit_ms"),
    [
        ("remote_write: [{url: 'http://b/w'}]", 600_000),
        (
            "remote_write: [{url: 'http://b/w', queue_config: {sample_age_limit: 20m}}, {url: 'http://c/w'}]",
            1_200_000,
        ),
        ("pushgateways: [{url: 'http://g'}]", 3_600_000),
    ],
)  # fmt: skip
def test_how_long_samples_may_wait(backends: str, limit_ms: int) -> None:
    """As long as the most patient backend keeps them."""
    assert patience_ms(load(f"scrape_configs: [{{job_name: a}}]\n{backends}", source="test")) == limit_ms


def test_the_layout_lies_in_a_head() -> None:
    """What is stored comes back; a head without one is none."""
    layout = Layout(3, 2, wanted=5, since_ms=7, asked=9, snapshot="v")
    head = head_of(layout, 11)
    assert (layout_of(head), head.finished_cycle, head.layout) == (layout, 11, 2)
    assert layout_of(Head(1, 1)) is None
