"""Histograms from objects, keys and lists: order, completion, and the layout of each fetch."""
# ruff: noqa: E501, FBT001 - a case stands on one line; truth values are data

from __future__ import annotations

import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pushvar.convert.converter import Converter
from pushvar.convert.mapping.histograms import TORN, cumulative

from tests.unit.mapping import Rules, converted, named, reasons, series

KEYS: Rules = [{"match": "h", "name": "h", "histogram": {"bounds": "keys", "count": "Count", "sum": "Time"}}]
LISTS: Rules = [
    {
        "match": "h",
        "name": "h",
        "histogram": {"bounds": "bounds", "counts": "n", "sum": "sum", "count": "count"},
    }
]
NAN = math.nan

LAYOUTS: list[tuple[str, list[float], float | None, bool, str | None, list[float] | None]] = [
    ("cumulative", [1, 3, 6], 6, True, None, [1, 3, 6]),
    ("disjoint", [1, 2, 3], 6, True, None, [1, 3, 6]),
    ("nothing yet", [0, 0], 0, True, None, [0, 0]),
    ("all in the last", [0, 0, 4], 4, True, None, [0, 0, 4]),
    ("torn", [1, 2, 3], 5, True, None, None),
    ("decreasing and no sum", [3, 1, 2], 5, True, None, None),
    ("NaN", [1, NAN], 1, True, None, None),
    ("NaN count", [1, 1], NAN, True, None, None),
    ("negative", [-1, 2], 1, True, None, None),
    ("no +Inf, cumulative", [4, 4], 4, False, None, [4, 4]),
    ("no +Inf, only cumulative fits", [4, 5], 6, False, None, [4, 5]),
    ("no +Inf, only disjoint fits", [4, 1], 6, False, None, [4, 5]),
    ("no +Inf, both fit", [1, 2], 6, False, None, None),
    ("no +Inf, declared", [1, 2], 6, False, "disjoint", [1, 3]),
    ("declared, no count", [1, 2], None, True, "disjoint", [1, 3]),
    ("declared, contradicted", [3, 2], None, True, "cumulative", None),
]  # fmt: skip


@pytest.mark.parametrize(
    ("buckets", "count", "has_inf", "layout", "expected"),
    [case[1:] for case in LAYOUTS],
    ids=[case[0] for case in LAYOUTS],
)
def test_layouts(
    buckets: list[float], count: float | None, has_inf: bool, layout: str | None, expected: list[float] | None
) -> None:
    """The numbers say how they are meant, or nothing is said."""
    found = cumulative(buckets, count, has_inf=has_inf, layout=layout)
    assert (None if found is None else list(found)) == expected


@given(st.lists(st.integers(0, 50), min_size=1, max_size=6))
def test_both_layouts_of_one_histogram_are_the_same(own: list[int]) -> None:
    """Whatever was observed, its disjoint and its cumulative buckets are read alike."""
    sums = [sum(own[: index + 1]) for index in range(len(own))]
    assert cumulative(own, sums[-1], has_inf=True, layout=None) == tuple(sums)
    assert cumulative(sums, sums[-1], has_inf=True, layout=None) == tuple(sums)


def test_buckets_are_ordered_by_number_and_completed() -> None:
    """Text order would be 10, 2, 9; a missing +Inf comes from the count, a missing count from +Inf."""
    got = series(KEYS, {"h": {"10": 9, "9": 5, "2": 1, "Count": 11, "Time": 3.5}})
    assert got == {
        'h_bucket{le="2"}': 1, 'h_bucket{le="9"}': 5, 'h_bucket{le="10"}': 9, 'h_bucket{le="+Inf"}': 11, "h_count": 11, "h_sum": 3.5,
    }  # fmt: skip
    rules: Rules = [{"match": "h/{le}", "name": "h", "role": "bucket", "buckets": "cumulative"}]
    assert series(rules, {"h": {"1": 1, "Max": 3}}) == {
        'h_bucket{le="1"}': 1,
        'h_bucket{le="+Inf"}': 3,
        "h_count": 3,
    }


def test_parts_of_several_rules_make_one_histogram_for_each_label_set() -> None:
    """Buckets, sum and count meet by name and labels; each label set has its own layout."""
    rules: Rules = [
        {"match": "q/{plan}/{le:\\d+|inf}", "name": "q_seconds", "role": "bucket", "le_scale": "1e-9"},
        {"match": "q/{plan}/Count", "name": "q_seconds", "type": "histogram", "role": "count"},
        {"match": "q/{plan}/Time", "name": "q_seconds", "type": "histogram", "role": "sum", "scale": "1e-9"},
    ]
    old, new = (
        {"500000": 1, "inf": 3, "Count": 3, "Time": 300_000_000},
        {"500000": 1, "inf": 2, "Count": 3, "Time": 0},
    )
    got = series(rules, {"q": {"old": old, "new": new}})
    assert got['q_seconds_bucket{le="+Inf",plan="old"}'] == got['q_seconds_bucket{le="+Inf",plan="new"}'] == 3
    assert got['q_seconds_bucket{le="0.0005",plan="old"}'] == 1
    assert got['q_seconds_sum{plan="old"}'] == 0.3
    assert len(got) == 8


def test_a_torn_histogram_costs_itself_for_one_fetch() -> None:
    """Other series stay, nothing is NaN, and the next fetch meets the old plan."""
    converter = Converter()
    rules: Rules = [*KEYS, {"match": "a", "name": "a"}]

    def give(last: int) -> Any:
        document = {"a": 1, "h": {"1": 1, "inf": last, "Count": 3, "Time": 2}}
        return converted(rules, document, converter=converter)

    first, torn, later = give(2), give(7), give(3)
    assert named(torn) == {"a": 1}
    assert reasons(torn) == dict.fromkeys(("h/1", "h/inf", "h/Count", "h/Time"), TORN)
    assert later.plan is first.plan
    assert named(later)['h_bucket{le="+Inf"}'] == 3


def test_lists_beside_each_other() -> None:
    """Disjoint counts, one more than bounds; a bound that is inclusive below is the next smaller number."""
    converter = Converter()
    document = {"h": {"bounds": [1, 2.5], "n": [1, 2, 3], "sum": 9.5, "count": 6}}
    for _ in range(2):
        found = converted(LISTS, document, converter=converter)
        assert named(found) == {
            'h_bucket{le="0.9999999999999999"}': 1, 'h_bucket{le="2.4999999999999996"}': 3, 'h_bucket{le="+Inf"}': 6,
            "h_count": 6, "h_sum": 9.5,
        }  # fmt: skip
    document["h"]["bounds"] = [1, 3]
    assert 'h_bucket{le="2.9999999999999996"}' in named(converted(LISTS, document, converter=converter))


@pytest.mark.parametrize(
    ("document", "reason"),
    [
        ({"bounds": [1, 2], "n": [1, 2], "count": 3}, "2 counts for 2 bounds"),
        ({"bounds": ["x"], "n": [1, 2], "count": 3}, "x is no bound"),
        ({"count": 3, "sum": 1}, "a histogram without buckets"),
    ],
)
def test_lists_of_a_wrong_shape(document: dict[str, Any], reason: str) -> None:
    """They give no series, and say why."""
    found = converted(LISTS, {"h": document})
    assert named(found) == {}
    assert f"shape error: {reason}" in set(reasons(found).values())


def test_a_histogram_that_cannot_be_read_says_so() -> None:
    """Without a count a layout is declared; two equal bounds are one."""
    bare: Rules = [{"match": "h/{le}", "name": "h", "role": "bucket"}]
    assert set(reasons(converted(bare, {"h": {"1": 1}})).values()) == {
        "shape error: no count: say buckets: cumulative or disjoint"
    }
    bare[0]["buckets"] = "disjoint"
    assert set(reasons(converted(bare, {"h": {"1": 1}})).values()) == {
        "shape error: neither a count nor a bucket +Inf"
    }
    twice = converted(bare, {"h": {"1": 1, "1.0": 2, "inf": 3}})
    assert reasons(twice) == {"h/1.0": "duplicate of h/1"}
    assert named(twice)["h_count"] == 4
