"""Trees pulled into one file, and configurations compared: there, back, and nothing in between."""

from __future__ import annotations

import json
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from pushvar.config.diff import Side, differences
from pushvar.config.document import parse
from pushvar.config.layout import layout
from pushvar.config.load import load
from pushvar.config.packing import items_of
from pushvar.config.pulled import pulled, whole
from pushvar.config.schema import Config
from pushvar.config.tree import read_tree
from pushvar.errors import ConfigErrors

from tests.unit.test_config_tree import PREFIX, by_name
from tests.unit.test_config_tree import _blocks as blocks

JOB = {"job_name": "pay", "static_configs": [{"targets": ["a:1"]}]}


def side(document: object, name: str = "p.yml") -> Side:
    """A document as one side of a comparison."""
    text = document if isinstance(document, str) else json.dumps(document)
    return Side(name, parse(text, name), load(text, source=name))


def tree_side(items: dict[str, str]) -> Side:
    """A tree as one side of a comparison."""
    tree = read_tree(items, PREFIX)
    return Side("ssm:/x", whole(tree), tree.config)


@settings(max_examples=60, deadline=None)
@given(blocks(Config))
def test_file_to_tree_to_file(document: dict[str, Any]) -> None:
    """A file pushed and pulled is an equal configuration; a second round is byte-identical, a diff empty."""
    text = json.dumps(document)
    try:
        config, items = items_of(text, source="p.yml")
    except ConfigErrors:
        return
    first = pulled(read_tree(items, PREFIX))
    assert by_name(load(first, source="q.yml")) == by_name(config)
    _config, again = items_of(first, source="q.yml")
    assert again == items
    assert pulled(read_tree(again, PREFIX)) == first
    assert differences(side(document), tree_side(items)) == ()
    assert differences(side(first), side(document)) == ()


@settings(max_examples=20, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 200), st.sampled_from(["a", "b"])), max_size=8))
def test_cut_groups_join_again(groups: list[tuple[int, str]]) -> None:
    """Targets that the tree cuts over parameters come back as the groups that they were."""
    static = [
        {
            "targets": [f"host-{index}-{n}.example:{n + 1}" for n in range(count)],
            "labels": {"l": f"{label}{index}"},
        }
        for index, (count, label) in enumerate(groups)
    ]
    document = {"scrape_configs": [{"job_name": "pay", "static_configs": static}]}
    config, items = items_of(json.dumps(document), source="p.yml")
    text = pulled(read_tree(items, PREFIX))
    assert load(text, source="q.yml") == config
    assert items_of(text, source="q.yml")[1] == items


@settings(max_examples=60, deadline=None)
@given(blocks(Config))
def test_layout_keeps_every_value(document: dict[str, Any]) -> None:
    """The text that people read holds what the document held, also for another parser."""
    text = layout(parse(json.dumps(document), "p.yml"))
    assert layout(parse(text, "q.yml")) == text
    assert yaml.safe_load(text) is not None


def test_layout() -> None:
    """Blocks are indented, short lists stand on one line, what is empty in brackets, long keys in braces."""
    document = {"a": {"b": ["x", 1], "c": [], "d": {}}, "e": [{"f": "g h", "i": ["j" * 60, "k" * 60]}, ["l"]]}
    assert layout(parse(json.dumps(document), "")) == (
        'a:\n  b: ["x", 1]\n  c: []\n  d: {}\n'
        f'e:\n  - f: "g h"\n    i:\n      - "{"j" * 60}"\n      - "{"k" * 60}"\n  - ["l"]\n'
    )
    long_key = "k" * 1100
    assert yaml.safe_load(layout(parse(f"a:\n  ? {long_key}\n  : v\n", ""))) == {"a": {long_key: "v"}}


def test_what_differs() -> None:
    """Each item that means something else is shown by its lines; spelling and order are nothing."""
    shop = {"job_name": "shop", "scrape_interval": "60s"}
    before = side({"scrape_configs": [JOB, shop]}, "a.yml")
    after = {
        "global": {"scrape_interval": "30s", "scrape_timeout": "10s"},
        "scrape_configs": [
            {"scrape_interval": "1m", "job_name": "shop"},
            {**JOB, "scheme": "https", "scrape_interval": "1m"},
        ],
        "remote_write": [{"url": "http://h/w"}],
    }
    found = differences(before, side(after, "b.yml"))
    assert [(one.item, one.change) for one in found] == [
        ("global", "added"),
        ("scrape_configs/pay", "changed"),
        ("remote_write/h", "added"),
    ]
    assert found[1].lines == (
        "--- a.yml: scrape_configs/pay",
        "+++ b.yml: scrape_configs/pay",
        "@@ -1,3 +1,5 @@",
        ' job_name: "pay"',
        " static_configs:",
        '   - targets: ["a:1"]',
        '+scheme: "https"',
        '+scrape_interval: "1m"',
    )
    assert [one.change for one in differences(side(after), before)] == ["removed", "changed", "removed"]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (
            "scrape_configs: [{job_name: a, scrape_interval: 60s}]",
            "scrape_configs: [{job_name: a}] # the same",
        ),
        (
            "scrape_configs: [{job_name: a, static_configs: [{targets: [a, b]}]}]",
            "scrape_configs:\n- static_configs:\n  - targets: [a]\n  - targets: [b]\n  job_name: 'a'",
        ),
    ],
)
def test_what_does_not(one: str, other: str) -> None:
    """Two ways of saying the same are equal."""
    assert differences(side(one), side(other)) == ()
