"""Target relabelling: what steps see, what of a target they may change, and what comes of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import yaml
from pushvar.collect.registry.protocol import TargetGroup
from pushvar.collect.targets import build_target, build_targets
from pushvar.config.load import load, load_groups
from pushvar.errors import ConfigError, ConfigErrors

if TYPE_CHECKING:
    from pushvar.config.schema import Config
    from pushvar.model import Target


def configuration(*steps: dict[str, Any], job: dict[str, Any] | None = None, **tenancy: Any) -> Config:
    """A configuration of one job with these steps."""
    own = {"job_name": "pay-gateway", "relabel_configs": [*steps], **(job or {})}
    return load(yaml.safe_dump({"scrape_configs": [own], "tenancy": tenancy}), source="t.yml")


def target(
    *steps: dict[str, Any], address: str = "h:1", job: dict[str, Any] | None = None, **registry: str
) -> Target:
    """The target that these steps make of one registry entry."""
    config = configuration(*steps, job=job)
    return build_target(config, config.scrape_configs[0], address, registry)


def labels(*steps: dict[str, Any], **registry: Any) -> dict[str, str]:
    """Its labels."""
    return dict(target(*steps, **registry).labels)


def setting(name: str, value: str) -> dict[str, Any]:
    """The step that sets a label."""
    return {"target_label": name, "replacement": value}


SEEN = {
    "__address__": "h",
    "__scheme__": "https",
    "__metrics_path__": "/vars",
    "__scrape_interval__": "30s",
    "__scrape_timeout__": "5s",
    "__param_module": "a",
    "__meta_zone": "z1",
    "job": "pay-gateway",
    "env": "prod",
    "instance": "",
    "customer_id": "",
}


@pytest.mark.parametrize("name", SEEN)
def test_a_step_sees_what_prometheus_shows_it(name: str) -> None:
    """Address as written, scheme, path, parameters, times, meta labels, job; no instance, no tenant yet."""
    job = {
        "scheme": "https", "metrics_path": "/vars", "scrape_interval": "30s", "scrape_timeout": "5s",
        "params": {"module": ["a", "b"]},
    }  # fmt: skip
    step = {"source_labels": [name], "target_label": "seen", "regex": "(.*)", "replacement": "<$1>"}
    made = target(step, address="h", job=job, env="prod", __meta_zone="z1")
    assert dict(made.labels)["seen"] == f"<{SEEN[name]}>"


def test_no_reserved_label_is_left() -> None:
    """Whatever begins with __ steers the scrape or helps a step, and is no label of a series."""
    found = labels(setting("__tmp", "x"), __meta_zone="z1", env="prod")
    assert not [name for name in found if name.startswith("__")]
    assert found["env"] == "prod"


def test_the_url_is_made_of_the_labels() -> None:
    """Scheme, address, path and parameters are what the steps left of them."""
    steps = [
        setting("__scheme__", "https"),
        setting("__address__", "gateway"),
        setting("__metrics_path__", "/probe"),
        {"source_labels": ["__meta_host"], "target_label": "__param_target"},
        setting("__param_module", "z"),
    ]
    made = target(*steps, job={"params": {"module": ["a", "b"], "x": ["1"]}}, __meta_host="db 1")
    assert made.url == "https://gateway:443/probe?module=z&module=b&x=1&target=db+1"
    assert dict(made.labels)["instance"] == "gateway:443"


def test_reserved_labels_of_a_group_steer_its_scrape() -> None:
    """Also without steps: a file of targets may say path and scheme of each group."""
    config = load("scrape_configs: [{job_name: a}]", source="t")
    registry = {"__metrics_path__": "/x", "__scheme__": "https", "__param_a": "1"}
    made = build_target(config, config.scrape_configs[0], "h:1", registry)
    assert made.url == "https://h:1/x?a=1"
    with pytest.raises(ConfigError, match="__metrics_path__"):
        build_target(config, config.scrape_configs[0], "h:1", {"__metrics_path__": "x"})


def test_instance_is_the_address_unless_a_step_names_it() -> None:
    """It is filled in after the steps, with the port that the scheme implies."""
    assert labels()["instance"] == "h:1"
    assert labels(setting("__address__", "other"))["instance"] == "other:80"
    assert labels(setting("instance", "me"))["instance"] == "me"
    assert labels(setting("instance", ""), instance="mine")["instance"] == "h:1"


def test_tenant_labels_are_derived_from_what_the_steps_left() -> None:
    """Steps may say whose target it is; what they leave open follows the final job."""
    found = labels({"source_labels": ["__meta_team"], "target_label": "customer_id"}, __meta_team="acme")
    assert found["customer_id"] == "acme"
    assert labels(setting("job", "auth-gold"))["service_domain"] == "auth"
    assert labels(setting("job", "auth-gold"))["sla_tier"] == "gold"
    assert (
        labels({"regex": "customer_id|job", "action": "labeldrop"}, customer_id="x")["customer_id"]
        == "default"
    )


DROP = {"source_labels": ["env"], "regex": "test", "action": "drop"}


def test_a_dropped_target_is_counted_and_no_error() -> None:
    """It is told apart from those that are refused."""
    config = configuration(DROP)
    groups = [
        TargetGroup("pay-gateway", "a[0]", ("h:1", "h:2"), (("env", "test"),)),
        TargetGroup("pay-gateway", "a[1]", ("h:3",), (("env", "prod"),)),
    ]
    built = build_targets(config, groups)
    assert [one.url for one in built.targets] == ["http://h:3/debug/vars"]
    assert built.refused == ()
    assert [(one.job, one.source, one.address) for one in built.dropped] == [
        ("pay-gateway", "a[0]", "h:1"),
        ("pay-gateway", "a[0]", "h:2"),
    ]
    with pytest.raises(ConfigError, match="relabel_configs: job pay-gateway drops h:1"):
        build_target(config, config.scrape_configs[0], "h:1", {"env": "test"})


UNUSABLE: list[tuple[dict[str, Any], str]] = [
    (setting("__address__", ""), '__address__: "" is not host:port'),
    (setting("__address__", "http://h"), "__address__: a target is host:port, without scheme, user and path"),
    (setting("__scheme__", "ftp"), '__scheme__: "ftp" is not http or https'),
    (setting("__metrics_path__", "vars"), '__metrics_path__: "vars" is not a path'),
    ({"regex": "en(v)", "replacement": "${x}", "action": "labelmap"}, ': "" is not a label name'),
    (setting("customer_id", "a b"), 'customer_id: "a b" is not a customer_id'),
    (setting("sla_tier", "iron"), 'sla_tier: "iron" is not a tier'),
]


@pytest.mark.parametrize(("step", "problem"), UNUSABLE)
def test_an_unusable_result_is_that_target_s_problem_only(step: dict[str, Any], problem: str) -> None:
    """The problem names group, target, job and label; the next target is built all the same."""
    good = {**DROP, "action": "keep", "regex": ".*"}
    jobs = [{"job_name": "a", "relabel_configs": [step]}, {"job_name": "b", "relabel_configs": [good]}]
    config = load(yaml.safe_dump({"scrape_configs": jobs}), source="t")
    groups = [TargetGroup("a", "f.yml[0]", ("h:1",), (("env", "x"),)), TargetGroup("b", "g", ("h:1",), ())]
    built = build_targets(config, groups)
    assert [one.job for one in built.targets] == ["b"]
    (refused,) = built.refused
    assert str(refused).startswith(f"f.yml[0]: target h:1 of job a: {problem}")


def test_strict_tenancy_is_checked_after_the_steps() -> None:
    """Where steps may say the customer, its absence is found when they have run, target by target."""
    steps = {"source_labels": ["__meta_team"], "target_label": "customer_id"}
    static = {
        "static_configs": [{"targets": ["h:1"], "labels": {"__meta_team": "acme"}}, {"targets": ["h:2"]}]
    }
    config = configuration(steps, job=static, strict=True)
    groups = [
        TargetGroup("pay-gateway", "x", group.targets, group.labels)
        for group in config.scrape_configs[0].static_configs
    ]
    built = build_targets(config, groups)
    assert [dict(one.labels)["customer_id"] for one in built.targets] == ["acme"]
    assert ["customer_id: missing, and tenancy is strict" in str(one) for one in built.refused] == [True]
    with pytest.raises(ConfigErrors, match="customer_id"):
        configuration(job={**static, "relabel_configs": []}, strict=True)


def test_meta_labels_of_a_file_reach_the_steps() -> None:
    """A file's labels are made legal, so its __meta_* ones are what steps ask for."""
    text = '[{targets: ["h:1"], labels: {"__meta_k8s.io/app": web}}]'
    (group,) = load_groups(text, source="f", tenancy=configuration().tenancy)
    step = {"source_labels": ["__meta_k8s_io_app"], "target_label": "app"}
    assert labels(step, **dict(group.labels))["app"] == "web"
