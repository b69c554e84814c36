"""What groups of one customer may not say against each other, and that customers do not meet."""

from __future__ import annotations

import pytest
from pushvar.config.schema import Gateway
from pushvar.jobs.agreement import KEPT_MS
from pushvar.jobs.grouping import place_of
from pushvar.jobs.overlap import rival_keys
from pushvar.wire.exposition.pushed_text import read_text

from tests.unit.push_door import Door, X, basic, user
from tests.unit.test_push_groups import troubled

COUNTER, GAUGE = b"# TYPE x counter\nx 1\n", b"# TYPE x gauge\nx 1\n"
INCONSISTENT = "pushed metrics are invalid or inconsistent with existing metrics: "

# One type for each name


def test_a_name_has_one_type() -> None:
    """The later pusher is refused, with the group that has the other type."""
    door = Door()
    assert door.put("a", COUNTER) == 200
    status, outcome, words = door.refusal("b/z/y", GAUGE)
    assert (status, outcome) == (400, "inconsistent")
    said = "gathered metric family x has type GAUGE but should have COUNTER"
    assert words == f'{INCONSISTENT}{said}, as in group {{job="a"}}\n'
    assert list(door.heads()) == ["a"]
    assert door.put("b", COUNTER) == 200
    assert door.post("b", b"# TYPE x histogram\nx_sum 1\n") == 400


def test_a_family_without_a_type_contradicts_nobody() -> None:
    """Neither before nor after the one that has a type."""
    door = Door()
    assert [door.put("a", b"x 1\n"), door.put("b", COUNTER), door.put("c", b"x 1\n")] == [200, 200, 200]
    assert "# TYPE x counter\n" in door.ask("GET", "/metrics").body.decode()


def test_the_only_group_of_a_name_may_change_its_type() -> None:
    """Also when the table has the old one: it is the shard's cycle that heeds the table."""
    door = Door()
    assert [door.put("a", COUNTER), door.put("a", GAUGE), door.post("a", COUNTER)] == [200, 200, 200]
    assert [door.put("a", GAUGE), door.put("b", GAUGE)] == [200, 200]
    assert door.store.types("default") == {"x": "counter"}
    assert door.put("c", COUNTER) == 200, "who says what the table says is not compared with groups"
    door.later_ms += KEPT_MS
    assert [door.put("a", GAUGE), door.put("d", GAUGE)] == [400, 400]


@pytest.mark.parametrize("end", ["delete", "expire", "replace"])
def test_a_type_ends_with_its_last_group(end: str) -> None:
    """At once: what was known of a group is looked at again before anybody is refused."""
    door = Door()
    assert [door.put("a", COUNTER), door.put("b", GAUGE)] == [200, 400]
    if end == "delete":
        door.delete("a")
    elif end == "replace":
        door.put("a", b"other 1\n")
    else:
        door.later_ms += door.settings.ttl.ms
    assert door.put("b", GAUGE) == 200


def test_a_type_that_many_groups_have() -> None:
    """Some of them are remembered; when those have ended, the others still count."""
    door = Door()
    names = [f"a{number}" for number in range(25)]
    assert {door.put(name, COUNTER) for name in names} == {200}
    assert door.put("b", GAUGE) == 400
    for left in range(24, -1, -1):
        assert door.delete(names[left]) == 202
        assert door.put("b", GAUGE) == (400 if left else 200)


def test_the_groups_are_listed_only_in_doubt() -> None:
    """Whoever agrees with the table costs no listing; who does not, one in a while."""
    door, trouble = troubled()
    assert door.put("a", COUNTER) == 200
    assert door.put("b", b"x 1\n") == 200
    trouble.calls.clear()
    assert {door.put("a", COUNTER) for _ in range(5)} == {200}
    assert "groups" not in trouble.calls
    assert door.put("a", b"") == 200
    assert {door.put("b", GAUGE) for _ in range(5)} == {200}
    assert trouble.calls["groups"] == 1
    door.later_ms += KEPT_MS
    assert door.put("b", GAUGE) == 200
    assert trouble.calls["groups"] == 2
    door.later_ms += KEPT_MS
    assert door.put("a", COUNTER) == 200
    trouble.calls.clear()
    assert {door.put(f"c{number}", GAUGE) for number in range(5)} == {400}
    assert trouble.calls["groups"] <= 6, "one for the types, the others for the number of groups"


def test_a_refused_push_settles_no_types() -> None:
    """Else a push that was not taken would decide what later ones may say."""
    door = Door()
    assert door.put("a", COUNTER) == 200
    assert door.put("b", b"# TYPE new gauge\nnew 1\n" + GAUGE) == 400
    assert door.put("a/tag/v", b"# TYPE new gauge\nnew 1\nq 1\n") == 200
    assert door.put("a", b'# TYPE other gauge\nother 1\nq{tag="v"} 1\n') == 400
    assert door.store.types("default") == {"x": "counter", "new": "gauge"}


def test_names_with_the_same_hash() -> None:
    """They are told apart by the bodies."""
    door = Door()
    assert door.put("a", b"# TYPE plumless counter\nplumless 1\n") == 200
    assert door.put("b", b"# TYPE buckeroo counter\nbuckeroo 1\n") == 200  # the same CRC-32
    assert door.put("b", b"# TYPE buckeroo gauge\nbuckeroo 1\n") == 200, (
        "plumless is a counter, buckeroo none"
    )
    assert door.put("c", b"# TYPE buckeroo counter\nbuckeroo 1\n") == 200
    assert door.put("b", b"# TYPE buckeroo gauge\nbuckeroo 1\n") == 400


# No series from two groups


@pytest.mark.parametrize(
    ("first", "second", "taken"),
    [
        (("a", b'q{tag="v"} 1\n'), ("a/tag/v", b"q 1\n"), False),
        (("a/tag/v", b"q 1\n"), ("a", b'q{tag="v"} 1\n'), False),
        (("a/tag/v", b"q 1\n"), ("a", b'q{tag="w"} 1\n'), True),
        (("a/tag/v", b"q 1\n"), ("b", b'q{tag="v"} 1\n'), True),
        (("a/tag/v", b"q 1\n"), ("a", b'r{tag="v"} 1\n'), True),
        (("a/tag/v", b'q{z="1"} 1\n'), ("a/z/1", b'q{tag="v"} 1\n'), False),
        (("a/tag/v", b'q{z="1"} 1\n'), ("a/z/2", b'q{tag="v"} 1\n'), True),
        (("a/tag/v/z/1", b"q 1\n"), ("a", b'q{tag="v",z="1"} 1\n'), False),
        (("a/tag/v/z/1", b"q 1\n"), ("a", b'q{tag="v"} 1\n'), True),
        (("a", b""), ("a/instance/", b""), False),
        (("a/instance/", b"x 1\n"), ("a", b""), False),
        (("a/b/", b"x 1\n"), ("a/c/", b"y 1\n"), False),
        (("a/b//tag/v", b"q 1\n"), ("a/c/", b'q{tag="v"} 1\n'), False),
        (("a/b/", b'q{b="1"} 1\n'), ("a/b/1", b"q 1\n"), True),
        (("a/instance/i", b"x 1\n"), ("a", b'x{instance="i"} 1\n'), False),
        (("a", b'# TYPE h histogram\nh_sum{i="1"} 1\n'), ("a/i/1", b"h_count 1\n"), False),
        (("a/i/1", b"h_count 1\n"), ("a", b'# TYPE h summary\nh_sum{i="1"} 1\n'), False),
        (("a", b'# TYPE h histogram\nh_sum{i="1"} 1\n'), ("a/i/1", b"h_quantile 1\n"), True),
    ],
)
def test_a_series_of_two_groups(first: tuple[str, bytes], second: tuple[str, bytes], taken: bool) -> None:  # noqa: FBT001 - a column
    """The later pusher is refused, whichever of the two says the label in its path."""
    door = Door()
    assert door.put(*first) == 200
    if taken:
        assert door.put(*second) == 200
        return
    status, outcome, words = door.refusal(*second)
    assert (status, outcome) == (400, "inconsistent")
    assert words.startswith(f"{INCONSISTENT}collected metric ")
    assert " was collected before with the same name and label values, in group {" in words
    assert door.delete(first[0]) == 202
    assert door.put(*second) == 200


def test_the_words_of_an_overlap() -> None:
    """The series, and whose it is."""
    door = Door()
    assert door.put("a", b'q{tag="v"} 1\n') == 200
    assert door.refusal("a/tag/v", b"q 1\n")[2] == (
        f'{INCONSISTENT}collected metric "q" {{job="a",tag="v"}} was collected before with the same name'
        ' and label values, in group {job="a"}\n'
    )


def test_a_group_may_be_replaced_by_what_it_had() -> None:
    """It is no other group."""
    door = Door()
    assert {door.put("a/tag/v", b"q 1\n") for _ in range(3)} == {200}
    assert {door.post("a/tag/v", b"q 1\n") for _ in range(3)} == {200}


def test_rivals_follow_from_the_series() -> None:
    """One key for each set of label names, however many groups there are; more for labels of the body."""
    place = place_of("acme", {"job": "a", "tag": "v"})
    shapes = {("job",), ("job", "tag"), ("instance", "job"), ("job", "tag", "z")}
    families = read_text(b'x 1\ny{b="1"} 1\n')
    found = rival_keys(place, families, shapes)
    empty = [{"job": "a"}, {"job": "a", "instance": ""}, {"job": "a", "tag": "v", "z": ""}]
    assert found == {place_of("acme", labels).key for labels in empty}
    many = b"".join(b'x{z="%d"} 1\n' % number for number in range(50))
    assert len(rival_keys(place, read_text(many), shapes)) == 3 + 50


def test_a_push_that_may_meet_too_many_groups() -> None:
    """It is refused before they are looked for."""
    door, trouble = troubled(sample_limit=0, body_size_limit=0)
    assert door.put("a/instance/i/z/1") == 200
    trouble.calls.clear()
    many = b"".join(b'x{instance="%d"} 1\n' % number for number in range(20_001))
    status, outcome, words = door.refusal("a", many)
    assert (status, outcome) == (400, "limited")
    assert words.startswith(
        "a push is compared with at most 20000 groups: values of instance in its body name more, where groups"
        " are by instance, job, z; push a group for each value"
    )
    assert trouble.calls == {"group_shapes": 1, "get_groups": 1}
    assert door.put("a", b"".join(many.splitlines(keepends=True)[:19_999])) == 200


def test_a_push_costs_the_same_however_many_groups_there_are() -> None:
    """It asks for its own group and its rivals in one call."""
    door, trouble = troubled()
    assert {door.put(f"a/instance/i-{number}") for number in range(100)} == {200}
    trouble.calls.clear()
    assert door.put("a/instance/i-7", COUNTER) == 200
    assert trouble.calls == {"group_shapes": 1, "get_groups": 1, "put_group": 1}


# Customers


def test_two_customers_do_not_meet() -> None:
    """The same groups with names and types that contradict each other: both are fine, each sees its own."""
    door = Door(Gateway(credentials=(basic("acme", "ann"), basic("beta", "ben"))), {"ann": "a", "ben": "b"})
    ann, ben = user("ann", "a"), user("ben", "b")
    for _ in range(2):
        assert door.put("j", COUNTER + b'q{tag="v"} 1\n', authorization=ann) == 200
        assert door.put("j", GAUGE + b"# TYPE q histogram\nq_sum 2\n", authorization=ben) == 200
        assert door.put("j/tag/v", b"q_sum 1\n", authorization=ben) == 200
    assert door.lines(authorization=ann) == ['q{instance="",job="j",tag="v"} 1', 'x{instance="",job="j"} 1']
    assert 'x{instance="",job="j"} 1' in door.lines(authorization=ben)
    assert not any(one.startswith("q{") for one in door.lines(authorization=ben))
    assert [group["labels"] for group in door.groups(authorization=ann)] == [{"job": "j"}]
    assert door.delete("j", authorization=ben) == 202
    assert len(door.groups(authorization=ann)) == 1
    assert door.put("j", X, authorization=ann) == 200
