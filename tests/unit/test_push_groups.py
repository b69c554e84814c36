"""What becomes of groups: replaced, added to, deleted, ended, refused, and all at once."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import pytest
from pushvar.config.schema import Gateway
from pushvar.config.values import Duration
from pushvar.errors import StateError
from pushvar.jobs.room import COUNTED_MS, FULL_MS
from pushvar.state.protocol import SHAPES_BYTES, SHAPES_PER_TENANT

from tests.unit.push_door import NOW_MS, Door, X

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping
    from pathlib import Path

    from pushvar.model import Group, GroupHead
    from pushvar.state.protocol import StateStore

HOUR_MS = 3_600_000


@dataclass
class Trouble:
    """A real store that fails for as many calls as it is told, or loses every race; ``calls`` counts them."""

    store: StateStore
    fails: int = 0
    loses: int = 0
    calls: dict[str, int] = field(default_factory=dict)

    def _called(self, name: str) -> None:
        self.calls[name] = self.calls.get(name, 0) + 1
        if self.fails:
            self.fails -= 1
            raise StateError("the disk is gone")

    def groups(self, tenant: str) -> tuple[GroupHead, ...]:
        """As the store has them."""
        self._called("groups")
        return self.store.groups(tenant)

    def group_shapes(self, tenant: str) -> frozenset[tuple[str, ...]]:
        """As the store has them."""
        self._called("group_shapes")
        return self.store.group_shapes(tenant)

    def get_groups(self, keys: Collection[str]) -> Mapping[str, Group]:
        """As the store has them."""
        self._called("get_groups")
        return self.store.get_groups(keys)

    def put_group(self, group: Group, replaces: str) -> bool:
        """As the store does it, unless somebody else was faster."""
        self._called("put_group")
        if self.loses:
            self.loses -= 1
            return False
        return self.store.put_group(group, replaces)


def troubled(**changes: Any) -> tuple[Door, Trouble]:
    """A door, and the trouble behind it."""
    door = Door(Gateway(anonymous="default", **changes))
    trouble = Trouble(door.store)
    return Door(door.settings, store=door.store, behind=trouble), trouble


def line(name: str, job: str, value: int = 1) -> str:
    """A sample without labels of its own, as it is shown."""
    return f'{name}{{instance="",job="{job}"}} {value}'


def test_put_post_delete() -> None:
    """PUT replaces a group, POST the families of the same names, DELETE leaves a tombstone."""
    door = Door()
    assert door.put("a", b"x 1\ny 1\n") == 200
    assert door.post("a", b"y 2\nz 2\n") == 200
    assert door.lines() == [line("x", "a"), line("y", "a", 2), line("z", "a", 2)]
    assert door.put("a", b"z 3\n") == 200
    assert door.lines() == [line("z", "a", 3)]
    assert door.delete("a") == 202
    assert door.lines() == []
    head = door.heads()["a"]
    assert (head.deleted, head.samples, head.types) == (True, 0, b"")
    assert [group.body for group in door.store.get_groups([head.key]).values()] == [b""]
    assert door.delete("a") == 202
    assert door.heads()["a"] == head
    assert door.delete("never") == 202
    assert list(door.heads()) == ["a"]


def test_empty_bodies() -> None:
    """PUT empties the group, POST leaves it; both make one, and are pushes."""
    door = Door()
    assert door.put("a") == 200
    before = door.heads()["a"]
    assert door.post("a", b"") == 200
    after = door.heads()["a"]
    assert after.pushed_ms > before.pushed_ms
    assert after.expires_ms - after.pushed_ms == before.expires_ms - before.pushed_ms
    assert (after.samples, after.types, door.lines()) == (1, before.types, [line("x", "a")])
    assert door.put("a", b"") == 200
    assert (door.heads()["a"].samples, door.lines()) == (0, [])
    assert door.post("b", b"") == 200
    assert [group["labels"] for group in door.groups()] == [{"job": "a"}, {"job": "b"}]


def test_each_change_has_a_version_of_its_own() -> None:
    """Also a refused push, which changes the failure time."""
    door = Door()
    versions = []
    for act in (door.put, door.post, lambda path: door.put(path, b"x"), door.delete, door.put):
        act("a")
        versions += [head.version for head in door.store.groups("default")]
    assert len(set(versions)) == len(versions) == 5


def test_what_may_not_stand_together_in_a_group() -> None:
    """A POST is compared with what is there."""
    door = Door()
    assert door.put("a", b"# TYPE h histogram\nh_sum 1\n") == 200
    reply = door.ask("POST", "/metrics/job/a", b"h_count 1\n")
    assert (reply.status, reply.outcome) == (400, "malformed")
    assert (
        b'collected metric named "h_count" collides with previously collected histogram named "h"'
        in reply.body
    )
    assert door.post("a", b"# TYPE h gauge\nh 1\n") == 200
    assert door.post("a", b"h_count 1\n") == 200


def test_what_a_head_says() -> None:
    """Everything about the group but its body."""
    door = Door()
    assert door.put("a/b/c", b'# TYPE x counter\nx 1\nx{a="1"} 2\n# TYPE h histogram\nh_sum 1\n') == 200
    head = door.heads()["a"]
    assert (head.tenant, head.grouping, head.samples) == ("default", (("b", "c"), ("job", "a")), 5)
    assert (head.pushed_ms, head.failed_ms, head.deleted) == (NOW_MS + door.later_ms, 0, False)
    assert head.expires_ms == head.pushed_ms + 24 * HOUR_MS
    assert len(head.types) == 10


# Its end


@pytest.mark.parametrize(
    ("said", "lives_ms"),
    [("48h", 48 * HOUR_MS), ("90", 90_000), ("1m30s", 90_000), (" 5s ", 5_000), ("500d", 30 * 24 * HOUR_MS)],
)
def test_a_push_says_how_long_its_group_lives(said: str, lives_ms: int) -> None:
    """A duration, or seconds; never longer than the longest."""
    door = Door(Gateway(anonymous="default", max_ttl=Duration(30 * 24 * HOUR_MS)))
    assert door.put("a", x_pushvar_ttl=said) == 200
    assert door.heads()["a"].expires_ms - door.heads()["a"].pushed_ms == lives_ms
    assert door.post("a") == 200
    assert door.heads()["a"].expires_ms - door.heads()["a"].pushed_ms == 24 * HOUR_MS, "it says so each time"


@pytest.mark.parametrize("said", ["0", "0s", "-1", "1.5", "soon", "1h 2m", "٣", "1" * 200, "9999999999y"])
def test_a_time_that_is_none(said: str) -> None:
    """400, and why."""
    door = Door()
    status, outcome, words = door.refusal("a", X, x_pushvar_ttl=said)
    assert (status, outcome) == (400, "malformed")
    assert words.startswith("X-Pushvar-TTL: ")
    assert words.endswith("write a duration such as 48h, or seconds\n")
    assert door.heads() == {}


@pytest.mark.parametrize("end", ["delete", "expire"])
def test_an_ended_group_is_shown_nowhere(end: str) -> None:
    """And a push onto it starts it anew: nothing of before is left."""
    door = Door()
    assert door.put("a", b"old 1\n") == 200
    assert door.put("a", b"broken") == 400
    assert door.heads()["a"].failed_ms > 0
    if end == "delete":
        assert door.delete("a") == 202
    else:
        door.later_ms += 24 * HOUR_MS
    ended = door.heads()["a"]
    assert door.lines() == []
    assert door.groups() == []
    assert door.put("a", b"broken") == 400
    assert door.heads()["a"] == ended, "what has ended does not fail"
    assert door.post("a", b"new 1\n") == 200
    assert door.lines() == [line("new", "a")]
    head = door.heads()["a"]
    assert (head.deleted, head.failed_ms, head.samples) == (False, 0, 1)


# When a push is refused


@pytest.mark.parametrize(
    ("body", "headers"),
    [
        (b"x", {}),
        (b"x 1 2\n", {}),
        (b"up 1\n", {}),
        (b"x 1\nx 1\n", {}),
        (b"# TYPE t counter\nt 1\n", {}),
        (b'x{tag="v"} 1\n', {}),
        (X, {"content_encoding": "gzip"}),
        (X, {"content_encoding": "br"}),
        (X, {"x_pushvar_ttl": "soon"}),
        (b"x 1\n" * 200, {}),
    ],
)
@pytest.mark.parametrize("method", ["PUT", "POST"])
def test_a_refused_push_changes_one_time_only(method: str, body: bytes, headers: dict[str, str]) -> None:
    """The failure time of a group that is there; it makes none."""
    door = Door(Gateway(anonymous="default", body_size_limit=500))
    assert door.put("a/tag/v", b"x 1\n") == 200
    assert door.put("b", b"# TYPE t gauge\nt 1\n") == 200
    assert door.ask(method, "/metrics/job/new", b"up 1\n", **headers).status >= 400
    assert sorted(door.heads()) == ["a", "b"]
    assert door.put("a", b"kept 1\n") == 200
    before, lines = {head.key: head for head in door.store.groups("default")}, door.lines()
    began_ms = NOW_MS + door.later_ms
    assert door.ask(method, "/metrics/job/a", body, **headers).status >= 400
    after = {head.key: head for head in door.store.groups("default")}
    (changed,) = [key for key, head in after.items() if head != before[key]]
    head = after[changed]
    assert head.grouping == (("job", "a"),)
    assert began_ms < head.failed_ms <= NOW_MS + door.later_ms
    assert replace(head, version="", failed_ms=0) == replace(before[changed], version="", failed_ms=0)
    assert door.lines() == lines
    failed = [group["labels"] for group in door.groups() if not group["last_push_successful"]]
    assert failed == [{"job": "a"}]
    assert door.post("a", b"") == 200
    assert all(group["last_push_successful"] for group in door.groups())


# Limits of a customer


def test_the_number_of_groups() -> None:
    """429 for one more; others may be changed, and there is room again when one ends."""
    door = Door(Gateway(anonymous="default", group_limit=2))
    assert [door.put(name) for name in ("a", "b", "c")] == [200, 200, 429]
    reply = door.ask("PUT", "/metrics/job/c", X)
    assert reply.outcome == "limited"
    assert reply.body.startswith(b"group_limit is 2: customer default has 2 groups; delete some, ")
    assert [door.put("a"), door.post("b")] == [200, 200]
    assert door.delete("a") == 202
    assert [door.put("c"), door.put("a")] == [200, 429]


def test_groups_that_others_made_or_ended_count() -> None:
    """Soon: what other processes do is seen when the count is old."""
    door = Door(Gateway(anonymous="default", group_limit=3))
    other = door.other(anonymous="default", group_limit=10)
    assert door.put("a") == 200
    assert [other.put(name) for name in ("b", "c", "d")] == [200, 200, 200]
    door.later_ms += COUNTED_MS
    assert door.put("e") == 429
    assert [other.delete(name) for name in ("b", "c")] == [202, 202]
    door.later_ms += FULL_MS
    assert door.put("e") == 200


def test_counting_costs_one_look_for_many_groups() -> None:
    """New groups do not list the old ones each time."""
    door, trouble = troubled()
    assert {door.put(f"a{number}") for number in range(50)} == {200}
    assert trouble.calls == {"group_shapes": 50, "get_groups": 50, "groups": 1, "put_group": 50}


def test_the_number_of_label_sets() -> None:
    """A job that makes up label names is stopped; those that are known go on."""
    door = Door()
    assert {door.put(f"a/l{number}/v") for number in range(SHAPES_PER_TENANT)} == {200}
    reply = door.ask("PUT", "/metrics/job/a/one/more", X)
    assert (reply.status, reply.outcome) == (429, "limited")
    assert reply.body.startswith(b"groups of a customer have at most 100 different sets of label names: ")
    assert door.put("a/l7/other") == 200
    assert door.put("a/l7/v") == 200
    wide = Door(Gateway(anonymous="default", label_name_length_limit=0, label_limit=0))
    name = "n" * 15_000
    answers = [wide.put(f"a/{name}{number}/v") for number in range(8)]
    assert answers == [200] * (SHAPES_BYTES // 15_000) + [429] * (8 - SHAPES_BYTES // 15_000)


# When the store fails, or others are faster


def test_a_store_that_fails() -> None:
    """503 and when to come back; the reason is in the log, not in the answer."""
    door, trouble = troubled()
    assert door.put("a") == 200
    asked = [
        ("PUT", "/metrics/job/a"), ("POST", "/metrics/job/a"), ("DELETE", "/metrics/job/a"),
        ("GET", "/metrics"), ("GET", "/api/v1/metrics"), ("GET", "/-/ready"),
    ]  # fmt: skip
    for method, target in asked:
        trouble.fails = 1
        reply = door.ask(method, target, X)
        assert (reply.status, reply.outcome, reply.detail) == (503, "unavailable", "the disk is gone")
        assert dict(reply.headers) == {"Retry-After": "1"}
        assert b"disk" not in reply.body
        trouble.fails = 0
    assert door.ask("GET", "/-/healthy").status == 200
    assert door.lines() == [line("x", "a")]


def test_a_refusal_is_told_even_when_its_time_cannot_be_noted() -> None:
    """What was wrong with the push matters more."""
    door, trouble = troubled()
    assert door.put("a") == 200
    trouble.fails = 1
    assert door.put("a", b"broken") == 400
    trouble.loses = 1_000
    assert door.put("a", b"broken") == 400
    assert door.heads()["a"].failed_ms == 0


def test_a_lost_race_is_run_again() -> None:
    """A few times; who never wins is told to come back."""
    door, trouble = troubled()
    trouble.loses = 20
    assert door.put("a") == 200
    trouble.loses = 10_000
    for reply in (door.ask("POST", "/metrics/job/a", b"y 1\n"), door.ask("DELETE", "/metrics/job/a")):
        assert (reply.status, reply.outcome) == (503, "contended")
        assert dict(reply.headers) == {"Retry-After": "1"}
    assert door.heads()["a"].failed_ms == 0, "the push was not wrong"
    trouble.loses = 0
    assert door.lines() == [line("x", "a")]


@pytest.mark.parametrize("file", [False, True])
def test_many_threads_push_into_one_group(tmp_path: Path, file: bool) -> None:  # noqa: FBT001 - a parameter
    """Each POST adds its family; none is lost, whoever wins."""
    from pushvar.state import open_state

    door = Door(store=open_state(f"sqlite:{tmp_path}/state.db" if file else "memory:"))
    wrong: list[int] = []
    ready = threading.Barrier(8)

    def push(thread: int) -> None:
        ready.wait()
        for number in range(10):
            status = door.post("a", f"t{thread}_{number} {number}\n".encode())
            wrong.extend([status] if status != 200 else [])

    threads = [threading.Thread(target=push, args=(thread,)) for thread in range(8)]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    assert wrong == []
    expected = {line(f"t{thread}_{number}", "a", number) for thread in range(8) for number in range(10)}
    assert set(door.lines()) == expected
    door.store.close()
