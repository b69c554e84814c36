"""What the receiver keeps: for how long, across restarts, and what it answers about it."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING

import pytest
from pushvar.errors import StateError
from pushvar.model import STALE_BITS
from pushvar.receiver.server import Receiver

from tests.io.receiver_requests import (
    NOW_MS,
    Clock,
    Row,
    get,
    good,
    labels,
    number,
    post,
)

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def clock() -> Clock:
    """A clock at the time of the requests."""
    return Clock()


@pytest.fixture
def receiver(clock: Clock) -> Iterator[Receiver]:
    """A fresh receiver under that clock."""
    with Receiver(clock_ms=clock) as running:
        yield running


def test_targets_come_from_up(receiver: Receiver, clock: Clock) -> None:
    """Health, times and tenant labels of each target, the troubled ones first."""
    tenant = {"customer_id": "cust-789", "service_domain": "pay", "sla_tier": "gold"}
    health = (("a", 1.0), ("b", 0.0), ("c", number(STALE_BITS)))
    rows = [Row(labels("up", instance=name, **tenant), ((NOW_MS, value),)) for name, value in health]
    rows.append(Row(labels("scrape_duration_seconds", instance="a", **tenant), ((NOW_MS, 0.25),)))
    rows.append(Row(labels("scrape_samples_scraped", instance="a", **tenant), ((NOW_MS, 60.0),)))
    assert post(receiver, good(*rows)).status == 204
    found = {one.instance: one for one in receiver.targets()}
    assert [one.health for one in receiver.targets()] == ["down", "gone", "up"]
    assert (found["a"].duration_s, found["a"].samples, found["b"].duration_s) == (0.25, 60, None)
    assert (found["a"].customer_id, found["a"].service_domain, found["a"].sla_tier) == (
        "cust-789",
        "pay",
        "gold",
    )
    assert found["a"].last_scrape_ms == NOW_MS
    clock.now_ms += 6 * 60_000
    assert {one.instance: one.health for one in receiver.targets()} == {
        "a": "silent",
        "b": "silent",
        "c": "gone",
    }


def test_a_violation_that_repeats_is_counted_not_listed_again(receiver: Receiver, clock: Clock) -> None:
    """One row per rule and series: how often, first, last, and what was seen last."""
    for value in (1.0, 2.0, 3.0):
        post(receiver, good(Row(labels(), ((NOW_MS, value),))))
        clock.now_ms += 1000
    (found,) = receiver.violations()
    assert (found.rule, found.count, found.first_ms, found.last_ms) == (
        "sample-conflict",
        2,
        NOW_MS + 1000,
        NOW_MS + 2000,
    )
    assert found.series == 'go_goroutines{instance="10.0.1.5:8080",job="pay-gateway"}'


def test_what_is_older_than_the_retention_is_forgotten(clock: Clock) -> None:
    """Samples, series, requests, violations and types go; what is younger stays."""
    with Receiver(retention_s=600, clock_ms=clock) as receiver:
        post(receiver, good(Row(labels("old")), Row(labels("kept")), metadata=[("old", 1, "")]))
        post(receiver, good(Row(labels("bad-name"))))
        clock.now_ms += 300_000
        post(receiver, good(Row(labels("kept"), ((clock.now_ms, 2.0),))))
        clock.now_ms += 301_000
        post(receiver, good(metadata=[("old", 2, "")]))
        assert [one.name for one in receiver.series()] == ["kept"]
        assert [sample.value for sample in receiver.samples(dict(labels("kept")))] == [2.0]
        assert receiver.violations() == ()
        assert len(receiver.requests()) == 2
        assert receiver.totals().requests == 4
        assert post(receiver, good(Row(labels("old"), ((clock.now_ms, 1.0),)))).status == 204


def test_a_restart_on_the_same_file_remembers(tmp_path: Path, clock: Clock) -> None:
    """Order, types and totals hold across restarts."""
    path = tmp_path / "received.db"
    with Receiver(database_path=path, clock_ms=clock) as first:
        post(first, good(Row(labels(), ((NOW_MS, 1.0),)), metadata=[("go_goroutines", 2, "")]))
    with Receiver(database_path=path, clock_ms=clock) as second:
        assert second.totals().samples == 1
        assert post(second, good(Row(labels(), ((NOW_MS, 1.0),)))).status == 204
        late = post(second, good(Row(labels(), ((NOW_MS - 1, 1.0),)), metadata=[("go_goroutines", 1, "")]))
        assert [line.split(":")[0] for line in late.text.splitlines()] == ["metadata-flap", "sample-order"]


def test_a_temporary_database_is_gone_after_stop(receiver: Receiver) -> None:
    """Without a path nothing is left behind, and a question after stop says why it has no answer."""
    (row,) = receiver.store.read("PRAGMA database_list")
    assert row[2].endswith("receiver.db")
    receiver.stop()
    receiver.stop()
    with pytest.raises(StateError, match="closed"):
        receiver.totals()
    with (
        pytest.raises(sqlite3.OperationalError),
        closing(sqlite3.connect(f"file:{row[2]}?mode=ro", uri=True)) as gone,
    ):
        gone.execute("SELECT 1")


def test_a_file_of_another_kind_is_refused(tmp_path: Path) -> None:
    """The receiver neither reads nor changes a database that is not its own."""
    path = tmp_path / "other.db"
    with closing(sqlite3.connect(path)) as other:
        other.execute("CREATE TABLE mine (a)")
    with pytest.raises(StateError, match=r"other\.db: not a receiver's database"):
        Receiver(database_path=path).start()


def test_a_file_that_is_no_database_is_refused(tmp_path: Path) -> None:
    """The message names the file and says what to do."""
    path = tmp_path / "notes.txt"
    path.write_text("no database " * 100)
    with pytest.raises(StateError, match=r"notes\.txt: file is not a database; give another"):
        Receiver(database_path=path).start()


def test_a_broken_database_is_a_server_error(tmp_path: Path, clock: Clock) -> None:
    """500 tells the sender to try again, and what was not stored is not remembered."""
    path = tmp_path / "received.db"
    with Receiver(database_path=path, clock_ms=clock) as receiver:
        with closing(sqlite3.connect(path)) as other:
            other.execute("ALTER TABLE samples RENAME TO elsewhere")
        reply = post(receiver, good(Row(labels())))
        assert (reply.status, reply.text) == (
            500,
            "the receiver's database cannot be written: no such table: samples\n",
        )
        assert get(receiver, "/").status == 500
        with closing(sqlite3.connect(path)) as other:
            other.execute("ALTER TABLE elsewhere RENAME TO samples")
        assert post(receiver, good(Row(labels(), ((NOW_MS - 1, 1.0),)))).status == 204
        assert receiver.totals().samples == 1


def test_requests_are_logged_with_sizes_and_status(receiver: Receiver) -> None:
    """The latest first, with what came and what became of it."""
    first, second = good(Row(labels())), good(Row(labels("a-b")), Row(labels("b")))
    post(receiver, first)
    post(receiver, second)
    log = receiver.requests()
    assert [(one.status, one.series, one.samples, one.violations) for one in log] == [
        (400, 2, 1, 1),
        (204, 1, 1, 0),
    ]
    assert [one.body_bytes for one in log] == [len(second.body), len(first.body)]
    assert {one.user_agent for one in log} == {"pushvar-tests/1.0"}
