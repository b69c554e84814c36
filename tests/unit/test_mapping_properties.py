"""Any document and any rules: valid, unique, bounded series, cold and warm alike, and no exception."""

from __future__ import annotations

import json
import re
import struct
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pushvar.catalogue import HEALTH
from pushvar.config.load import load_rules
from pushvar.convert.converter import Converter
from pushvar.convert.mapping import rule_set
from pushvar.convert.plan import Stamp
from pushvar.errors import ConfigError
from pushvar.model import Target

STAMP = Stamp(Target("key", "pay", "http://a", (("job", "pay"),)))
LEGAL_NAME = re.compile(r"[a-zA-Z_][a-zA-Z0-9_]*")
WITHHELD = 0x7FF8_7075_7368_7661

KEYS = st.sampled_from(
    ["a", "b", "name", "tags", "1", "2.5", "inf", "Count", "Time", "x.y", "a/b", "~1", "", "memstats"]
)
keys = KEYS | st.text(max_size=3)
SCALARS = (
    st.none() | st.booleans() | st.integers(-3, 12) | st.integers() | st.floats(allow_nan=False)
    | st.sampled_from(["x", "1.5", "1m2s", "inf", "-0", "1e400", ""]) | st.text(max_size=4)
)  # fmt: skip
COUNTS = st.integers(0, 4)
BOUNDS = ("1", "2.5", "inf")
FRAGMENTS = (
    st.fixed_dictionaries({"Count": COUNTS, "Time": COUNTS}, optional=dict.fromkeys(BOUNDS, COUNTS))
    | st.fixed_dictionaries(
        {"a": st.lists(COUNTS, max_size=2), "b": st.lists(COUNTS, max_size=3), "Count": COUNTS}
    )
    | st.fixed_dictionaries({"name": st.text(max_size=3), "tags": st.dictionaries(keys, SCALARS, max_size=3)})
)  # fmt: skip
documents = st.dictionaries(
    keys,
    st.recursive(
        SCALARS | FRAGMENTS,
        lambda inner: st.lists(inner, max_size=4) | st.dictionaries(keys, inner, max_size=6),
        max_leaves=30,
    ),
    max_size=6,
)

CAPTURING = ["{x}", "{x:\\d+}", "*{x:[ab]}", "{x:.*}"]
segments = st.sampled_from(["*", "**", "{y}", "{z}.{w}"]) | keys
prefixes = st.lists(segments, max_size=2).filter(lambda found: len(set(found)) == len(found))
templates = st.sampled_from(["m", "m_total", "{x}", "m_{x}", "{@name}", "{@@name}_n", "up", "go_gc"])
EXTRAS: dict[str, st.SearchStrategy[Any]] = {
    "labels": st.sampled_from([{"l": "x"}, {"l": "@a"}, {"job": "@@b"}, {"le": "7"}]),
    "label_map": st.sampled_from(["@tags", "@@tags", "@@a"]),
}


def _rule(last: list[str], optional: dict[str, Any] | None = None, **fixed: Any) -> st.SearchStrategy[Any]:
    """Rules of one kind: any way down, then one of the last segments."""
    match = st.builds(lambda way, end: [*way, end], prefixes, st.sampled_from(last))
    given_keys = {"match": match, "name": templates, **{key: st.just(value) for key, value in fixed.items()}}
    return st.fixed_dictionaries(given_keys, optional={**EXTRAS, **(optional or {})})


KINDS = st.sampled_from(["counter", "gauge", "unknown"])
SCALES = st.sampled_from(["1e-9", "3", "0.1"])
HISTOGRAMS = [
    {"bounds": "keys", "count": "Count"},
    {"bounds": "keys", "count": "Count", "sum": "Time", "scale": "1e-3", "le_scale": "1e-3"},
    {"bounds": "a", "counts": "b", "count": "Count"},
    {"bounds": "tags", "counts": "tags"},
]
rules = st.one_of(
    _rule(CAPTURING, {"type": KINDS, "scale": SCALES}),
    _rule(CAPTURING, {"parse": st.sampled_from(["number", "duration"]), "scale": SCALES}),
    _rule(CAPTURING, type="info", value_label="state"),
    _rule(["{le}", "*{le}"], {"buckets": st.sampled_from(["cumulative", "disjoint"])}, role="bucket"),
    _rule(["Count", "*"], role="count", type="histogram"),
    _rule(["Time"], {"scale": SCALES}, role="sum", type="histogram"),
    _rule(["{q}"], role="quantile", quantiles={"1": 0.5, "2.5": 0.99}),
    *(_rule(["{x}", "a"], histogram=block) for block in HISTOGRAMS),
    st.builds(lambda way: {"match": [*way, "*"], "action": "drop"}, prefixes),
    st.sampled_from(["go_memstats", "sql_db_stats"]).map(lambda name: {"preset": name}),
)


def usable(written: list[dict[str, Any]]) -> Any:
    """Those of the rules that a configuration would take."""
    kept: list[dict[str, Any]] = []
    for rule in written:
        try:
            load_rules(json.dumps([*kept, rule]), source="p")
            kept.append(rule)
        except ConfigError:
            continue
    return load_rules(json.dumps(kept), source="p")


@settings(max_examples=400, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    documents,
    st.lists(rules, max_size=6),
    st.sampled_from(["auto", "drop"]),
)
def test_any_document_and_any_rules(
    document: dict[str, Any], written: list[dict[str, Any]], unmatched: str
) -> None:
    """Legal names, unique label sets, no reserved label, nothing withheld left, warm equal to cold."""
    converter, found = Converter(), rule_set(usable(written), unmatched)
    sent = json.dumps(document).encode("utf-8", "surrogatepass")
    cold = converter.convert(STAMP, sent, found)
    assert converter.convert(STAMP, sent, found).values == cold.values
    shape = cold.plan.shape
    assert len(cold.values) == 8 * len(shape.rows)
    assert WITHHELD not in struct.unpack(f"<{len(shape.rows)}Q", cold.values)
    assert len({(row.name, row.labels) for row in shape.rows}) == len(shape.rows)
    assert len(cold.plan.template.offsets) - 1 == len(shape.rows) + len(HEALTH)
    types: dict[str, str] = {}
    for row in shape.rows:
        family = shape.families[row.family]
        assert types.setdefault(family.name, family.type) == family.type
        assert LEGAL_NAME.fullmatch(row.name)
        assert list(row.labels) == sorted(row.labels, key=lambda pair: pair[0].encode())
        for name, value in row.labels:
            assert LEGAL_NAME.fullmatch(name)
            assert not name.startswith("__")
            assert value.encode()
