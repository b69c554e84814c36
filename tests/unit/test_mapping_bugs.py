"""The bugs of other readers of expvar, each named after what must not happen here."""

from __future__ import annotations

import math

from pushvar.convert.converter import Converter

from tests.documents import body, memstats
from tests.unit.mapping import Rules, converted, named, reasons, series, types


def test_no_wrong_units_or_types() -> None:
    """Pauses and counts are no bytes, NextGC is no time, MCacheSys is no mspan, totals are counters."""
    stats = memstats(NextGC=4_194_304, MCacheSys=7, MSpanSys=5, PauseTotalNs=1_500_000_000, TotalAlloc=9)
    found = converted([], body(memstats=stats), "auto")
    got, kinds = named(found), types(found)
    assert got["go_memstats_next_gc_bytes"] == 4_194_304
    assert (got["go_memstats_mcache_sys_bytes"], got["go_memstats_mspan_sys_bytes"]) == (7, 5)
    assert got["go_gc_duration_seconds_sum"] == 1.5
    assert kinds["go_memstats_alloc_bytes_total"] == "counter"
    assert kinds["go_memstats_alloc_bytes"] == "gauge"


def test_pauses_do_not_vanish_after_a_restart() -> None:
    """A count of GCs that fell is read like any other: nothing is remembered from the fetch before."""
    converter = Converter()
    converted([], body(memstats=memstats(cycles=900)), "auto", converter)
    after = named(converted([], body(memstats=memstats(cycles=2)), "auto", converter))
    assert after["go_gc_duration_seconds_count"] == 2
    assert after['go_gc_duration_seconds{quantile="1"}'] > 0
    assert "go_memstats_alloc_bytes" not in series([], b'{"a": 1}', "auto")


def test_an_odd_key_does_not_empty_the_scrape() -> None:
    """A missing memstats, a text where a number was, a repeated name: each costs itself only."""
    got = series([], {"memstats": "none", "a": 1, "b": {"c": []}, "d": 0.25}, "auto")
    assert got == {"a": 1, "d": 0.25}


def test_a_wildcard_does_not_merge_variables_into_one_series() -> None:
    """Series that would be the same are reported with both paths; an empty object crashes nothing."""
    rules: Rules = [{"match": "*/n", "name": "m"}]
    found = converted(rules, {"a": {"n": 1}, "b": {"n": 2}, "c": {}})
    assert named(found) == {"m": 1}
    assert reasons(found) == {"b/n": "duplicate of a/n"}


def test_a_pattern_does_not_match_a_part_of_a_key() -> None:
    """Alloc is not TotalAlloc."""
    rules: Rules = [{"match": "heap/{field:Alloc}", "name": "m"}]
    assert series(rules, {"heap": {"Alloc": 1, "TotalAlloc": 2}}) == {'m{field="Alloc"}': 1}


def test_a_key_that_is_an_id_does_not_become_a_label() -> None:
    """A star takes an unbounded key without keeping it; ``drop`` keeps its values out."""
    rules: Rules = [
        {"match": "harvester/files/**", "action": "drop"},
        {"match": "kapacitor/*/values/{f}", "name": "k_{@@name}_{f}"},
    ]
    uuid = "6cf5c2b8-0d8c-11e8-8c65-000000000000"
    found = converted(
        rules,
        {"harvester": {"files": {uuid: {"n": 1}}}, "kapacitor": {uuid: {"name": "in", "values": {"p": 1}}}},
    )
    assert named(found) == {"k_in_p": 1}
    assert uuid not in str(found.plan.shape.families)


def test_the_bounds_are_not_scaled_without_the_sum() -> None:
    """Bounds in seconds and a sum in nanoseconds: the command that tries rules warns of it."""
    from pushvar.app.trial import scale_warnings
    from pushvar.config.load import load_rules

    rules = """
    - {match: "h/{le}", name: h, role: bucket, le_scale: 1e-9}
    - {match: "t", name: h, type: histogram, role: sum}
    - {match: "g", name: g, histogram: {bounds: keys, count: c, sum: s, le_scale: 1e-9, scale: 1e-9}}
    """
    assert scale_warnings(load_rules(rules, source="r")) == [
        "h: le_scale and scale differ; bounds and sum have one unit"
    ]


def test_a_text_inside_a_map_does_not_break_the_map() -> None:
    """The numbers beside it are there, and it is reported."""
    rules: Rules = [{"match": "drops/{reason}", "name": "drops", "type": "counter"}]
    found = converted(rules, {"drops": {"acl": 1, "version": "x", "gone": 2}})
    assert named(found) == {'drops_total{reason="acl"}': 1, 'drops_total{reason="gone"}': 2}
    assert reasons(found)["drops/version"].startswith("shape error: a string")


def test_labels_are_not_given_to_the_wrong_values() -> None:
    """Each value keeps its own key as its label when keys come and go between fetches."""
    converter = Converter()
    rules: Rules = [{"match": "drops/{reason}", "name": "drops", "type": "counter"}]
    for keys in (["a", "b", "c"], ["a", "c"], ["c", "b", "a"]):
        document = {"drops": {key: ord(key) for key in keys}}
        got = named(converted(rules, document, converter=converter))
        assert got == {f'drops_total{{reason="{key}"}}': ord(key) for key in keys}


def test_what_is_not_in_the_document_is_not_guessed() -> None:
    """Tailscale's MultiLabelMap prints its type's name: it is reported and gives no series."""
    found = converted([], {"derp": {"counter_sent": "MultiLabelMap"}}, "auto")
    assert named(found) == {}
    assert reasons(found) == {"derp/counter_sent": "string_without_rule"}


def test_map_keys_do_not_fail_to_become_labels_nor_all_series_to_be_untyped() -> None:
    """The most repeated wish of others' users: keys are labels, and a rule says the type."""
    found = converted([{"match": "by_code/{code}", "name": "r", "type": "counter"}], {"by_code": {"200": 1}})
    assert named(found) == {'r_total{code="200"}': 1}
    assert types(found) == {"r_total": "counter"}


def test_a_number_that_is_none_does_not_become_another() -> None:
    """NaN and infinity stay what they are; an integer of 400 digits and a null give no series."""
    got = series([], b'{"a": NaN, "b": -Inf, "c": null, "d": 1' + b"0" * 400 + b', "e": -0.0}', "auto")
    assert math.isnan(got.pop("a"))
    assert got == {"b": -math.inf, "e": 0}
