"""A configuration as a tree of parameters: there and back, what is refused, and where it says so."""
# ruff: noqa: E501 - a message stands on one line, as people see it

from __future__ import annotations

import json
import re
from itertools import pairwise
from pathlib import Path
from typing import Any

import msgspec
import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import inspect
from pushvar.config import nodes
from pushvar.config.branches import branches, continuation, in_order, segments
from pushvar.config.document import parse
from pushvar.config.edit import with_targets, without_targets
from pushvar.config.emit import _SAFE as SAFE
from pushvar.config.emit import emit
from pushvar.config.keys import keys_of, unwrapped
from pushvar.config.load import load
from pushvar.config.manifest import digest_in, digest_of, manifest_of, matches
from pushvar.config.packing import MAX_BYTES, items_of, packed, with_item
from pushvar.config.problems import Problems
from pushvar.config.relabel import RelabelConfig
from pushvar.config.schema import Config, GatewayCredential, TenantRule
from pushvar.config.tree import read_tree
from pushvar.errors import ConfigErrors

PREFIX = "/pushvar/dev/config"
EXAMPLE = (Path(__file__).parents[2] / "examples" / "pushvar.yml").read_text("utf-8")
PAY = "scrape_configs/pay"
SEGMENT = re.compile(r"[a-zA-Z0-9_.-]+")
JOB = {"job_name": "pay", "static_configs": [{"targets": ["a:1"]}]}


def tree_of(document: object) -> dict[str, str]:
    """The values of a document's tree."""
    return items_of(json.dumps(document), source="p.yml")[1]


def config_of(document: object) -> Config:
    """The configuration of a document."""
    return load(json.dumps(document), source="p.yml")


def again(items: dict[str, str]) -> dict[str, str]:
    """The values of a tree's tree."""
    tree = read_tree(items, PREFIX)
    problems = Problems(PREFIX)
    values = packed(tree.root, tree.config, problems)
    problems.raise_all()
    return values


def by_name(config: Config) -> dict[str, Any]:
    """The values of a configuration, whatever the order of its items; targets one by one."""
    found = msgspec.to_builtins(config)
    for job in found["scrape_configs"]:
        groups = job["static_configs"]
        job["static_configs"] = [(one, group["labels"]) for group in groups for one in group["targets"]]
    for branch in branches().values():
        if branch.name_key:
            found[branch.key] = {one[branch.name_key]: one for one in found[branch.key]}
    return dict(found)


def refusal(items: dict[str, str]) -> list[str]:
    """What is said of a tree, a line for each problem, without the prefix."""
    with pytest.raises(ConfigErrors) as refused:
        read_tree(items, PREFIX)
    return str(refused.value).replace(f"{PREFIX}/", "").splitlines()


# There and back


def test_the_tree_of_a_document() -> None:
    """One parameter for each block and item, in compact YAML; types, quotes, nulls and names stay."""
    document = """
global: {scrape_interval: 15s, external_labels: {v: 1.10, on: yes, q: "1.10", n: ~, e: }}
scrape_configs:
  - &base {job_name: pay, honor_labels: yes, sample_limit: 5, scheme: https}
  - <<: *base
    job_name: web shop
    static_configs:
      - {targets: [a, "b:1"], labels: {x: 'it''s', y: "\\x07 {{z}} é"}}
      - targets: [c]
remote_write: [{url: "http://h:1/w"}]
tenancy: {tiers: {gold: {latency_p95: 1s, availability: 0.9}}}
"""
    config, items = items_of(document, source="p.yml")
    assert items == {
        "global": '{scrape_interval: 15s, external_labels: {v: 1.10, on: yes, q: "1.10", n: null, e: null}}',
        "scrape_configs/pay": "{job_name: pay, honor_labels: yes, sample_limit: 5, scheme: https}",
        "scrape_configs/web_shop-87c9a8b1": '{job_name: "web shop", static_configs: [{targets: [a, "b:1"], '
        'labels: {x: "it\'s", y: "\\u0007 {\\u007bz}} é"}},\n{targets: [c]}], honor_labels: yes, sample_limit: 5, scheme: https}',
        "remote_write/h": '{name: "h", url: "http://h:1/w"}',
        "tenancy": "{tiers: {gold: {latency_p95: 1s, availability: 0.9}}}",
    }
    assert read_tree(items, PREFIX).config == config == load(document, source="p.yml")


def test_mappings_in_a_tree() -> None:
    """Each rule set is a parameter whose name is the set's; a problem is told with parameter and line."""
    rules = [
        {"match": "q/{a}", "name": "q", "scale": "1e-9"},
        {"match": ["a/b", "{d:.{{2}}}"], "action": "drop"},
    ]
    document = {
        "scrape_configs": [{**JOB, "mappings": ["shop", "x.2"]}],
        "mappings": {"shop": rules, "x.2": []},
    }
    items = tree_of(document)
    assert items["mappings/shop"] == (
        '[{match: "q/{a}", name: "q", scale: "1e-9"},\n{match: ["a/b", "{d:.{\\u007b2}}}"], action: "drop"}]'
    )
    assert set(items) == {PAY, "mappings/shop", "mappings/x.2"}
    assert by_name(read_tree(items, PREFIX).config) == by_name(config_of(document))
    assert again(items) == items
    wrong = "[{match: q, name: x},\n{match: '{a', name: x}]"
    assert refusal({**items, "mappings/shop": wrong}) == [
        'mappings/shop:2:9: mappings.shop[1].match: "{a" has a { that is not closed; close it with }'
    ]
    assert refusal({**items, "mappings/a b": "[]"}) == [
        'mappings/a b: mappings["a b"]: "a b" is no name for mappings; use letters, digits, _, . and -'
    ]
    assert refusal({**items, "mappings": "{}"}) == [
        "mappings: not a parameter of mappings; write mappings/<name>"
    ]


def test_the_example_makes_a_tree() -> None:
    """Our own example is the same configuration as a tree, but for what only files can do."""
    document = yaml.safe_load(EXAMPLE)
    for job in document["scrape_configs"]:
        job.pop("file_sd_configs", None)
    text = yaml.safe_dump(document).replace("file: ", "file: /etc/").replace("/etc//", "/")
    config, items = items_of(text, source="p.yml")
    assert by_name(read_tree(items, PREFIX).config) == by_name(config)
    assert again(items) == items


texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=10)
VALUES: dict[str, st.SearchStrategy[Any]] = {
    "text": texts.filter(lambda text: bool(text.strip())),
    "path": st.sampled_from(["", "/etc/ca.pem", "/a b/'c"]),
    "address": st.sampled_from(["a", "h:1", "yes", "1.10", "host-with-a-long-name.example:8080"]),
    "metrics_path": st.sampled_from(["/debug/vars", "/a%20b", "/x,y:z"]),
    "remote_url": st.sampled_from(["http://h:1/w", "https://a.b/c?d=e,f", "http://h/{customer_id}/w"]),
    "network": st.sampled_from(["10.0.0.0/8", "fd00::/8", "1.2.3.4"]),
    "port_range": st.sampled_from(["80", "9000-9999"]),
    "source_url": st.sampled_from(["http://h:1/targets?dc=1", "https://a.b/c"]),
    "token_url": st.sampled_from(["https://h/token", "http://h:1/t?a=b"]),
    "endpoint_param": st.sampled_from(["audience", "resource"]),
    "proxy_url": st.sampled_from(["", "http://p", "http://[fd00::1]:3128/"]),
    "gateway_url": st.sampled_from(["http://h:1", "https://a.b/c"]),
    "auth_type": st.sampled_from(["Bearer", "Token"]),
    "header_name": st.sampled_from(["X-A", "X-B"]),
    "regex": st.sampled_from(["gold|silver", "", "a: {b}, .*"]),
    "derived_label_name": st.sampled_from(["zone", "yes"]),
    "templated_label_name": st.sampled_from(["team", "tenant_id_2"]),
    "label_template": st.sampled_from(["{customer_id}", "{team|sre}", "a: {{x}}"]),
    "header_template": st.sampled_from(["a", "{customer_id}", "{env|prod} {{x}}", " yes "]),
    "header_value": st.sampled_from(["a", "yes", "a: b, [c]", " "]),
    "label_name": st.sampled_from(["env", "zone", "a_b", "n", "y", "null"]),
    "external_label_name": st.sampled_from(["region", "on"]),
    "external_label_value": texts.filter(lambda text: "$" not in text),
    "customer_id": st.sampled_from(["acme", "1.10", "null"]),
    "duration": st.sampled_from(["15s", "1m", "0"]),
    "positive_duration": st.sampled_from(["15s", "1m"]),
    "secret": st.sampled_from(["env:A", "file:/a b", "ssm:/a/b", "secretsmanager:a#b"]),
    "size": st.sampled_from(["8MB", "512KiB", "0"]),
    "anonymous": st.sampled_from(["", "acme", "null"]),
}
"""Values that each grammar takes."""


NAMES = ("job_name", "name")
LEFT_OUT = {
    "mappings",
    "file_sd_configs",
    "dns_sd_configs",
    "scrape_timeout",
    "min_backoff",
    "authorization",
    "oauth2",
    "no_proxy",
    "proxy_from_environment",
    "sigv4",
    "strict",
    "max_ttl",
}
"""Keys with values that do not go with those of others; their emission is no other."""

RULES = st.sampled_from(
    [
        {"match": "a/**", "action": "drop"},
        {"match": ["a/b", "{dir}", ""], "name": "x_{@@f}_{dir}", "type": "gauge", "scale": "1e-9"},
        {"match": "h/{c:\\d{2}}", "name": "h", "labels": {"l": "@f", "null": "yes"}},
        {"preset": "go_memstats"},
        {"match": "s/{q}", "name": "s", "role": "quantile", "quantiles": {"99": 0.99}},
    ]
)
"""Rules that each go alone."""

SIMPLE: dict[type, st.SearchStrategy[Any]] = {
    inspect.StrType: texts | st.sampled_from(["null", "~", "1.10", "yes", ""]),
    inspect.BoolType: st.booleans(),
    inspect.IntType: st.integers(1, 10**9),
    inspect.FloatType: st.sampled_from([0.5, 0.999, 1e-05]),
}


STEPS: st.SearchStrategy[dict[str, Any]] = st.sampled_from(
    [
        {
            "source_labels": ["a", "__address__"],
            "separator": "",
            "target_label": "${1}_x",
            "regex": "(.*)|yes",
        },
        {"source_labels": ["a"], "target_label": "b", "modulus": 8, "action": "hashmod"},
        {"action": "labeldrop", "regex": "__tmp: {x}, ['\"]"},
        {"action": "LabelMap", "replacement": "null"},
        {"target_label": "a", "replacement": "", "regex": ""},
    ]
)
"""Relabelling steps that a configuration may have."""

TENANT_RULES = st.fixed_dictionaries(
    {"labels": st.fixed_dictionaries({"zone": st.sampled_from(["null", "x"]), "sla_tier": st.just("gold")})},
    optional={"match": st.fixed_dictionaries({"job": st.sampled_from(["pay.*", "a|b"])})},
)
"""Rules of tenancy; one without labels is refused."""

CREDENTIALS: st.SearchStrategy[dict[str, Any]] = st.sampled_from(
    [
        {"customer_id": "a", "basic_auth": {"username": "yes", "password": "env:P"}, "ttl": "2d"},
        {"customer_id": "null", "authorization": {"credentials": "ssm:/a/b"}},
        {"customer_id": "1.10", "principal": "arn:aws:iam::123456789012:role/batch-*"},
    ]
)
"""Credentials of the gateway; each shows one thing."""

BLOCKS: dict[type, st.SearchStrategy[dict[str, Any]]] = {
    RelabelConfig: STEPS,
    TenantRule: TENANT_RULES,
    GatewayCredential: CREDENTIALS,
}


def _values(info: inspect.Type) -> st.SearchStrategy[Any]:  # noqa: PLR0911 - one for each kind of type
    leaf = unwrapped(info)
    kind = leaf.type
    if leaf.grammar:
        return VALUES[leaf.grammar]
    if isinstance(kind, inspect.StructType):
        return BLOCKS[kind.cls] if kind.cls in BLOCKS else _blocks(kind.cls)
    if isinstance(kind, inspect.LiteralType):
        return st.sampled_from(kind.values)
    if not isinstance(kind, inspect.VarTupleType):
        return SIMPLE[type(kind)]
    if isinstance(kind.item_type, inspect.TupleType):
        key, value = kind.item_type.item_types
        return st.dictionaries(_values(key), _values(value), max_size=2)
    item = unwrapped(kind.item_type).type
    keys = keys_of(item.cls) if isinstance(item, inspect.StructType) else {}
    if not any(name in keys for name in NAMES):
        return st.lists(_values(kind.item_type), max_size=3)
    unique = lambda one: str(one.get("job_name") or one.get("name") or one["url"])  # noqa: E731 - short
    return st.lists(_values(kind.item_type), min_size=1, max_size=2, unique_by=unique)


def _blocks(block: type) -> st.SearchStrategy[dict[str, Any]]:
    keys = {
        name: _values(key.type)
        for name, key in keys_of(block).items()
        if name not in LEFT_OUT and not name.endswith("_file")
    }
    if block is Config:
        names = st.sampled_from(["vitess", "a.b", "null", "1.10", "x-2"])
        keys["mappings"] = st.dictionaries(names, st.lists(RULES, max_size=3), max_size=2)
    required = {name for name, key in keys_of(block).items() if key.required}
    wanted = required | ({"scrape_configs"} if block is Config else set())
    return st.fixed_dictionaries({name: keys.pop(name) for name in sorted(wanted)}, optional=keys)


@settings(max_examples=80, deadline=None)
@given(_blocks(Config), st.booleans())
def test_any_document_is_the_same_as_a_tree(document: dict[str, Any], as_json: bool) -> None:  # noqa: FBT001 - a property
    """A document, its tree and the tree's tree hold the same values; the last two the same bytes."""
    text = json.dumps(document) if as_json else yaml.safe_dump(document, allow_unicode=True)
    try:
        config, items = items_of(text, source="p.yml")
    except ConfigErrors as refused:
        assert all("name of" in one.problem for one in refused.problems)  # noqa: PT017 - two backends of one name
        return
    assert by_name(read_tree(items, PREFIX).config) == by_name(config)
    assert again(items) == items


@settings(max_examples=30, deadline=None)
@given(
    st.lists(st.tuples(st.integers(0, 150), st.integers(1, 60), st.integers(0, 400)), max_size=12),
    st.integers(0, 3500),
)
def test_any_targets_fit(groups: list[tuple[int, int, int]], head: int) -> None:
    """Targets of any number and size are continued, in order, in parameters that are as full as can be."""
    static = [
        {
            "targets": [f"{'h' * size}{n}:{index + 1}" for n in range(count)],
            "labels": {"a": "b", "e": "é" * chars},
        }
        for index, (count, size, chars) in enumerate(groups)
    ]
    job = {"job_name": "pay", "params": {"x": ["y" * head]}, "static_configs": static}
    document = {"scrape_configs": [job, {"job_name": "other"}]}
    items = tree_of(document)
    names = [name for name in in_order(items) if name.startswith(PAY)]
    assert names == [PAY, *(f"{PAY}.{n}" for n in range(2, len(names) + 1))]
    assert max(len(value.encode()) for value in items.values()) <= MAX_BYTES
    assert by_name(read_tree(items, PREFIX).config) == by_name(config_of(document))
    assert again(items) == items
    for name, following in pairwise(names):
        group = yaml.safe_load(items[following])["static_configs"][0]
        least = emit(parse(json.dumps({**group, "targets": group["targets"][:1]}), ""))
        assert len(items[name].encode()) + 2 + len(least.encode()) > MAX_BYTES


def unmarked(node: Any) -> Any:
    """What a node holds, without its place."""
    if isinstance(node, nodes.ScalarNode):
        return None if node.is_null else (node.text, node.plain and bool(SAFE.fullmatch(node.text)))
    if isinstance(node, nodes.ListNode):
        return [unmarked(item) for item in node.items]
    return [(one.key.text, unmarked(one.value)) for one in node.entries]


def emittable(node: Any) -> bool:
    """Whether the reader would take it: no tag, no key twice, no key that is no text."""
    if node.tagged or isinstance(node, nodes.ScalarNode):
        return not node.tagged
    if isinstance(node, nodes.ListNode):
        return all(map(emittable, node.items))
    return all(
        isinstance(one.key, nodes.ScalarNode) and not one.again and emittable(one.value)
        for one in node.entries
    )


@settings(max_examples=300, deadline=None)
@given(
    st.recursive(
        st.text(max_size=12) | st.integers() | st.floats(allow_nan=False) | st.none() | st.booleans(),
        lambda below: st.lists(below, max_size=3) | st.dictionaries(st.text(max_size=6), below, max_size=3),
        max_leaves=15,
    ),
    st.sampled_from([None, "'", '"', "|"]),
)
def test_what_is_emitted_reads_back(document: object, style: str | None) -> None:
    """Any texts in any nesting, however quoted before; nothing that AWS takes for a reference is written."""
    root = (
        parse(json.dumps([document]), "")
        if style is None
        else parse(yaml.safe_dump([document], default_style=style), "")
    )
    if emittable(root):
        text = emit(root)
        assert "{{" not in text
        assert unmarked(parse(text, "")) == unmarked(root)


PLAIN = """v: {a: 1.10, b: yes, c: ~, d: , e: -5, f: +.5, g: .5, h: 15s, i: a b, j: 10.0.0.1:80, k: 'yes', l: "1", m: -, n: a#b,
  o: [x, y], ~: p, "": q, NULL: r, 2: [], s: {}, t: 1e-5, u: 0x1F, v: "~", w: Null}
"""


def test_plain_texts_stay_plain_where_it_matters() -> None:
    """Numbers, truth values and nothing are written as they were; other texts may get quotes."""
    assert emit(parse(PLAIN, "")) == (
        '{v: {a: 1.10, b: yes, c: null, d: null, e: -5, f: +.5, g: .5, h: 15s, i: "a b", j: "10.0.0.1:80", '
        'k: "yes", l: "1", m: "-", n: "a#b", o: [x, y], ~: p, "": q, NULL: r, 2: [], s: {}, t: 1e-5, u: 0x1F, '
        'v: "~", w: null}}'
    )


def test_a_long_key() -> None:
    """Parsers do not look far for the colon of a key; a long one is marked."""
    document = {"scrape_configs": [{"job_name": "a", "params": {"k" * 2000: ["v"]}}]}
    items = items_of("scrape_configs: [{job_name: a, params: {? " + "k" * 2000 + " : [v]}}]", source="p.yml")[
        1
    ]
    assert read_tree(items, PREFIX).config.scrape_configs[0].params == (("k" * 2000, ("v",)),)
    assert document


# What is refused, and where it says so

GOOD = {PAY: "static_configs: [{targets: ['a:1']}]"}
TREE_HOLDS = "a tree holds gateway, global, mappings/<name>, pushgateways/<name>, remote_write/<name>, scrape_configs/<name>, tenancy"

REFUSED: list[tuple[dict[str, str], list[str]]] = [
    ({PAY: "{scheme: ftp}"}, [f'{PAY}:1:10: scrape_configs[0].scheme: "ftp" is not http or https']),
    ({PAY: ""}, [f"{PAY}:1:1: scrape_configs[0]: the document is empty"]),
    ({PAY: " \n "}, [f"{PAY}:1:1: scrape_configs[0]: the document is empty"]),
    ({PAY: "~"}, [f"{PAY}:1:1: scrape_configs[0]: expected a mapping, found nothing; its keys are job_name, format, metrics_path, ..."]),
    ({PAY: "[a]"}, [f"{PAY}:1:1: scrape_configs[0]: expected a mapping, found a list; its keys are job_name, format, metrics_path, ..."]),
    ({PAY: "a: {b"}, [f"{PAY}:2:1: scrape_configs[0]: not valid YAML: a {{ is not closed, in what begins on line 1; close it with }}"]),
    ({PAY: "!x {}"}, [f"{PAY}:1:1: scrape_configs[0]: has a YAML tag (!name); write the value alone; quote one that begins with !"]),
    ({PAY: "job_name: []"}, [f"{PAY}:1:11: scrape_configs[0].job_name: expected a single value, found a list"]),
    ({PAY: "{}\n---\n{}"}, [f"{PAY}:2:1: scrape_configs[0]: a second document begins here; keep one; remove the --- line"]),
    ({"tenancy": "strict: true", **GOOD}, [f"{PAY}:1:18: scrape_configs[0].static_configs[0].labels.customer_id: targets without a customer_id; add the label customer_id, or set tenancy.strict to false"]),
    ({PAY: "file_sd_configs: [{files: [/a.yml]}]"}, [f"{PAY}:1:18: scrape_configs[0].file_sd_configs: not for Parameter Store; targets of a Parameter Store tree stand in static_configs"]),
    ({PAY: "tls_config: {ca_file: ca.pem}"}, [f"{PAY}:1:23: scrape_configs[0].tls_config.ca_file: in Parameter Store there is no folder that a path could begin at; write a path that begins with /, or a secret as ssm:/PATH"]),
    ({PAY: "basic_auth: {password: file:pw}"}, [f"{PAY}:1:24: scrape_configs[0].basic_auth.password: in Parameter Store there is no folder that a path could begin at; write a path that begins with /, or a secret as ssm:/PATH"]),
    ({"global": "{}"}, [f"{PREFIX}: scrape_configs: no scrape config; add one with job_name and static_configs"]),
    ({"scrape_configs/a": "job_name: x", "scrape_configs/b": "\njob_name: x"}, ['scrape_configs/b:2:11: scrape_configs[1].job_name: "x" is the name of scrape_configs[0] too; give each a name of its own']),
    ({"scrape_configs": "[]", **GOOD}, ["scrape_configs: not a parameter of scrape_configs; write scrape_configs/<name>"]),
    ({f"{PAY}/x": "{}", **GOOD}, [f"{PAY}/x: not a parameter of scrape_configs; write scrape_configs/<name>"]),
    ({"global/x": "{}", **GOOD}, ["global/x: not a parameter of global; write global"]),
    ({"scrap_configs/x": "{}", **GOOD}, ["scrap_configs/x: unknown; did you mean scrape_configs?"]),
    ({"rule_files": "[]", **GOOD}, ["rule_files: not supported by pushvar; rules and alerts belong to the backend; remove it"]),
    ({"zzz": "{}", **GOOD}, [f"zzz: unknown; {TREE_HOLDS}"]),
    ({f"{PAY}.3": "static_configs: []", **GOOD}, [f"{PAY}.3: continues {PAY}, but {PAY}.2 is missing; push the configuration again"]),
    ({f"{PAY}.2": "static_configs: []", f"{PAY}.5": "static_configs: []", **GOOD}, [f"{PAY}.5: continues {PAY}, but {PAY}.3 is missing; push the configuration again"]),
    ({f"{PAY}.2": "static_configs: []", f"{PAY}.2.2": "static_configs: []", **GOOD}, [f"{PAY}.2.2: continues {PAY}.2, which is a continuation itself; give it the next number of {PAY}"]),
    ({f"{PAY}.2": "static_configs: []", "scrape_configs/x": "{}"}, [f"{PAY}.2: continues {PAY}, which is not there; push the configuration again; if it is a job of its own, add job_name to its value"]),
    ({f"{PAY}.2": "{scheme: http, static_configs: []}", **GOOD}, [f"{PAY}.2:1:2: scrape_configs[0].scheme: a continuation holds static_configs alone; write it into {PAY}"]),
    ({f"{PAY}.2": "{static_configs: [], static_configs: []}", **GOOD}, [f"{PAY}.2:1:22: scrape_configs[0].static_configs: given twice; keep one"]),
    ({f"{PAY}.2": "{}", **GOOD}, [f"{PAY}.2: a continuation holds static_configs; write {{static_configs: [...]}}"]),
    ({f"{PAY}.2": "5", **GOOD}, [f"{PAY}.2: a continuation holds static_configs; write {{static_configs: [...]}}"]),
    ({f"{PAY}.2": "[", **GOOD}, [f"{PAY}.2:2:1: scrape_configs[0].static_configs[1]: not valid YAML: a value is missing; is a [ or {{ not closed?"]),
    ({f"{PAY}.2": "static_configs: 5", **GOOD}, [f"{PAY}.2:1:17: scrape_configs[0].static_configs[1]: expected a mapping, found a single value; its keys are targets, labels, ..."]),
    ({f"{PAY}.2": "static_configs: [{targets: ['a b']}]", **GOOD}, [f'{PAY}.2:1:29: scrape_configs[0].static_configs[1].targets[0]: "a b" is not host:port; write "10.0.1.5:8080" or "my-host:8080"']),
    ({PAY: "static_configs: 5", f"{PAY}.2": "static_configs: [{targets: [b]}]"}, [f"{PAY}:1:17: scrape_configs[0].static_configs: expected a list, found a single value; write it in brackets: [...]"]),
    ({PAY: "[", f"{PAY}.2": "]"}, [f"{PAY}:2:1: scrape_configs[0]: not valid YAML: a value is missing; is a [ or {{ not closed?", f"{PAY}.2:1:1: scrape_configs[0].static_configs[0]: not valid YAML: a value is missing; is a [ or {{ not closed?"]),
]  # fmt: skip


@pytest.mark.parametrize(("items", "lines"), REFUSED)
def test_refused(items: dict[str, str], lines: list[str]) -> None:
    """What is wrong is told with the parameter's full name, line and column."""
    assert refusal(items) == lines


def test_all_problems_of_all_parameters_at_once() -> None:
    """They come by parameter and line, each once; what rests on a broken parameter is not blamed."""
    items = {
        "global": "scrape_interval: x\nscrape_timeout: y",
        "tenancy": "{",
        "remote_write/main": "{}",
        "scrape_configs/b": "{schema: https}",
        "scrape_configs/a": "[",
        "scrape_configs/c": "static_configs: [{targets: [a], labels: {sla_tier: lead}}]",
        "mapping/x": "{}",
    }
    assert [line.partition(": ")[0] for line in refusal(items)] == [
        "global:1:18", "global:2:17", "mapping/x", "remote_write/main:1:1",
        "scrape_configs/a:2:1", "scrape_configs/b:1:2", "tenancy:2:1",
    ]  # fmt: skip


# Names


def test_an_item_has_its_parameters_name_or_its_own() -> None:
    """The value's name counts; without one, or with an empty one, the last segment does."""
    config = read_tree(
        {
            "scrape_configs/a": "job_name: other",
            "scrape_configs/b": "{job_name: }",
            "scrape_configs/null": "{}",
            "remote_write/main": "{url: 'http://h', name: ''}",
        },
        PREFIX,
    ).config
    assert [job.job_name for job in config.scrape_configs] == ["other", "b", "null"]
    assert [backend.name for backend in config.remote_write] == ["main"]


def test_a_number_at_the_end_of_a_name() -> None:
    """A parameter goes on with another only without a name of its own, and only from 2 on."""
    config = read_tree(
        {
            "scrape_configs/a": "static_configs: [{targets: [a]}]",
            "scrape_configs/a.10": "static_configs: [{targets: [a10]}]",
            **{f"scrape_configs/a.{n}": f"static_configs: [{{targets: [a{n}]}}]" for n in range(2, 10)},
            "scrape_configs/b": "{}",
            "scrape_configs/b.1": "{}",
            "scrape_configs/b.02": "{}",
            "scrape_configs/b.2": "job_name: b.2",
            "scrape_configs/c-1.4": "scheme: https",
        },
        PREFIX,
    ).config
    assert [job.job_name for job in config.scrape_configs] == ["a", "b", "b.2", "b.02", "b.1", "c-1.4"]
    assert [group.targets[0] for group in config.scrape_configs[0].static_configs] == [
        "a", *(f"a{n}" for n in range(2, 11)),
    ]  # fmt: skip


def test_where_each_group_stands() -> None:
    """The source of a path is the full name of its parameter, that of a continuation its own."""
    tree = read_tree({**GOOD, f"{PAY}.2": "static_configs: [{targets: [b]}]"}, PREFIX)
    assert [tree.source_of(("scrape_configs", 0, "static_configs", n)) for n in (0, 1)] == [
        f"{PREFIX}/{PAY}", f"{PREFIX}/{PAY}.2",
    ]  # fmt: skip
    assert tree.parts == {("scrape_configs", 0): (PAY, f"{PAY}.2")}


def test_names_of_parameters() -> None:
    """What Parameter Store takes stays; the rest is replaced and told apart by a hash of the whole name."""
    names = [
        "pay",
        "web shop",
        "web_shop",
        "web/shop",
        "é",
        "x" * 300,
        "x" * 301,
        "pay.2",
        "pay.1",
        "v.2",
        "a..3",
    ]
    found = segments(names)
    assert found[0] == "pay"
    assert found[2] == "web_shop"
    assert found[8:] == ["pay.1", "v.2", "a..3"]
    assert found[7].startswith("pay.2-")
    assert len(set(found)) == len(names)
    assert all(0 < len(segment) <= 200 and SEGMENT.fullmatch(segment) for segment in found)


@given(st.lists(st.text(min_size=1, max_size=5) | st.from_regex(r"[ab]\.[23]", fullmatch=True), unique=True))
def test_any_names_of_parameters(names: list[str]) -> None:
    """Never two alike, and none that reads as the continuation of another."""
    found = segments(names)
    assert len(set(found)) == len(names)
    assert all(SEGMENT.fullmatch(segment) for segment in found)
    assert [one for one in found if continuation(one)[1] and continuation(one)[0] in found] == []


def test_the_order_of_parameters() -> None:
    """Continuations stand behind what they continue, by number."""
    assert in_order(["a.10", "b", "a.2", "a", "a-x"]) == ["a", "a.2", "a.10", "a-x", "b"]


# What does not fit


def test_a_thousand_targets_take_few_parameters() -> None:
    """With a few labels for each, well over twenty targets share one parameter."""
    labels = {"customer_id": "cust-0000", "sla_tier": "gold", "env": "prod"}
    groups = [
        {"targets": [f"10.0.{n // 250}.{n % 250}:8080"], "labels": labels | {"customer_id": f"cust-{n:04}"}}
        for n in range(1000)
    ]
    items = tree_of({"scrape_configs": [{"job_name": "pay", "static_configs": groups}]})
    assert len(items) < 40
    shared = tree_of(
        {
            "scrape_configs": [
                {
                    "job_name": "pay",
                    "static_configs": [
                        {
                            "targets": [f"10.0.{n // 250}.{n % 250}:8080" for n in range(1000)],
                            "labels": labels,
                        }
                    ],
                }
            ]
        }
    )
    assert len(shared) < 8


def too_large(document: object) -> str:
    """What is said of a document that does not fit."""
    with pytest.raises(ConfigErrors) as refused:
        tree_of(document)
    return str(refused.value)


def test_what_does_not_fit() -> None:
    """An item without its targets, a target with its labels, a block: each is told with its size, all at once."""
    assert too_large({"scrape_configs": [JOB | {"params": {"x": ["y" * 5000]}}]}).endswith(
        "scrape_configs[0]: 5,056 bytes without its targets; a parameter holds 4,096; make it shorter, or divide it"
    )
    long = [{"targets": [f"host-{n}" for n in range(900)]}]
    head = {"job_name": "pay", "params": {"x": ["y" * 4060]}, "static_configs": long}
    label = {"targets": ["a", "b"], "labels": {"x": "é" * 2100}}
    said = too_large({
        "global": {"external_labels": {"x": "y" * 5000}},
        "scrape_configs": [head, {"job_name": "web", "static_configs": [*long, label, {"targets": [], "labels": label["labels"]}]}],
    }).splitlines()  # fmt: skip
    assert [line.partition(": ")[2] for line in said] == [
        "global: 5,026 bytes; a parameter holds 4,096; make it shorter, or divide it",
        "scrape_configs[0]: 4,116 bytes without its targets; a parameter holds 4,096; make it shorter, or divide it",
        "scrape_configs[1].static_configs[1]: one target with its labels takes 4,233 bytes; there is room for 4,076; use fewer or shorter labels",
        "scrape_configs[1].static_configs[2]: one target with its labels takes 4,230 bytes; there is room for 4,076; use fewer or shorter labels",
    ]


def test_files_are_refused_before_a_push() -> None:
    """What only files can do is told with its place in the file."""
    document = JOB | {"file_sd_configs": [{"files": ["a.yml"]}], "tls_config": {"ca_file": "ca.pem"}}
    assert too_large({"scrape_configs": [document]}).count("p.yml:1:") == 2


# The manifest


def test_a_manifest() -> None:
    """It holds the digest of all names and values, whatever their order; any change is another digest."""
    items = {"a": "1", "b": "é\ud800"}
    manifest = manifest_of(items)
    assert json.loads(manifest) == {"schema": 1, "digest": digest_of(items), "parameters": 2}
    assert matches(manifest, dict(reversed(items.items())))
    assert digest_in(manifest) == digest_of(items)
    for other in ({"a": "1"}, {**items, "a": "2"}, {**items, "c": ""}, {"a": 'b"],["', "b": ""}):
        assert not matches(manifest, other)


@pytest.mark.parametrize(
    "text",
    ["", "x", "[]", "5", "{}", "[" * 4000, '{"schema": 2, "digest": "x"}', '{"schema": 1, "digest": 5}'],
)
def test_what_is_no_manifest(text: str) -> None:
    """It matches no tree, not even an empty one."""
    assert digest_in(text) == ""
    assert not matches(text, {})


# Targets added and removed

SHOP = "# ours\njob_name: shop\nscheme: https\nstatic_configs:\n- targets: [a, b:1]\n  labels: {env: prod, x: ~}\n- targets: [c]\nsample_limit: 5\n"


def job_of(text: str) -> nodes.MappingNode:
    """The node of a job."""
    node = parse(text, "")
    assert isinstance(node, nodes.MappingNode)
    return node


@pytest.mark.parametrize(
    ("labels", "groups"),
    [
        ({"env": "prod"}, '[{targets: [a, "b:1", "d:2", "e"], labels: {env: prod, x: null}},\n{targets: [c]}]'),
        ({}, '[{targets: [a, "b:1"], labels: {env: prod, x: null}},\n{targets: [c, "d:2", "e"]}]'),
        ({"x": ""}, '[{targets: [a, "b:1"], labels: {env: prod, x: null}},\n{targets: [c, "d:2", "e"]}]'),
        ({"env": "dev", "null": "1.10"}, '[{targets: [a, "b:1"], labels: {env: prod, x: null}},\n{targets: [c]},\n{targets: ["d:2", "e"], labels: {env: "dev", "null": "1.10"}}]'),
    ],
)  # fmt: skip
def test_targets_join_the_group_with_their_labels(labels: dict[str, str], groups: str) -> None:
    """Or are a group of their own; everything else of the job stays where it is."""
    assert emit(with_targets(job_of(SHOP), ["d:2", "e"], labels)) == (
        f"{{job_name: shop, scheme: https, static_configs: {groups}, sample_limit: 5}}"
    )


def test_the_first_targets_of_a_job() -> None:
    """A job without static_configs, or with none in it, gets them."""
    for text in ("job_name: a", "{job_name: a, static_configs: }", "{job_name: a, static_configs: []}"):
        assert (
            emit(with_targets(job_of(text), ["b"], {})) == '{job_name: a, static_configs: [{targets: ["b"]}]}'
        )


def test_groups_without_targets_stay() -> None:
    """They are no reason to fail, and take their place in the parameters."""
    empty = {"targets": [], "labels": {"a": "b" * 400}}
    document = {"scrape_configs": [{"job_name": "pay", "static_configs": [empty] * 30 + [{"targets": None}]}]}
    items = tree_of(document)
    assert len(items) == 4
    assert again(items) == items
    assert read_tree(items, PREFIX).config == config_of(document)
    job = job_of("{job_name: a, static_configs: [{targets: ~}, {targets: [b]}]}")
    assert (
        emit(without_targets(job, {"b:80"}, "http")[0]) == "{job_name: a, static_configs: [{targets: null}]}"
    )


def test_targets_are_removed_from_every_group() -> None:
    """With and without port, where the scheme gives it; a group that is left empty goes too."""
    job, removed = without_targets(job_of(SHOP), {"a:443", "c:443", "b:2"}, "https")
    assert removed == ("a:443", "c:443")
    assert emit(job) == (
        '{job_name: shop, scheme: https, static_configs: [{targets: ["b:1"], labels: {env: prod, x: null}}], sample_limit: 5}'
    )
    same, none = without_targets(job, {"z:1"}, "https")
    assert (same is job, none) == (True, ())


def test_one_item_is_written_anew() -> None:
    """The others keep their text; parameters that are no longer needed go."""
    long = {"job_name": "pay", "static_configs": [{"targets": [f"host-{n}" for n in range(900)]}]}
    items = tree_of({"scrape_configs": [long]}) | {"scrape_configs/shop": SHOP}
    tree = read_tree(items, PREFIX)
    assert len(tree.parts["scrape_configs", 0]) > 2
    root = tree.root.entries[0].value
    assert isinstance(root, nodes.ListNode)
    node = root.items[0]
    assert isinstance(node, nodes.MappingNode)
    assert with_item(items, tree, ("scrape_configs", 0), node) == items
    few, _ = without_targets(node, {f"host-{n}:80" for n in range(1, 900)}, "http")
    assert with_item(items, tree, ("scrape_configs", 0), few) == {
        PAY: '{job_name: "pay", static_configs: [{targets: ["host-0"]}]}', "scrape_configs/shop": SHOP,
    }  # fmt: skip


def test_an_item_never_goes_on_in_another() -> None:
    """A job that grows does not write over the parameter of one that is called like its continuation."""
    items = {**GOOD, f"{PAY}.2": "job_name: pay.2"}
    tree = read_tree(items, PREFIX)
    many = with_targets(job_of(GOOD[PAY]), [f"host-{n}" for n in range(900)], {})
    with pytest.raises(ConfigErrors, match=r"it would go on in scrape_configs/pay\.2, which is another item"):
        with_item(items, tree, ("scrape_configs", 0), many)
