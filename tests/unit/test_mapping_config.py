"""Mapping rules in a configuration: what is refused, where, and what to write instead; ready sets."""
# ruff: noqa: E501 - a message stands on one line, as people see it

from __future__ import annotations

import msgspec
import pytest
from pushvar.config.load import load, load_rules
from pushvar.config.programs import ready_names, ready_rules
from pushvar.config.schema import Config
from pushvar.convert.mapping import built_in, rules_of
from pushvar.errors import ConfigErrors

JOB = "scrape_configs: [{job_name: a, mappings: [m]}]\nmappings:\n  m:\n"

REFUSED: list[tuple[str, str]] = [
    ("{match: a}", "4:7: mappings.m[0].name: required; add name, or action: drop"),
    ("{name: x}", "4:7: mappings.m[0].match: required; add match, or a preset"),
    ("{action: drop}", "4:7: mappings.m[0].match: required; add match"),
    ("{match: a, nmae: x, name: y}", "4:18: mappings.m[0].nmae: unknown; did you mean name?"),
    ("{match: 'a/{b', name: x}", '4:15: mappings.m[0].match: "a/{b" has a { that is not closed; close it with }'),
    ("{match: '{a}/{a}', name: x}", "4:15: mappings.m[0].match: captures a twice; give each capture a name of its own"),
    ("{match: ['{a}', '{a}'], name: x}", "4:15: mappings.m[0].match: captures a twice; give each capture a name of its own"),
    ("{match: '{a:(}', name: x}", "4:15: mappings.m[0].match: not an RE2 expression: missing ): (?P<a>(); see github.com/google/re2/wiki/Syntax"),
    ("{match: '{a:(?=b)}', name: x}", "4:15: mappings.m[0].match: not an RE2 expression: invalid perl operator: (?=; see github.com/google/re2/wiki/Syntax"),
    ("{match: '{a:}', name: x}", '4:15: mappings.m[0].match: "{a:}" has an empty expression; write {a:.*} for any key'),
    ("{match: '{__a}', name: x}", '4:15: mappings.m[0].match: "__a" is no name for a capture; use letters, digits and _, not __ in front: it becomes a label'),
    ("{match: '{}', name: x}", '4:15: mappings.m[0].match: "" is no name for a capture; use letters, digits and _, not __ in front: it becomes a label'),
    ("{match: a, name: '{b}'}", '4:24: mappings.m[0].name: "{b}" is captured nowhere; match captures nothing'),
    ("{match: 'a/{c}', name: '{tail}'}", '4:30: mappings.m[0].name: "{tail}" is captured nowhere; match captures c'),
    ("{match: a, name: '{@@b}'}", "4:24: mappings.m[0].name: has more @ than match has segments; use fewer"),
    ("{match: a, name: x, labels: {l: '@@b'}}", "4:39: mappings.m[0].labels.l: has more @ than match has segments; use fewer"),
    ("{match: a, name: x, labels: {__l: b}}", '4:36: mappings.m[0].labels.__l: "__l" is a reserved label name; do not begin with __'),
    ("{match: '{l}', name: x, labels: {l: b}}", "4:43: mappings.m[0].labels.l: captured too; rename one"),
    ("{match: a, name: x, label_map: tags}", '4:38: mappings.m[0].label_map: "tags" is no reference; write "@tags" or "@@tags"'),
    ("{match: a, name: x, label_exclude: [b]}", "4:42: mappings.m[0].label_exclude: without label_map; remove it"),
    ("{match: a, name: x, scale: 0}", '4:34: mappings.m[0].scale: "0" is out of range; write a factor between 1e-30 and 1e30'),
    ("{match: a, name: x, scale: 1e-999}", '4:34: mappings.m[0].scale: "1e-999" is not a scale; write a factor such as 1e-9 or 1024'),
    ("{match: a, name: x, role: bucket}", "4:15: mappings.m[0].match: role bucket without a capture le; write {le}"),
    ("{match: a, name: x, role: sum}", "4:7: mappings.m[0].type: no type with role sum; write histogram or summary"),
    ("{match: a, name: x, type: counter, role: count}", "4:33: mappings.m[0].type: type counter with role count; write histogram or summary"),
    ("{match: a, name: x, type: histogram}", "4:33: mappings.m[0].type: type histogram with role value; write counter or gauge or info or unknown"),
    ("{match: '{q}', name: x, role: quantile}", '4:7: mappings.m[0].quantiles: required; write {"99": 0.99}'),
    ("{match: '{q}', name: x, role: quantile, quantiles: {a: 1.5}}", '4:62: mappings.m[0].quantiles.a: "1.5" is not a quantile; write a number from 0 to 1, such as 0.99'),
    ("{match: a, name: x, le_scale: 2}", "4:37: mappings.m[0].le_scale: not for role value; it is for bucket"),
    ("{match: a, name: x_total, type: gauge}", "4:24: mappings.m[0].name: a gauge may not end in _total; make it a counter, or rename it"),
    ("{match: a, name: x, value_label: s, parse: number}", "4:40: mappings.m[0].value_label: its value is always 1; remove parse, scale and type counter"),
    ("{match: a, name: x, histogram: {bounds: b}}", "4:38: mappings.m[0].histogram.counts: required; lists have bounds and counts, objects bounds: keys"),
    ("{match: a, name: x, histogram: {bounds: keys}, scale: 2}", "4:61: mappings.m[0].scale: not beside histogram; write it into histogram, or remove it"),
    ("{match: a, name: x, action: drop}", "4:24: mappings.m[0].name: not together with action: drop; remove one of them"),
    ("{match: a, preset: forced_gc}", "4:15: mappings.m[0].match: not together with a preset; remove one of them"),
    ("{match: a, name: x, type: gauge}\n    - {match: b, name: x, type: counter}", "5:33: mappings.m[1].type: x is a gauge in an earlier rule, a counter here; give a name one type"),
]  # fmt: skip


@pytest.mark.parametrize(("rule", "message"), REFUSED)
def test_refused(rule: str, message: str) -> None:
    """One wrong thing, one message: place, path, problem, what to do."""
    with pytest.raises(ConfigErrors) as refused:
        load(f"{JOB}    - {rule}", source="p.yml")
    assert str(refused.value) == f"p.yml:{message}"


def test_an_unknown_name_is_refused() -> None:
    """A scrape config names its own sets or ready ones."""
    with pytest.raises(
        ConfigErrors, match=r'scrape_configs\[0\].mappings\[0\]: no mappings called "nowhere"; there are '
    ):
        load("scrape_configs: [{job_name: a, mappings: [nowhere]}]", source="p.yml")


def test_every_ready_set_compiles() -> None:
    """Each file of the package is found by its name and has rules that a configuration would take."""
    for name in sorted(ready_names()):
        config = load(f"scrape_configs: [{{job_name: a, mappings: [{name}]}}]", source="p.yml")
        assert rules_of(config, config.scrape_configs[0]).rules
        assert ready_rules(name)


def test_own_sets_win_over_ready_ones() -> None:
    """A configuration's set hides the ready one of its name, and sets keep their order."""
    text = "scrape_configs: [{job_name: a, mappings: [vitess, b]}]\nmappings: {b: [{match: b, name: b}], vitess: [{match: v, name: v}]}"
    config = load(text, source="p.yml")
    assert [rule.name for rule in rules_of(config, config.scrape_configs[0]).rules[:2]] == [
        "vitess[0]",
        "b[0]",
    ]
    plain = load("scrape_configs: [{job_name: a}]", source="p.yml")
    assert rules_of(plain, plain.scrape_configs[0]).key == built_in("auto").key


def test_a_configuration_with_rules_survives_storing() -> None:
    """What is stored as JSON reads back as the same configuration of the same version."""
    config = load(
        f"{JOB}    - {{match: 'a/{{q}}', name: x, role: quantile, quantiles: {{50: 0.5}}}}", source="p.yml"
    )
    again = msgspec.json.decode(msgspec.json.encode(config), type=Config)
    assert again == config
    assert again.version == config.version


def test_a_file_of_rules() -> None:
    """A list of rules, a mappings block, and a block under its key are all taken."""
    rule = "{match: a, name: b}"
    for text, name in ((f"[{rule}]", ""), (f"m: [{rule}]", "m"), (f"mappings: {{m: [{rule}]}}", "m")):
        assert [(found, len(rules)) for found, rules in load_rules(text, source="r.yml")] == [(name, 1)]
    with pytest.raises(ConfigErrors, match=r"r.yml:1:10: \[0\].match: "):
        load_rules("[{match: '{', name: b}]", source="r.yml")
