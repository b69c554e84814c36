"""Hostile sizes under a user's rules: what is done stays in proportion, and the outcome is a defined one."""

from __future__ import annotations

import json
import tracemalloc
from typing import TYPE_CHECKING, Any

import pytest
from pushvar.config.load import load_rules
from pushvar.convert.converter import Converter
from pushvar.convert.mapping import rule_set
from pushvar.convert.mapping.explicit import LABEL_LIMIT
from pushvar.convert.mapping.view import REMEMBERED, RuleView, State
from pushvar.convert.structure import LIST_LIMIT, VALUE_LIMIT, structure
from pushvar.errors import FetchError

from benchmarks import conversion
from tests.unit.mapping import STAMP, converted, named, reasons
from tests.work import calls

if TYPE_CHECKING:
    from collections.abc import Callable

    from pushvar.convert.mapping.rules import RuleSet

    from tests.unit.mapping import Rules

RULES: Rules = [
    {"match": "h/{x}", "name": "h", "histogram": {"bounds": "bounds", "counts": "counts", "count": "Count"}},
    {"match": "lat/{m}", "name": "lat_seconds", "histogram": {"bounds": "keys", "count": "Count"}},
    {"match": "*/values/{field:[a-z]+}{n:\\d+}", "name": "v_{field}", "label_map": "@@tags"},
    {"match": "**/{x:.*}Total", "name": "t_{tail}", "type": "counter"},
    {"preset": "sql_db_stats"},
    {"preset": "go_memstats"},
]
MEGABYTES = 1_000_000


def compiled(rules: Rules) -> RuleSet:
    """The rules as a configuration has them."""
    return rule_set(load_rules(json.dumps(rules), source="rules"), "auto")


def peak_bytes(work: Callable[[], object]) -> int:
    """The most memory that is in use at once."""
    tracemalloc.start()
    try:
        work()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def test_work_grows_with_the_points() -> None:
    """Twice the points of an InfluxDB document are about twice the work, all rules of its set together."""
    conversion.convert(Converter(), conversion.document(0, 6))  # the rules are read once
    small, large = (
        calls(lambda n=n: conversion.convert(Converter(), conversion.document(n, n)))  # type: ignore[misc]
        for n in (60, 120)
    )
    assert 1.5 * small < large < 2.2 * small


def test_work_does_not_grow_with_rules_that_take_nothing() -> None:
    """Two hundred rules for other places cost the same, whether there are a hundred values or a thousand."""
    idle = [{"match": f"b{n}/{{x}}/k", "name": f"m{n}"} for n in range(200)]

    def cost(rules: Rules, values: int) -> int:
        body = json.dumps({"a": {f"k{n}": n for n in range(values)}}).encode()
        before, found = (compiled([*rules, {"match": "a/{x}", "name": "m"}]) for _ in range(2))
        Converter().convert(STAMP, body, before)  # what the process remembers of names is not counted
        return calls(lambda: Converter().convert(STAMP, body, found))

    few, many = (cost(idle, values) - cost([], values) for values in (100, 1_000))
    assert many < 1.2 * few


def test_a_hundred_thousand_keys() -> None:
    """Each becomes what its rule says, and what the rules remember of keys stays bounded."""
    found = compiled(RULES)
    document = {
        "p": {"name": "x", "tags": {"a": "1"}, "values": {f"v{n}": n for n in range(10_000)}},
        "lat": {"get": {**{str(n): 1 for n in range(5_000)}, "Count": 5_000}},
        "h": {"x": {"bounds": [*range(5_000)], "counts": [1] * 5_001, "Count": 5_001}},
        "deep": {f"k{n}Total": n for n in range(10_000)},
        **{f"key_{n}": n for n in range(65_000)},
    }
    shape = Converter().convert(STAMP, json.dumps(document).encode(), found).plan.shape
    rules = [row.rule for row in shape.rows]
    counts = [rules.count(name) for name in ("[2]", "[3]", "auto")]
    assert counts == [10_000, 10_000, 65_000]
    assert len(rules) - sum(counts) == 5_000 + 5_001 + 3  # buckets, one +Inf more, two counts
    assert isinstance(found.view, RuleView)
    states: list[State] = [*found.view._states.values(), found.view.start()]
    assert len(states) + sum(map(len, states)) <= REMEMBERED + 2


@pytest.mark.parametrize(
    "document",
    [
        {"p": {"name": "x", "tags": {"a": "y" * 10 * MEGABYTES}, "values": {"v1": 1}}},
        {"p": {"name": "x", "values": {"v" * 10 * MEGABYTES + "1": 1}}},
        {"p": {"name": "x" * 10 * MEGABYTES, "values": {"v1": 1}}},
    ],
    ids=["tag", "key", "text"],
)
def test_ten_megabytes_in_one_place(document: dict[str, Any]) -> None:
    """Memory is a few copies of the body, and one series comes out of it."""
    body, found = json.dumps(document).encode(), compiled(RULES)
    series: list[int] = []
    used = peak_bytes(lambda: series.append(len(Converter().convert(STAMP, body, found).plan.shape.rows)))
    assert series == [1]
    assert used < 150 * MEGABYTES


def test_a_list_of_millions_is_not_looked_into() -> None:
    """It is a leaf that no rule took; the rest of the document is read."""
    counts = [0] * 3_300_000
    assert len(counts) > LIST_LIMIT
    document = {"h": {"x": {"bounds": [1], "counts": counts}}, "p": {"values": {"v1": 7}}}
    got = converted(RULES, document, "auto")
    assert named(got) == {'v_v{n="1"}': 7}
    assert reasons(got)["h/x/counts"] == "list_without_rule"


def test_more_values_than_any_program_has() -> None:
    """The scrape fails with a reason before anything is compiled; a list counts as its elements."""
    rows = [[0] * 10_000 for _ in range(VALUE_LIMIT // 10_000)]
    with pytest.raises(FetchError, match="more than 500,000 values") as refused:
        converted([{"match": "a/**", "name": "m_{tail}"}], {"a": {"b": rows}})
    assert refused.value.reason == "too_many_samples"
    with pytest.raises(FetchError, match="more than 500,000 values"):
        structure(dict.fromkeys(map(str, range(VALUE_LIMIT + 1)), 1))


def test_a_label_map_of_hundreds() -> None:
    """Labels times series could be any number, so such a leaf is refused, with the reason."""
    rule: Rules = [{"match": "p/values/{f}", "name": "v_{f}", "label_map": "@@tags"}]
    for tags, taken in ((LABEL_LIMIT, True), (LABEL_LIMIT + 1, False)):
        document = {"p": {"tags": {f"t{n}": "x" for n in range(tags)}, "values": {"a": 1}}}
        got = converted(rule, document)
        assert bool(got.values) is taken
        assert ("p/values/a" in reasons(got)) is not taken
    assert reasons(got)["p/values/a"] == "shape error: 513 values in @@tags, over 512"


def test_fields_of_a_histogram_are_keys_not_patterns() -> None:
    """Braces and stars in them mean themselves; a brace that is not closed once broke the compilation."""
    fields = {"bounds": "keys", "count": "Coun{", "sum": "*"}
    rules: Rules = [{"match": "lat/{m}", "name": "lat_seconds", "histogram": fields}]
    got = converted(rules, {"lat": {"get": {"1": 2, "inf": 1, "Coun{": 3, "*": 7, "other": 5}}})
    assert named(got)['lat_seconds_sum{m="get"}'] == 7
    assert named(got)['lat_seconds_count{m="get"}'] == 3
    assert reasons(got) == {"lat/get/other": "unmatched"}
