"""The mapping language: patterns, names, labels, values, roles, and what is part of the structure."""
# ruff: noqa: E501 - a case stands on one line

from __future__ import annotations

import json
import math
from typing import Any

import pytest
from pushvar.config.load import load
from pushvar.convert.converter import Converter
from pushvar.convert.mapping import rules_of
from pushvar.convert.mapping.values import bound_text, duration_s, number

from tests.unit.mapping import Rules, converted, named, reasons, series, types
from tests.work import calls

CASES: list[tuple[str, dict[str, Any], Any, dict[str, float]]] = [
    ("literal", {"match": "a/b", "name": "m"}, {"a": {"b": 1, "c": 2}}, {"m": 1}),
    ("capture", {"match": "a/{x}", "name": "m"}, {"a": {"b": 1, "c": 2}}, {'m{x="b"}': 1, 'm{x="c"}': 2}),
    ("capture in the name", {"match": "a/{x}/{y}", "name": "m_{x}"}, {"a": {"b": {"c": 2}}}, {'m_b{y="c"}': 2}),
    ("split key", {"match": "{a}.{b}.{c}", "name": "m"}, {"k.-80.move.1": 0, "k.-80.move": 1}, {'m{a="k",b="-80",c="move"}': 1}),
    ("whole segment keeps dots", {"match": "a/{x}", "name": "m"}, {"a": {"1.2": 1}}, {'m{x="1.2"}': 1}),
    ("expression", {"match": "h.{code:[1-5]xx}", "name": "m"}, {"h.2xx": 1, "h.time": 2}, {'m{code="2xx"}': 1}),
    ("braces nest", {"match": "{x:a{2}}", "name": "m"}, {"aa": 1, "a": 2}, {'m{x="aa"}': 1}),
    ("slash in an expression", {"match": "{x:a/b}", "name": "m"}, {"a/b": 1}, {'m{x="a/b"}': 1}),
    ("fully anchored", {"match": "{x:Alloc}", "name": "m"}, {"Alloc": 1, "TotalAlloc": 2}, {'m{x="Alloc"}': 1}),
    ("star", {"match": "a*/x", "name": "m"}, {"abc": {"x": 1}, "b": {"x": 2}}, {"m": 1}),
    ("metacharacters are literal", {"match": "a.b*", "name": "m"}, {"a.bc": 1, "axbc": 2}, {"m": 1}),
    ("literal slash", {"match": "a~1b/c", "name": "m"}, {"a/b": {"c": 1}}, {"m": 1}),
    ("list form", {"match": ["a/b", "~1", ""], "name": "m"}, {"a/b": {"~1": {"": 1}}}, {"m": 1}),
    ("no empty key in a capture", {"match": "{x}", "name": "m"}, {"": 1, "a": 2}, {'m{x="a"}': 2}),
    ("an empty label is absent", {"match": "{x:.*}", "name": "m"}, {"": 1}, {"m": 1}),
    ("many", {"match": "a/**", "name": "m_{tail}"}, {"a": {"b": {"c": 1}, "d": 2}}, {"m_b_c": 1, "m_d": 2}),
    ("many is at least one", {"match": "a/**", "name": "m_{tail}"}, {"a": 1}, {}),
    ("many in the middle", {"match": "**/{x}/end", "name": "m"}, {"a": {"b": {"c": {"end": 1}}}, "q": {"end": 2}}, {'m{x="c"}': 1}),
    ("twice many", {"match": "**/k/**", "name": "m_{tail}"}, {"a": {"k": {"k": {"b": 1}}}}, {"m_a_k_b": 1}),
    ("list index", {"match": "a/{i}/n", "name": "m"}, {"a": [{"n": 1}, {"n": 2}]}, {'m{i="0"}': 1, 'm{i="1"}': 2}),
    ("field", {"match": "r/*/n", "name": "m", "labels": {"lang": "@Lang"}}, {"r": [{"Lang": "go", "n": 1}]}, {'m{lang="go"}': 1}),
    ("fields of containers", {"match": "*/v/{f}", "name": "i_{@@name}_{f}"}, {"k": {"name": "shard", "v": {"w": 1}}}, {"i_shard_w": 1}),
    ("static label", {"match": "a", "name": "m", "labels": {"l": "x y"}}, {"a": 1}, {'m{l="x y"}': 1}),
    ("label map", {"match": "*/v/*", "name": "m", "label_map": "@@tags", "label_exclude": ["path"]}, {"k": {"tags": {"retentionPolicy": "x", "n": 1.5, "b": True, "path": "/", "__p": "q", "z": None}, "v": {"w": 1}}}, {'m{b="true",n="1.5",retention_policy="x"}': 1}),
    ("captures win over a label map", {"match": "{k}/v", "name": "m", "label_map": "@t"}, {"a": {"t": {"k": "x", "l": "y"}, "v": 1}}, {'m{k="a",l="y"}': 1}),
    ("a number as label", {"match": "a/n", "name": "m", "labels": {"id": "@id"}}, {"a": {"id": 7, "n": 1}}, {'m{id="7"}': 1}),
    ("value label", {"match": "raft.status/state", "name": "m", "value_label": "state"}, {"raft.status": {"state": "Leader"}}, {'m{state="Leader"}': 1}),
    ("info", {"match": "build", "name": "m", "type": "info", "value_label": "build"}, {"build": "OSS"}, {'m_info{build="OSS"}': 1}),
    ("counter suffix", {"match": "a", "name": "m", "type": "counter"}, {"a": 1}, {"m_total": 1}),
    ("name made legal", {"match": "{x}", "name": "9{x}:b"}, {"aB-c": 1}, {"_9a_b_c_b": 1}),
    ("scale", {"match": "a", "name": "m", "scale": "1e-9"}, {"a": 300_000_000}, {"m": 0.3}),
    ("scale of a large integer", {"match": "a", "name": "m", "scale": "1e-9"}, {"a": 1548771750853510701}, {"m": 1548771750853510701 / 10**9}),
    ("scale up", {"match": "a", "name": "m", "scale": "1024"}, {"a": 3}, {"m": 3072}),
    ("scale that is no power", {"match": "a", "name": "m", "scale": "0.3"}, {"a": 10}, {"m": 3}),
    ("scale of a fraction", {"match": "a", "name": "m", "scale": "60"}, {"a": 1.5}, {"m": 90}),
    ("bool", {"match": "{x}", "name": "m"}, {"a": True, "b": False}, {'m{x="a"}': 1, 'm{x="b"}': 0}),
    ("numeric text", {"match": "a", "name": "m", "parse": "number", "scale": "1e-3"}, {"a": "1500"}, {"m": 1.5}),
    ("duration", {"match": "a", "name": "m", "parse": "duration"}, {"a": "1m1.5s"}, {"m": 61.5}),
    ("quantile", {"match": "t.{q:50|999}-percentile", "name": "m", "role": "quantile", "quantiles": {"50": 0.5, "999": 0.999}, "scale": "1e-9"}, {"t.50-percentile": 500_000_000, "t.999-percentile": 1}, {'m{quantile="0.5"}': 0.5, 'm{quantile="0.999"}': 1e-9}),
    ("count of a summary", {"match": "t.count", "name": "m", "type": "summary", "role": "count"}, {"t.count": 3}, {"m_count": 3}),
    ("infinity is a value", {"match": "a", "name": "m", "scale": "1e-9"}, b'{"a": +Inf}', {"m": math.inf}),
]  # fmt: skip


@pytest.mark.parametrize(
    ("rule", "document", "expected"), [case[1:] for case in CASES], ids=[case[0] for case in CASES]
)
def test_one_rule(rule: dict[str, Any], document: Any, expected: dict[str, float]) -> None:
    """A rule and a document give exactly these series, from the typed decoder too."""
    converter = Converter()
    for _ in range(2):
        assert named(converted([rule], document, converter=converter)) == expected


SHAPE_ERRORS: list[tuple[dict[str, Any], Any, str, str]] = [
    ({"match": "a", "name": "m"}, {"a": "x"}, "a", "shape error: a string, where the rule takes a bool or number"),
    ({"match": "a", "name": "m_{@b}"}, {"a": 1}, "a", "shape error: @b is no value"),
    ({"match": "a", "name": "m_{@b}"}, {"a": 1, "b": {"c": 1}}, "a", "shape error: @b is no value"),
    ({"match": "a", "name": "m", "parse": "duration"}, {"a": 5}, "a", "shape error: a number, where the rule takes a string"),
    ({"match": "{x}", "name": "{x}"}, {"---": 5}, "---", "shape error: nothing nameable is left of the name"),
    ({"match": "{q}", "name": "m", "role": "quantile", "quantiles": {"50": 0.5}}, {"75": 5}, "75", "shape error: quantile 75 is not in the rule's table"),
    ({"match": "{le}", "name": "m", "role": "bucket", "buckets": "disjoint"}, {"x": 5}, "x", "shape error: x is no bound"),
    ({"match": "a", "name": "m"}, {"a": None}, "a", "null"),
    ({"match": "a", "name": "m", "parse": "number"}, {"a": "1,5"}, "a", "not a number"),
    ({"match": "a", "name": "m", "parse": "duration"}, {"a": "5"}, "a", "not a duration"),
    ({"match": "a", "name": "m", "type": "summary", "role": "count"}, b'{"a": NaN}', "a", "not a finite number"),
    ({"match": "a", "name": "up"}, {"a": 1}, "a", "up is a health series"),
]  # fmt: skip


@pytest.mark.parametrize(("rule", "document", "path", "reason"), SHAPE_ERRORS)
def test_a_leaf_that_a_rule_cannot_use(rule: dict[str, Any], document: Any, path: str, reason: str) -> None:
    """It is reported with its path; the rest of the payload goes on."""
    other = {"match": "other", "name": "other"}
    if isinstance(document, dict):
        document = {**document, "other": 1}
    found = converted([other, rule], document)
    assert named(found) == ({"other": 1} if isinstance(document, dict) else {})
    assert reasons(found)[path] == reason


def test_the_first_rule_that_matches_wins() -> None:
    """A leaf feeds one rule; a later rule that nothing is left for is dead."""
    rules: Rules = [
        {"match": "a/drop", "action": "drop"},
        {"match": "a/{x}", "name": "m"},
        {"match": "a/late", "name": "n"},
    ]
    found = converted(rules, {"a": {"drop": 1, "late": 2}})
    assert named(found) == {'m{x="late"}': 2}
    assert found.plan.shape.dead_rules == ("[2]",)
    assert {row.rule for row in found.plan.shape.rows} == {"[1]"}


def test_duplicates_and_conflicts_name_both_paths() -> None:
    """The first of two equal series wins; a name of two types keeps the first."""
    rules: Rules = [
        {"match": "{x:a.b|a-b}", "name": "{x}"},
        {"match": "c/{k}", "name": "n_{k}", "type": "gauge"},
        {"match": "d/{k}/{x}", "name": "n_{k}", "type": "unknown"},
    ]
    found = converted(rules, {"a.b": 1, "a-b": 2, "c": {"k": 3}, "d": {"k": {"y": 4}}})
    assert named(found) == {"a_b": 1, "n_k": 3}
    assert reasons(found) == {"a-b": "duplicate of a.b", "d/k/y": "type conflict on n_k"}


def test_a_label_that_changes_makes_a_new_shape_and_no_other_text_does() -> None:
    """The typed decoder refuses another label; a log line, a number, a bool, a duration are just read."""
    converter = Converter()
    rules: Rules = [
        {"match": "*/v/n", "name": "m", "labels": {"lang": "@@lang", "id": "@@id"}},
        {"match": "*/v/t", "name": "t", "parse": "duration"},
    ]

    def document(**fields: Any) -> dict[str, Any]:
        top = {"lang": "go", "id": 1.5, "log": "a", **fields}
        inner = {"n": top.pop("n", 1), "t": top.pop("t", "1s"), "b": top.pop("b", True)}
        return {"k": {**top, "v": inner}}

    def give(**fields: Any) -> Any:
        return converted(rules, document(**fields), "auto", converter)

    first = give()
    assert named(first)['m{id="1.5",lang="go"}'] == 1
    for same in ({"log": "b"}, {"n": 2.5}, {"t": "3h"}, {"b": False}):
        assert give(**same).plan is first.plan
    assert named(give(t="3h"))["t"] == 10_800
    for other in ({"lang": "py"}, {"id": 2.5}, {"id": True}):
        changed = give(**other)
        assert changed.plan is not first.plan
        key = next(name for name in named(changed) if name.startswith("m{"))
        assert key != 'm{id="1.5",lang="go"}'
    assert named(give())['m{id="1.5",lang="go"}'] == 1


def test_a_text_that_is_no_number_now_has_no_sample_now() -> None:
    """It is left out of values and series of that fetch; the plan of the next one is the old one."""
    converter = Converter()
    rules: Rules = [{"match": "{x}", "name": "m", "parse": "number"}]
    first = converted(rules, {"a": "1", "b": "2"}, converter=converter)
    torn = converted(rules, {"a": "1", "b": "n/a"}, converter=converter)
    assert named(torn) == {'m{x="a"}': 1}
    assert len(torn.plan.template.offsets) == len(first.plan.template.offsets) - 1
    assert reasons(torn) == {"b": "not a number"}
    assert converted(rules, {"a": "1", "b": "3"}, converter=converter).plan is first.plan


def test_lists_that_no_rule_looks_into_have_any_length() -> None:
    """A list that grows makes no new shape, unless a rule takes its elements."""
    converter = Converter()
    rules: Rules = [{"match": "a/{i}", "name": "m"}]
    first = converted(rules, {"a": [1, 2], "b": [1]}, converter=converter)
    assert converted(rules, {"a": [3, 4], "b": [1, 2, 3]}, converter=converter).plan is first.plan
    assert named(converted(rules, {"a": [3], "b": []}, converter=converter)) == {'m{i="0"}': 3}


def test_a_preset_stands_where_it_is_written() -> None:
    """Rules behind it get what it leaves; ``**`` does not tear the ring of pauses apart."""
    from tests.documents import memstats

    rules: Rules = [
        {"preset": "gc_cpu_fraction"},
        {"preset": "forced_gc"},
        {"preset": "go_memstats"},
        {"match": "**", "name": "x_{tail}"},
    ]
    got = series(rules, {"memstats": memstats(), "a": {"b": 1}})
    assert len(got) == 32
    assert (got["x_a_b"], got["go_memstats_gc_cpu_fraction"], got["go_gc_cycles_forced_gc_cycles_total"]) == (
        1,
        0.0012,
        1,
    )


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("0", 0), ("1ns", 1e-9), ("1.2us", 1.2e-6), ("1.2µs", 1.2e-6), ("-1h2m3.5s", -3723.5), ("+5ms", 0.005), (".5s", 0.5),
     ("", None), ("5", None), ("1 s", None), ("s", None), ("1d", None), ("-", None), ("1s" * 40, None), ("1.s", 1)],
)  # fmt: skip
def test_durations_are_gos(text: str, seconds: float | None) -> None:
    """What ParseDuration takes, and nothing else."""
    found = duration_s(text)
    assert (None if found is None else float(found)) == seconds


def test_numbers_and_bounds() -> None:
    """A hostile exponent costs nothing; bounds are written as Go's client writes them."""
    assert number("1e999999999") is None
    assert number("9" * 65) is None
    assert [bound_text(b) for b in (0.0005, 1.0, 2.5, math.inf)] == ["0.0005", "1", "2.5", "+Inf"]


CONVENTIONS: list[tuple[dict[str, Any], dict[str, float], str]] = [
    ({"derp": {"counter_accepts": 1}}, {"derp_accepts_total": 1}, "counter"),
    ({"derp": {"gauge_conns": 1}}, {"derp_conns": 1}, "gauge"),
    ({"counter_labelmap_reason_drops": {"a b": 1}}, {'drops_total{reason="a b"}': 1}, "counter"),
    ({"labelmap_kind_x": {"q": 1}}, {'x{kind="q"}': 1}, "unknown"),
    ({"labelmap_kind_x": 1}, {"labelmap_kind_x": 1}, "unknown"),
    ({"counter_": 1}, {"counter": 1}, "unknown"),
    ({'r_total{code="200",m="a\\"b,\\n{"}': 1}, {'r_total{code="200",m="a"b,\n{"}': 1}, "counter"),
    ({"q{": {'r{x=""}': 1}}, {"q_r": 1}, "unknown"),
    ({"r{code=200}": 1}, {"r_code_200": 1}, "unknown"),
    ({'r{__name__="x"}': 1}, {"r_name_x": 1}, "unknown"),
    ({"/gc/heap/allocs:bytes": 1}, {"go_gc_heap_allocs_bytes_total": 1}, "counter"),
    ({"m": {"/cpu/classes/gc/mark/assist:cpu-seconds": 1}}, {"go_cpu_classes_gc_mark_assist_cpu_seconds_total": 1}, "counter"),
    ({"/memory/alloc-rate:bytes/second": 1}, {"go_memory_alloc_rate_bytes_per_second": 1}, "gauge"),
    ({"/sched/goroutines:goroutines": 1}, {"go_sched_goroutines_goroutines": 1}, "gauge"),
]  # fmt: skip


@pytest.mark.parametrize(("document", "expected", "kind"), CONVENTIONS)
def test_conventions_without_rules(document: dict[str, Any], expected: dict[str, float], kind: str) -> None:
    """Prefixes, label sets in keys and runtime/metrics keys say name, type and labels."""
    found = converted([], document, "auto")
    assert named(found) == expected
    assert list(types(found).values()) == [kind]


def test_db_stats_anywhere() -> None:
    """An object with the fields of sql.DBStats gives client_golang's series, named by its key."""
    stats = {"OpenConnections": 3, "InUse": 1, "Idle": 2, "WaitCount": 4, "WaitDuration": 300_000_000}
    got = series([], {"pools": {"users": stats}, "x": {"Idle": 1}}, "auto")
    assert got['go_sql_wait_duration_seconds_total{db_name="users"}'] == 0.3
    assert got["x_idle"] == 1
    assert len(got) == 6
    two = series([], {"a": {"db": stats}, "b": {"db": stats}}, "auto")
    assert {'go_sql_idle_connections{db_name="a/db"}', 'go_sql_idle_connections{db_name="b/db"}'} <= set(two)


def test_rules_cost_nothing_on_the_warm_path() -> None:
    """A warm conversion is the same work with fifty rules as with one."""
    document = json.dumps({"a": {f"k{n}": n for n in range(50)}}).encode()
    one: Rules = [{"match": "a/{x}", "name": "m"}]
    fifty: Rules = [*({"match": f"b{n}/{{x}}", "name": f"m{n}"} for n in range(49)), *one]

    def warm(rules: Rules) -> int:
        from pushvar.config.load import load_rules
        from pushvar.convert.mapping import rule_set

        from tests.unit.mapping import STAMP

        converter, found = Converter(), rule_set(load_rules(json.dumps(rules), source="r"), "drop")
        converter.convert(STAMP, document, found)
        return calls(lambda: converter.convert(STAMP, document, found))

    assert warm(fifty) == warm(one)


def test_two_targets_that_disagree_on_a_type() -> None:
    """The first type of a name stays for all targets of a process; who says another is told so every time."""
    converter = Converter()
    gauge = [{"match": "wait", "name": "wait_seconds", "type": "gauge"}]
    keys = {"bounds": "keys", "sum": "sum", "count": "count"}
    histogram = [{"match": "wait", "name": "wait_seconds", "histogram": keys}]
    buckets = {"wait": {"0.1": 1, "+Inf": 2, "sum": 3, "count": 2}}
    assert converted(gauge, {"wait": 1}, converter=converter).repairs == ()
    assert converter.families["wait_seconds"].type == "gauge"
    for _ in range(2):
        second = converted(histogram, buckets, converter=converter)
        assert [(one.kind, one.place) for one in second.repairs] == [
            ("type_conflict", "wait_seconds: histogram here, gauge elsewhere")
        ]
    assert converter.families["wait_seconds"].type == "gauge"


def test_a_rule_set_is_compiled_once() -> None:
    """Every shard of a configuration, and the next version that did not change it, has the same one."""
    job = {"job_name": "a", "mappings": ["vitess"]}
    first, second = (load(json.dumps({"scrape_configs": [job]}), source="test") for _ in range(2))
    assert rules_of(first, first.scrape_configs[0]) is rules_of(second, second.scrape_configs[0])
