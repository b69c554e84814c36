"""Whose a target is: who says each label, what a value may be, what a configuration may say of it."""
# ruff: noqa: E501 - a case stands on one line

from __future__ import annotations

from typing import Any

import pytest
import yaml
from pushvar.collect.registry.protocol import TargetGroup
from pushvar.collect.targets import build_target, build_targets
from pushvar.config.load import load
from pushvar.errors import ConfigError, ConfigErrors

RULE = {
    "match": {"job": "pay.*"},
    "labels": {
        "customer_id": "ruled",
        "service_domain": "money",
        "sla_tier": "gold",
        "tenant_id": "t-ruled",
        "env": "ruled",
    },
}
SECOND = {"labels": {"customer_id": "second", "zone": "second"}}


def labels_of(registry: dict[str, str], job: str = "pay-api-silver", **tenancy: Any) -> dict[str, str]:
    """The final labels of one target under this tenancy, without job and instance."""
    document = {"scrape_configs": [{"job_name": job}], "tenancy": tenancy}
    config = load(yaml.safe_dump(document), source="t")
    found = dict(build_target(config, config.scrape_configs[0], "h:1", registry).labels)
    return {name: value for name, value in found.items() if name not in {"job", "instance"}}


@pytest.mark.parametrize(
    ("registry", "tenancy", "expected"),
    [
        ({}, {}, {"customer_id": "default", "service_domain": "pay", "sla_tier": "silver"}),
        ({}, {"default_customer_id": "own"}, {"customer_id": "own", "service_domain": "pay", "sla_tier": "silver"}),
        ({}, {"rules": [RULE]}, {"customer_id": "ruled", "service_domain": "money", "sla_tier": "gold", "tenant_id": "t-ruled", "env": "ruled"}),
        ({}, {"rules": [RULE, SECOND]}, {"customer_id": "ruled", "service_domain": "money", "sla_tier": "gold", "tenant_id": "t-ruled", "env": "ruled", "zone": "second"}),
        ({}, {"rules": [SECOND, RULE]}, {"customer_id": "second", "service_domain": "money", "sla_tier": "gold", "tenant_id": "t-ruled", "env": "ruled", "zone": "second"}),
        ({"customer_id": "said", "sla_tier": "bronze", "env": "prod"}, {"rules": [RULE]}, {"customer_id": "said", "service_domain": "money", "sla_tier": "bronze", "tenant_id": "t-ruled", "env": "prod"}),
        ({"customer_id": ""}, {"rules": [SECOND]}, {"customer_id": "second", "service_domain": "pay", "sla_tier": "silver", "zone": "second"}),
        ({}, {"rules": [{"match": {"job": "pay"}, "labels": {"customer_id": "x"}}]}, {"customer_id": "default", "service_domain": "pay", "sla_tier": "silver"}),
        ({"env": "prod"}, {"rules": [{"match": {"env": "prod", "zone": ""}, "labels": {"customer_id": "x"}}]}, {"customer_id": "x", "service_domain": "pay", "sla_tier": "silver", "env": "prod"}),
        ({"tenant_id": "said"}, {"rules": [RULE], "labels": {"tenant_id": "p-{customer_id:upper}"}}, {"customer_id": "ruled", "service_domain": "money", "sla_tier": "gold", "tenant_id": "p-RULED", "env": "ruled"}),
        ({}, {"labels": {"tenant_id": "{customer_id}", "team": "{team|sre}"}}, {"customer_id": "default", "service_domain": "pay", "sla_tier": "silver", "tenant_id": "default", "team": "sre"}),
        ({"team": "pay"}, {"labels": {"team": "{team|sre}"}}, {"customer_id": "default", "service_domain": "pay", "sla_tier": "silver", "team": "pay"}),
        ({"cluster_id": "said"}, {"labels": {"cluster_id": "c-{cluster}"}}, {"customer_id": "default", "service_domain": "pay", "sla_tier": "silver", "cluster_id": "said"}),
        ({}, {"labels": {"cluster_id": "c-{cluster}"}}, {"customer_id": "default", "service_domain": "pay", "sla_tier": "silver"}),
        ({"a": "1"}, {"labels": {"a": "{b|2}", "b": "{a}"}}, {"customer_id": "default", "service_domain": "pay", "sla_tier": "silver", "a": "2", "b": "1"}),
    ],
)  # fmt: skip
def test_who_says_a_label(
    registry: dict[str, str], tenancy: dict[str, Any], expected: dict[str, str]
) -> None:
    """Defaults, then the service's name, then rules, then the target's own labels, then templates."""
    assert labels_of(registry, **tenancy) == expected


@pytest.mark.parametrize(
    ("registry", "tenancy", "message"),
    [
        ({"customer_id": "a b"}, {}, 'customer_id: "a b" is not a customer_id'),
        ({"customer_id": "c" * 65}, {}, "customer_id: "),
        ({"customer_id": "аcme"}, {}, 'customer_id: "аcme" is not a customer_id'),  # noqa: RUF001 - a Cyrillic letter
        ({"customer_id": "a\n"}, {}, "customer_id: "),
        ({"sla_tier": "lead"}, {}, 'sla_tier: "lead" is not a tier'),
        ({"tenant_id": "a|b"}, {}, 'tenant_id: "a|b" is not a tenant_id'),
        ({"tenant_id": "__mimir_cluster"}, {}, "tenant_id: "),
        ({"tenant_id": ".."}, {}, "tenant_id: "),
        ({"env": "p/q"}, {"labels": {"tenant_id": "{customer_id}-{env}"}}, 'tenant_id: "default-p/q" is not a tenant_id'),
        ({"env": "e" * 150}, {"labels": {"tenant_id": "{customer_id}-{env}"}}, "tenant_id: "),
        ({}, {"strict": True, "rules": [{"match": {"env": "x"}, "labels": {"customer_id": "c"}}]}, "customer_id: missing, and tenancy is strict"),
    ],
)  # fmt: skip
def test_a_target_whose_label_does_not_fit_is_refused(
    registry: dict[str, str], tenancy: dict[str, Any], message: str
) -> None:
    """It is named with the reason; the others stay, and no value is cut to fit."""
    config = load(yaml.safe_dump({"scrape_configs": [{"job_name": "pay"}], "tenancy": tenancy}), source="t")
    groups = [
        TargetGroup("pay", "bad", ("bad:1",), tuple(sorted(registry.items()))),
        TargetGroup("pay", "good", ("good:1",), (("customer_id", "acme"),)),
    ]
    built = build_targets(config, groups)
    assert [target.url for target in built.targets] == ["http://good:1/debug/vars"]
    (problem,) = built.refused
    assert f"target bad:1 of job pay: {message}" in str(problem)


def test_strict_tenancy_takes_a_customer_that_a_rule_gives() -> None:
    """A rule is the operator's word as much as a label is."""
    document = {
        "scrape_configs": [{"job_name": "pay", "static_configs": [{"targets": ["h:1"]}]}],
        "tenancy": {"strict": True, "rules": [RULE]},
    }
    config = load(yaml.safe_dump(document), source="t")
    made = build_target(config, config.scrape_configs[0], "h:1", {})
    assert dict(made.labels)["customer_id"] == "ruled"
    with pytest.raises(ConfigError):
        build_target(config, config.scrape_configs[0], "h:1", {"job": "auth"})


CUSTOMER = "letters, digits, '_', '.' and '-', at most 64, the first a letter or digit"


@pytest.mark.parametrize(
    ("tenancy", "message"),
    [
        ("rules: [{labels: {job: x}}]", "tenancy.rules[0].labels.job: job tells targets apart; no rule says it; use relabel_configs"),
        ("rules: [{match: {job: a}}]", "tenancy.rules[0].labels: required; say which labels the rule gives"),
        ("rules: [{labels: {customer_id: a b}}]", f'tenancy.rules[0].labels.customer_id: "a b" is not a customer_id; {CUSTOMER}'),
        ("rules: [{labels: {sla_tier: lead}}]", 'tenancy.rules[0].labels.sla_tier: "lead" is not a tier; the tiers are bronze, gold, silver'),
        ("rules: [{match: {job: '('}, labels: {a: b}}]", 'tenancy.rules[0].match.job: "(" is not a regular expression: missing ): ^(?s:()$; the dialect is RE2: no look-around, no back references'),
        ("rules: [{match: {__address__: x}, labels: {a: b}}]", 'tenancy.rules[0].match.__address__: "__address__" is not a label name; write address__'),
        ("rules: [{labels: {a: ''}}]", "tenancy.rules[0].labels.a: is empty; write a name"),
        ("labels: {customer_id: x}", "tenancy.labels.customer_id: no template makes customer_id; say it in the target's labels, or in tenancy.rules"),
        ("labels: {team: '{team'}", "tenancy.labels.team: a brace begins no label of the target; write {customer_id}, {env|prod} or {team:lower}; {{ is a brace"),
        ("labels: {team: '{labels.team}'}", "tenancy.labels.team: labels stand in a template by their names; write {NAME} without labels."),
        ("labels: {team: '{__address__}'}", 'tenancy.labels.team: "__address__" is no label of a target; __* labels are gone when series are sent'),
        ("labels: {team: ''}", 'tenancy.labels.team: is empty; write "{customer_id}" or another template'),
        ("budgets: {target_series: -1}", "tenancy.budgets.target_series: -1 is too small; the least is 0"),
        ("budgets: {customers: {a b: 1}}", f'tenancy.budgets.customers["a b"]: "a b" is not a customer_id; {CUSTOMER}'),
        ("denied_labels: [__x]", 'tenancy.denied_labels[0]: "__x" is not a label name; write x'),
        ("templates: {a: b}", "tenancy.templates: not supported by pushvar; use labels: {NAME: TEMPLATE}"),
    ],
)  # fmt: skip
def test_what_a_configuration_may_not_say(tenancy: str, message: str) -> None:
    """Everything that can be known when a configuration is loaded is said then, with its path."""
    with pytest.raises(ConfigErrors) as refused:
        load(f"scrape_configs: [{{job_name: a}}]\ntenancy: {{{tenancy}}}", source="t")
    (problem,) = refused.value.problems
    assert str(problem).partition(": ")[2] == message
