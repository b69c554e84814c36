"""Why a Pushgateway refused a group: what is found in its own words and in what it holds."""

from __future__ import annotations

import json

import pytest
from pushvar.deliver.conflicts import Held, explained, held_groups

KEY = ("pay", "10.0.0.1:80", "")
MINE = {"job": "pay", "instance": "10.0.0.1:80"}
OTHER = {"job": "b"}


def held(name: str, kind: str, **labels: str) -> Held:
    """A group with one family, of one series."""
    group = labels or OTHER
    return Held(group, {name: kind}, {name: [group]})


def text(**types: str) -> str:
    """What is pushed: families of these types."""
    return "".join(f"# TYPE {name} {kind}\n{name} 1\n" for name, kind in types.items())


@pytest.mark.parametrize(
    ("words", "pushed", "groups", "why"),
    [
        (
            'collected metric "x" { label:<name:"job" value:"b" > } is not a COUNTER',
            text(a="gauge", x="counter"),
            [held("a", "gauge"), held("x", "gauge", job="c", zone='"z"')],
            'x is pushed as counter, group {job="c", zone="\\"z\\""} has it as gauge',
        ),
        (
            "gathered metric family y has type COUNTER but should have GAUGE",
            text(x="counter", y="counter"),
            [held("x", "gauge"), held("y", "gauge", job="c")],
            'y is pushed as counter, group {job="c"} has it as gauge',
        ),
        (
            "something else",
            text(x="counter", y="counter"),
            [held("y", "untyped")],
            'y is pushed as counter, group {job="b"} has it as untyped',
        ),
        (
            'collected metric named "h_count" collides with previously collected histogram named "h"',
            text(h_count="gauge"),
            [held("h", "histogram")],
            'h_count is pushed as gauge, group {job="b"} has h as histogram',
        ),
        (
            'collected histogram named "h" collides with previously collected metric named "h_bucket"',
            text(h="histogram"),
            [held("h_bucket", "gauge")],
            'h is pushed as histogram, group {job="b"} has h_bucket as gauge',
        ),
        (
            'collected metric "x" {} was collected before with the same name and label values',
            text(x="gauge"),
            [
                held("x", "gauge", job="pay"),
                Held({"job": "pay"}, {"x": "gauge"}, {"x": [{**MINE, "z": "1"}]}),
            ],
            'group {job="pay"} has a series of x with the labels of this group',
        ),
        ("go_x is", text(go_x="gauge"), [], "go_x is pushed as gauge, the gateway's own is counter"),
        ("x is", text(x="gauge"), [held("x", "counter", **MINE)], ""),
        ("x is", text(x="gauge"), [held("x", "gauge"), held("y", "counter")], ""),
        ("x is", "", [held("x", "gauge")], ""),
    ],
)
def test_what_does_not_go_together(words: str, pushed: str, groups: list[Held], why: str) -> None:
    """The family that the gateway names, then any: our type, the type there, the other group's labels."""
    assert explained(words, pushed, KEY, groups, {"go_x": "counter"}) == why


def test_long_labels_are_cut() -> None:
    """A label of another group may be as long as it likes."""
    why = explained("", text(x="gauge"), KEY, [held("x", "counter", job="j" * 999)], {})
    assert len(why) < 150


GROUP = {
    "labels": {"job": "a", "instance": ""},
    "last_push_successful": True,
    "x": {"type": "GAUGE", "metrics": [{"labels": {"job": "a"}, "value": "1"}]},
}
PARSED = Held({"job": "a"}, {"x": "gauge"}, {"x": [{"job": "a"}]})


def test_the_groups_of_a_gateway() -> None:
    """Labels less the empty ones, types in lower case, the labels of each series."""
    document = json.dumps({"status": "success", "data": [GROUP, GROUP]}, separators=(",", ":"))
    assert held_groups(document) == [PARSED, PARSED]


@pytest.mark.parametrize(
    ("document", "count"),
    [
        ("", 0),
        ("[", 0),
        ("<html>", 0),
        ('{"status":"success","data":null}', 0),
        ('{"data":[]}', 0),
        ('{"data":[1]}', 0),
        ('{"data":[{}]}', 0),
        ('{"data":[{"labels":3}]}', 0),
        ('{"data":[{"labels":{},"x":{"type":"GAUGE"}}]}', 0),
        ('{"data":[{"labels":{},"x":' + "[" * 100_000, 0),
        ('{"data":[{"labels":{}},{"labels":{"jo', 1),
    ],
)
def test_what_is_cut_off_or_something_else(document: str, count: int) -> None:
    """What can be read up to there counts; nothing is raised."""
    assert len(held_groups(document)) == count
