"""Checks across values, and that every problem of a document is told at once, each once."""
# ruff: noqa: E501 - a message stands on one line, as people see it

from __future__ import annotations

import pytest
from pushvar.config.load import load, load_groups
from pushvar.config.schema import DEFAULT_TIERS, Tenancy
from pushvar.errors import ConfigErrors

JOB = "scrape_configs:\n- job_name: a\n"
WITH_JOB = "scrape_configs: [{job_name: a}]\n"
TARGET = JOB + "  static_configs: [{targets: [a], labels: %s}]\n"
NO_CUSTOMER = "letters, digits, '_', '.' and '-', at most 64, the first a letter or digit"

CHECKED: list[tuple[str, str]] = [
    ("scrape_configs: [{job_name: a}, {job_name: b}, {job_name: a}]", '1:59: scrape_configs[2].job_name: "a" is the name of scrape_configs[0] too; give each a name of its own'),
    (WITH_JOB + "remote_write: [{name: x, url: http://a}, {url: http://b, name: x}]", '2:64: remote_write[1].name: "x" is the name of remote_write[0] too; give each a name of its own'),
    (WITH_JOB + "remote_write: [{name: x, url: http://a}]\npushgateways: [{url: http://b, name: x}]", '3:38: pushgateways[0].name: "x" is the name of remote_write[0] too; give each a name of its own'),
    (WITH_JOB + "pushgateways: [{name: x, url: http://a}, {url: http://b, name: x}]", '2:64: pushgateways[1].name: "x" is the name of pushgateways[0] too; give each a name of its own'),
    (WITH_JOB + "pushgateways: [{url: http://a, basic_auth: {}, authorization: {credentials: env:A}}]", "2:63: pushgateways[0].authorization: given together with basic_auth; keep one"),
    (WITH_JOB + "pushgateways: [{url: http://a, tls_config: {key_file: a}}]", "2:44: pushgateways[0].tls_config.cert_file: required; cert_file and key_file belong together"),
    (WITH_JOB + "pushgateways: [{url: http://a, headers: {A: b, a: c}}]", "2:51: pushgateways[0].headers.a: the same header as A; keep one"),
    (JOB + "  scrape_timeout: 61s", "3:19: scrape_configs[0].scrape_timeout: 1m1s is longer than the scrape_interval, 1m; write 1m or less"),
    (JOB + "  scrape_interval: 500ms", "3:20: scrape_configs[0].scrape_interval: 500ms is too short; the shortest is 1s"),
    (WITH_JOB + "global: {scrape_interval: 500ms}", "2:27: global.scrape_interval: 500ms is too short; the shortest is 1s"),
    (WITH_JOB + "global: {scrape_interval: 5s, scrape_timeout: 10s}", "2:47: global.scrape_timeout: 10s is longer than the scrape_interval, 5s; write 5s or less"),
    (JOB + "  basic_auth: {}\n  authorization: {credentials: env:A}", "4:18: scrape_configs[0].authorization: given together with basic_auth; keep one"),
    (JOB + "  tls_config: {cert_file: a}", "3:15: scrape_configs[0].tls_config.key_file: required; cert_file and key_file belong together"),
    (JOB + "  tls_config: {key_file: a}", "3:15: scrape_configs[0].tls_config.cert_file: required; cert_file and key_file belong together"),
    (JOB + "  http_headers: {X-A: {values: [b]}, x-a: {values: [c]}}", "3:43: scrape_configs[0].http_headers.x-a: the same header as X-A; keep one"),
    (JOB + "  file_sd_configs: [{files: []}]", '3:29: scrape_configs[0].file_sd_configs[0].files: no file; write ["targets/*.yml"]'),
    (WITH_JOB + "remote_write: [{url: http://a, headers: {A: b, a: c}}]", "2:51: remote_write[0].headers.a: the same header as A; keep one"),
    (WITH_JOB + "remote_write: [{url: http://a, queue_config: {min_backoff: 1m}}]", "2:60: remote_write[0].queue_config.min_backoff: 1m is longer than max_backoff, 5s; write 5s or less"),
    (TARGET % "{customer_id: 'a b'}", f'3:57: scrape_configs[0].static_configs[0].labels.customer_id: "a b" is not a customer_id; {NO_CUSTOMER}'),
    (TARGET % "{customer_id: }", f'3:57: scrape_configs[0].static_configs[0].labels.customer_id: "" is not a customer_id; {NO_CUSTOMER}'),
    (TARGET % "{sla_tier: goldmine}", '3:54: scrape_configs[0].static_configs[0].labels.sla_tier: "goldmine" is not a tier; the tiers are bronze, gold, silver'),
    (TARGET % "{env: prod}" + "tenancy: {strict: true}", "3:43: scrape_configs[0].static_configs[0].labels.customer_id: targets without a customer_id; add the label customer_id, or set tenancy.strict to false"),
    (JOB + "  static_configs: [{targets: [a]}]\ntenancy: {strict: true}", "3:20: scrape_configs[0].static_configs[0].labels.customer_id: targets without a customer_id; add the label customer_id, or set tenancy.strict to false"),
    (WITH_JOB + "global: {external_labels: {customer_id: a/b}}", f'2:41: global.external_labels.customer_id: "a/b" is not a customer_id; {NO_CUSTOMER}'),
    (WITH_JOB + "tenancy: {default_customer_id: ''}", f'2:32: tenancy.default_customer_id: "" is not a customer_id; {NO_CUSTOMER}'),
]  # fmt: skip

GROUPS: list[tuple[str, str]] = [
    ("{targets: [a]}", '1:1: expected a list, found a mapping; begin each item with "- "'),
    ("[{targets: [a], label: {}}]", "1:17: [0].label: unknown; did you mean labels?"),
    ("[{targets: [a], xy: {}}]", "1:17: [0].xy: unknown; its keys are labels, targets"),
    ('[{"targets": ["a"]\n', "2:1: not valid YAML: a { is not closed, in what begins on line 1; close it with }"),
    ("[{targets: [a], labels: {a.b: c, a_b: d}}]", '1:34: [0].labels.a_b: the same name as another once it is made legal: "a_b"; rename one'),
    ("[{targets: [a], labels: {'': c}}]", '1:26: [0].labels[""]: a label has no name'),
    ("[{targets: [a], labels: {sla_tier: x}}]", '1:36: [0].labels.sla_tier: "x" is not a tier; the tiers are bronze, gold, silver'),
    ("[{targets: [a], labels: {customer_id: x}}, {targets: [b]}]", "1:44: [1].labels.customer_id: targets without a customer_id; add the label customer_id, or set tenancy.strict to false"),
]  # fmt: skip


@pytest.mark.parametrize(("document", "message"), CHECKED)
def test_checked(document: str, message: str) -> None:
    """Values that do not go together are refused at one of them, with the other named."""
    with pytest.raises(ConfigErrors) as refused:
        load(document, source="p.yml")
    assert str(refused.value) == f"p.yml:{message}"


@pytest.mark.parametrize(("document", "message"), GROUPS)
def test_target_groups_are_checked(document: str, message: str) -> None:
    """A file of target groups is read with the same care as the configuration."""
    tenancy = Tenancy(strict="customer_id" in document)
    with pytest.raises(ConfigErrors) as refused:
        load_groups(document, source="t.json", tenancy=tenancy)
    assert str(refused.value) == f"t.json:{message}"


def test_target_groups() -> None:
    """Target groups come as objects, with legal label names."""
    document = '[{"targets": ["a:1", "b"], "labels": {"app.io/name": "x", "__meta": "y"}}, {"targets": null}]'
    first, second = load_groups(document, source="t.json", tenancy=Tenancy(tiers=DEFAULT_TIERS))
    assert first.targets == ("a:1", "b")
    assert dict(first.labels) == {"app_io_name": "x", "__meta": "y"}
    assert second.targets == ()


def test_every_problem_at_once_in_order() -> None:
    """Problems of all kinds come together, in the order of the lines."""
    document = """\
global: {scrape_interval: 15 sec, scrap_timeout: 5s}
scrape_configs:
  - job_name: a
    static_configs: [{targets: ["http://a/x"], labels: {sla_tier: lead}}]
  - job_name: a
    scrape_timeout: 2m
  - metrics_path: x
  - 5
remote_write:
  - url: a
    queue_config: {max_shards: many}
tenancy: []
"""
    with pytest.raises(ConfigErrors) as refused:
        load(document, source="p.yml")
    problems = refused.value.problems
    assert [(one.place.removeprefix("p.yml:").partition(":")[0], one.path) for one in problems] == [
        ("1", "global.scrape_interval"),
        ("1", "global.scrap_timeout"),
        ("4", "scrape_configs[0].static_configs[0].targets[0]"),
        ("5", "scrape_configs[1].job_name"),
        ("7", "scrape_configs[2].job_name"),
        ("7", "scrape_configs[2].metrics_path"),
        ("8", "scrape_configs[3]"),
        ("10", "remote_write[0].url"),
        ("11", "remote_write[0].queue_config.max_shards"),
        ("12", "tenancy"),
    ]
    assert str(refused.value).count("\n") == len(problems) - 1


@pytest.mark.parametrize(
    ("document", "path"),
    [
        (JOB + "  scrape_interval: x\n  scrape_timeout: 90s", "scrape_configs[0].scrape_interval"),
        (WITH_JOB + "remote_write: [{url: http://a, queue_config: {min_backoff: 9s, max_backoff: x}}]",
         "remote_write[0].queue_config.max_backoff"),
        (TARGET % "{sla_tier: lead}" + "tenancy: {tiers: 5}", "tenancy.tiers"),
        (TARGET % "5" + "tenancy: {strict: true}", "scrape_configs[0].static_configs[0].labels"),
        ("scrape_configs: 5", "scrape_configs"),
        ("scrape_configs: [{job_name: []}, {job_name: []}]", "scrape_configs[0].job_name"),
    ],
)  # fmt: skip
def test_no_problem_because_of_another(document: str, path: str) -> None:
    """A value that could not be read is not blamed again for what rests on it."""
    with pytest.raises(ConfigErrors) as refused:
        load(document, source="p.yml")
    paths = {problem.path for problem in refused.value.problems}
    assert {each.replace("[1]", "[0]") for each in paths} == {path}


def test_an_inherited_interval_is_told_once() -> None:
    """A short global interval is a problem of global, not of every job that takes it."""
    with pytest.raises(ConfigErrors) as refused:
        load(WITH_JOB + "global: {scrape_interval: 10ms}", source="p.yml")
    assert len(refused.value.problems) == 1


def test_a_problem_in_an_anchor_shows_where_it_stands() -> None:
    """A value that comes through a merge key is told at the line where it is written."""
    document = "scrape_configs:\n- &base\n  job_name: a\n  scheme: ftp\n- <<: *base\n  job_name: b\n"
    with pytest.raises(ConfigErrors) as refused:
        load(document, source="p.yml")
    assert [problem.place for problem in refused.value.problems] == ["p.yml:4:11", "p.yml:4:11"]
