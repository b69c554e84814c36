"""Documents to series: the memstats preset, goroutines, automatic names, shapes and plans."""

from __future__ import annotations

import json
import math
import re
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pushvar.catalogue import GC_DURATION, HEALTH, MEMSTATS
from pushvar.convert.converter import Converted, Converter, Limits
from pushvar.convert.mapping import built_in
from pushvar.convert.mapping.memstats import pause_quantiles
from pushvar.convert.plan import Stamp, labelled_rows
from pushvar.errors import FetchError
from pushvar.model import Labels, MetricType, Target

from tests.documents import body, memstats, raw_body
from tests.work import calls

LABELS: Labels = (("customer_id", "acme"), ("instance", "10.0.0.1:80"), ("job", "pay"))
STAMP = Stamp(Target("key", "pay", "http://10.0.0.1:80/debug/vars", LABELS))
AUTO = built_in("auto")
LEGAL_NAME = re.compile(r"[a-zA-Z_:][a-zA-Z0-9_:]*")  # the remote-write 1.0 specification


def numbers(converted: Converted) -> dict[tuple[str, Labels], float]:
    """Every series of a conversion but the health ones, with its value."""
    values = struct.unpack(f"<{len(converted.values) // 8}d", converted.values)
    rows = converted.plan.shape.rows
    return {(row.name, row.labels): value for row, value in zip(rows, values, strict=True)}


def plain(converted: Converted) -> dict[str, float]:
    """The same for series without labels of their own."""
    return {name: value for (name, labels), value in numbers(converted).items() if not labels}


def convert(sent: bytes) -> Converted:
    """One conversion by a converter that has seen nothing."""
    return Converter().convert(STAMP, sent, AUTO)


def test_the_29_samples_of_memstats() -> None:
    """The preset gives exactly the series of the official client, with its names, types and values."""
    stats = memstats(cycles=300)
    converted = convert(body(memstats=stats))
    got = numbers(converted)
    assert len(got) == 29
    for metric in MEMSTATS:
        assert got[metric.family.name, ()] == stats[metric.source] / metric.divisor
    assert got["go_gc_duration_seconds_sum", ()] == stats["PauseTotalNs"] / 10**9
    assert got["go_gc_duration_seconds_count", ()] == 300
    assert [f.type for f in converted.plan.shape.families if f.name == GC_DURATION.name] == [
        MetricType.SUMMARY
    ]


def test_a_missing_field_costs_its_own_series() -> None:
    """Old and trimmed payloads lack fields; everything else is still there."""
    stats = memstats()
    for field in ("HeapAlloc", "PauseNs", "NumGC"):
        del stats[field]
    got = {name for name, _ in numbers(convert(body(memstats=stats)))}
    assert "go_memstats_heap_alloc_bytes" not in got
    assert "go_gc_duration_seconds" not in got
    assert "go_gc_duration_seconds_sum" in got
    assert len(got) == 22


def read_gc_stats(ring: list[int], cycles: int) -> list[float]:
    """The quantiles as runtime/debug computes them, step by step: newest first, sorted, floor index."""
    count = min(cycles, len(ring))
    newest = sorted(ring[(cycles - 1 - i) % len(ring)] for i in range(count))
    if not newest:
        return [0.0] * 5
    return [newest[count * i // 4] / 10**9 for i in range(4)] + [newest[-1] / 10**9]


@pytest.mark.parametrize("cycles", [0, 1, 2, 3, 4, 5, 7, 100, 255, 256, 257, 300, 511, 512, 513, 700])
def test_pause_quantiles_are_those_of_the_runtime(cycles: int) -> None:
    """Exact at every fill of the ring: slots that no GC has written yet do not count."""
    ring = memstats(cycles=cycles)["PauseNs"]
    assert list(pause_quantiles(ring, cycles)) == read_gc_stats(ring, cycles)


def test_integers_are_scaled_exactly() -> None:
    """Nanoseconds are divided as integers and rounded once: 300000000 ns is 0.3, not 0.30000000000000004."""
    got = plain(convert(body(memstats=memstats(PauseTotalNs=300_000_000, LastGC=1_548_771_750_853_510_701))))
    assert got["go_gc_duration_seconds_sum"] == 0.3
    assert got["go_memstats_last_gc_time_seconds"] == 1_548_771_750_853_510_701 / 10**9


@pytest.mark.parametrize(
    "alias", ["goroutines", "Goroutines", "NumGoroutine", "gauge_goroutines", "Goroutines2"]
)
def test_goroutine_aliases(alias: str) -> None:
    """However a program calls it, the number of goroutines is go_goroutines."""
    assert plain(convert(body(**{alias: 41})))["go_goroutines"] == 41


def test_two_aliases_give_one_series() -> None:
    """The first alias of the table counts; the other is reported, not sent twice."""
    converted = convert(body(Goroutines=5, NumGoroutine=6))
    assert plain(converted)["go_goroutines"] == 5
    assert ("NumGoroutine", "repeats_go_goroutines") in {
        (s.path, s.reason) for s in converted.plan.shape.skipped
    }


AUTOMATIC = [
    ({"requests_total": 3}, "requests_total", MetricType.COUNTER),
    ({"requestsTotal": 3}, "requests_total", MetricType.COUNTER),
    ({"http": {"request_count": 3}}, "http_request_count_total", MetricType.COUNTER),
    ({"pause_sum": 3}, "pause_sum_total", MetricType.COUNTER),
    ({"queue-depth": 3}, "queue_depth", MetricType.UNKNOWN),
    ({"HTTPServer": {"2xx": 3}}, "http_server_2xx", MetricType.UNKNOWN),
    ({"99th": 3}, "_99th", MetricType.UNKNOWN),
    ({"a.b/c:d": 3}, "a_b_c_d", MetricType.UNKNOWN),
    ({"__x": 3}, "x", MetricType.UNKNOWN),
]


@pytest.mark.parametrize(("variables", "name", "kind"), AUTOMATIC, ids=[case[1] for case in AUTOMATIC])
def test_automatic_names_and_types(variables: dict[str, object], name: str, kind: MetricType) -> None:
    """A number without a rule is named by its path; only its suffix can make it a counter."""
    converted = convert(body(**variables))
    assert plain(converted)[name] == 3
    assert {f.name: f.type for f in converted.plan.shape.families}[name] == kind


def test_what_gives_no_series_is_reported() -> None:
    """Strings, bools, nulls, lists and nameless keys are left out, each with its reason."""
    converted = convert(body(version="1.2", ready=True, nothing=None, list=[1, 2], **{"---": 1}))
    reasons = {skipped.path: skipped.reason for skipped in converted.plan.shape.skipped}
    assert reasons["version"] == "string_without_rule"
    assert reasons["ready"] == "bool_without_rule"
    assert reasons["nothing"] == "null"
    assert reasons["list"] == "list_without_rule"
    assert reasons["---"] == "no_name"
    assert reasons["memstats/BySize"] == "memstats_unused"
    assert len(plain(converted)) == 24


def test_colliding_names_give_one_series() -> None:
    """Two paths that become one name: the first wins, the other is reported with the first's path."""
    converted = convert(body(**{"a-b": {"c": 1}, "a.b": {"c": 2}, "a_b_c": 3}))
    assert plain(converted)["a_b_c"] == 1
    duplicates = {s.path: s.reason for s in converted.plan.shape.skipped if "duplicate" in s.reason}
    assert duplicates == {"a.b/c": "duplicate of a-b/c", "a_b_c": "duplicate of a-b/c"}


def test_a_payload_cannot_forge_health() -> None:
    """A variable called up, or like the official client's series, does not double or replace them."""
    converted = convert(body(up=0, go_memstats_alloc_bytes=1, go_gc_duration_seconds=5))
    reasons = {s.path: s.reason for s in converted.plan.shape.skipped}
    assert reasons["up"] == "up is a health series"
    assert reasons["go_memstats_alloc_bytes"] == "duplicate of memstats/Alloc"
    assert reasons["go_gc_duration_seconds"] == "type conflict on go_gc_duration_seconds"


def test_unmatched_drop() -> None:
    """With unmatched: drop only presets remain."""
    converted = Converter().convert(STAMP, body(orders=1, goroutines=2), built_in("drop"))
    assert len(numbers(converted)) == 30
    assert ("orders", "unmatched") in {(s.path, s.reason) for s in converted.plan.shape.skipped}


def test_warm_conversion_replays_the_plan() -> None:
    """A second document of the same structure reuses the plan and reads the new numbers."""
    converter = Converter()
    first = converter.convert(STAMP, body(orders=1), AUTO)
    second = converter.convert(STAMP, body(orders=2), AUTO)
    assert second.plan is first.plan
    assert plain(second)["orders"] == 2
    assert (first.added, second.added) == (len(first.plan.shape.rows), 0)


CHANGES = [
    ("a key appears", {"a": 1}, {"a": 1, "b": 2}, {"a": 1, "b": 2}),
    ("a key goes", {"a": 1, "b": 2}, {"a": 1}, {"a": 1}),
    ("a number becomes text", {"a": 1, "b": 2}, {"a": 1, "b": "x"}, {"a": 1}),
    ("text becomes a number", {"a": 1, "b": "x"}, {"a": 1, "b": 2}, {"a": 1, "b": 2}),
    ("null becomes a number", {"a": 1, "b": None}, {"a": 1, "b": 2}, {"a": 1, "b": 2}),
    ("bool becomes a number", {"a": 1, "b": True}, {"a": 1, "b": 2}, {"a": 1, "b": 2}),
    ("a list becomes a number", {"a": 1, "b": [3]}, {"a": 1, "b": 2}, {"a": 1, "b": 2}),
    ("a number becomes a map", {"a": 1, "b": 2}, {"a": 1, "b": {"c": 3}}, {"a": 1, "b_c": 3}),
    ("an integer becomes a fraction", {"a": 1}, {"a": 1.5}, {"a": 1.5}),
    ("an integer becomes too wide", {"a": 1, "b": 2}, {"a": 1, "b": 10**400}, {"a": 1}),
    ("too wide becomes an integer", {"a": 1, "b": 10**400}, {"a": 1, "b": 2}, {"a": 1, "b": 2}),
]


@pytest.mark.parametrize(
    ("before", "after", "expected"), [c[1:] for c in CHANGES], ids=[c[0] for c in CHANGES]
)
def test_a_changed_structure_is_seen(
    before: dict[str, object], after: dict[str, object], expected: dict[str, float]
) -> None:
    """The warm path never reads a document of another structure as if it were the old one."""
    converter = Converter()
    converter.convert(STAMP, raw_body(*(f'"{k}": {json.dumps(v)}' for k, v in before.items())), AUTO)
    changed = raw_body(*(f'"{k}": {json.dumps(v)}' for k, v in after.items()))
    for _ in range(2):
        assert plain(converter.convert(STAMP, changed, AUTO)) == expected


def test_a_ring_that_is_none_costs_the_quantiles() -> None:
    """PauseNs of another length or with other values gives no quantiles, and never an exception."""
    for ring in ([1, 2, 3], ["x"] * 256, [-1] * 256, "x", None, [1.5] * 256):
        got = numbers(convert(body(memstats=memstats(PauseNs=ring))))
        assert len(got) == 24
    assert len(numbers(convert(body(memstats=memstats(NumGC=-3))))) == 29


def test_repaired_bodies_keep_their_values() -> None:
    """A body that needs repair every time gives the same series as a clean one, NaN among them."""
    converter = Converter()
    for _ in range(2):
        converted = converter.convert(STAMP, raw_body('"a": 1', '"b": NaN', '"c": '), AUTO)
        got = plain(converted)
        assert got["a"] == 1
        assert math.isnan(got["b"])
        assert {repair.kind for repair in converted.repairs} == {"non_finite", "empty_value"}


def test_limits_fail_the_scrape() -> None:
    """sample_limit and the label limits refuse a target as a whole, naming the limit."""
    cases = [
        (Limits(samples=10), "too_many_samples", "sample_limit is 10"),
        (Limits(labels=3), "label_limit", "over label_limit"),
        (Limits(name_chars=5), "label_limit", "label_name_length_limit"),
        (Limits(value_chars=3), "label_limit", "label_value_length_limit"),
    ]
    for limits, reason, words in cases:
        with pytest.raises(FetchError, match=words) as refused:
            Converter().convert(STAMP, body(), AUTO, limits)
        assert refused.value.reason == reason
    assert Converter().convert(STAMP, body(), AUTO, Limits(samples=29, labels=5)).values


def test_plans_and_shapes_are_bounded() -> None:
    """The caches drop their oldest entries; a dropped target is simply compiled again."""
    converter = Converter(shape_limit=2, plan_limit=3)
    for index in range(10):
        stamp = Stamp(Target(f"key{index}", "pay", "http://a", LABELS))
        assert plain(converter.convert(stamp, body(**{f"v{index}": index}), AUTO))[f"v{index}"] == index
    assert len(converter._plans) == 3
    assert len(converter._shapes) == 2


def test_work_grows_with_the_number_of_keys() -> None:
    """A hundred thousand keys are compiled and read; twice the keys is about twice the work."""

    def compile_one(keys: int) -> None:
        sent = json.dumps({f"key_{index}": index for index in range(keys)}).encode()
        assert len(Converter().convert(STAMP, sent, AUTO).plan.shape.rows) == keys

    small, large = (calls(lambda n=n: compile_one(n)) for n in (2_000, 4_000))  # type: ignore[misc]
    assert large <= 2.2 * small
    compile_one(100_000)


def test_external_labels_are_added_where_the_name_is_free() -> None:
    """Neither the target's nor the payload's labels give way to external ones."""
    target = Target("key", "pay", "http://a", (("env", "prod"), ("job", "pay")))
    stamp = Stamp(target, external=(("env", "x"), ("quantile", "x"), ("region", "eu")))
    converted = Converter().convert(stamp, body(), AUTO)
    labels = {row.name: dict(found) for row, found in labelled_rows(stamp, converted.plan.shape)}
    assert labels["go_memstats_alloc_bytes"] == {"env": "prod", "job": "pay", "quantile": "x", "region": "eu"}
    assert labels["go_gc_duration_seconds"]["quantile"] == "1"
    assert converted.plan.conflicts == 0


def test_payload_labels_give_way() -> None:
    """A target's own label wins; what the payload said becomes exported_*, counted."""
    stamp = Stamp(Target("key", "pay", "http://a", (("job", "pay"), ("quantile", "mine"))))
    converted = Converter().convert(stamp, body(), AUTO)
    assert converted.plan.conflicts == 5
    labels = [dict(ls) for row, ls in labelled_rows(stamp, converted.plan.shape) if row.labels]
    assert {one["exported_quantile"] for one in labels} == {"0", "0.25", "0.5", "0.75", "1"}
    assert {one["quantile"] for one in labels} == {"mine"}


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=5),
    max_leaves=30,
)


@given(st.dictionaries(st.text(), json_values, max_size=8))
def test_any_document_gives_valid_unique_series(document: dict[str, object]) -> None:
    """Whatever is published: legal names, no duplicate, a type for each, warm equal to cold."""
    converter = Converter()
    sent = json.dumps(document).encode("utf-8", "surrogatepass")
    cold = converter.convert(STAMP, sent, AUTO)
    warm = converter.convert(STAMP, sent, AUTO)
    assert warm.values == cold.values
    rows = cold.plan.shape.rows
    assert all(LEGAL_NAME.fullmatch(row.name) for row in rows)
    assert len({(row.name, row.labels) for row in rows}) == len(rows)
    assert len(cold.plan.template.offsets) - 1 == len(rows) + len(HEALTH)
