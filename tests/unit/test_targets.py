"""Registry entries to targets: labels, URLs, keys, duplicates."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from pushvar.collect.registry.protocol import TargetGroup
from pushvar.collect.targets import build_target, build_targets
from pushvar.config.load import load

CONFIG = """
scrape_configs:
  - job_name: pay-gateway-gold
  - job_name: orders
    scheme: https
    metrics_path: /vars
    params: { module: [a b, "c&d"], x: ["1"] }
tenancy: { default_customer_id: nobody }
"""
CONFIGURATION = load(CONFIG, source="test")
PAY, ORDERS = CONFIGURATION.scrape_configs

values = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
registries = st.dictionaries(st.sampled_from(["a", "b", "ab", "env"]), values, max_size=4)


def labels(job: Any = PAY, address: str = "h:1", **registry: str) -> dict[str, str]:
    """The final labels of one target."""
    return dict(build_target(CONFIGURATION, job, address, registry).labels)


def test_tenant_labels_are_always_there() -> None:
    """The registry says them; else they are read off the job's name or take the default."""
    assert labels() == {
        "job": "pay-gateway-gold", "instance": "h:1", "customer_id": "nobody",
        "service_domain": "pay", "sla_tier": "gold",
    }  # fmt: skip
    given_labels = {"customer_id": "c", "service_domain": "d", "sla_tier": "silver", "env": "prod"}
    assert labels(**given_labels) == {"job": "pay-gateway-gold", "instance": "h:1", **given_labels}
    assert labels(customer_id="", sla_tier="")["customer_id"] == "nobody"
    assert labels(customer_id="", sla_tier="")["sla_tier"] == "gold"


def test_job_and_instance_may_be_overridden() -> None:
    """The registry's own job and instance win, and the tenant labels follow that job."""
    made = build_target(CONFIGURATION, PAY, "h:1", {"job": "auth-silver", "instance": "pod-1"})
    assert dict(made.labels) | {"job": "auth-silver", "instance": "pod-1"} == dict(made.labels)
    assert dict(made.labels)["service_domain"] == "auth"
    assert dict(made.labels)["sla_tier"] == "silver"
    assert (made.job, made.url) == ("pay-gateway-gold", "http://h:1/debug/vars")


def test_params_stand_in_the_url() -> None:
    """Scheme, path and every value of every parameter, escaped."""
    assert (
        build_target(CONFIGURATION, ORDERS, "[::1]:8", {}).url
        == "https://[::1]:8/vars?module=a+b&module=c%26d&x=1"
    )


def test_labels_are_sorted_and_never_empty() -> None:
    """Upper case sorts before lower case, by bytes; an empty value is no label."""
    made = build_target(CONFIGURATION, PAY, "h:1", {"Zone": "z", "a": "", "b": "1"})
    given_names = [name for name, _ in made.labels]
    assert given_names == ["Zone", "b", "customer_id", "instance", "job", "service_domain", "sla_tier"]


def test_the_second_of_two_equal_targets_is_refused_by_name() -> None:
    """The first stays; the message names the source, the address and the other one's URL."""
    groups = [
        TargetGroup("orders", "a.yml[0]", ("h:1", "h:2"), (("instance", "same"),)),
        TargetGroup("orders", "b.yml[0]", ("h:3",), ()),
    ]
    targets, refused, _ = build_targets(CONFIGURATION, groups)
    assert [target.url.split("/")[2] for target in targets] == ["h:1", "h:3"]
    (problem,) = refused
    for words in ("a.yml[0]", "h:2", "orders", targets[0].url):
        assert words in str(problem)


def test_a_target_listed_twice_is_fetched_once() -> None:
    """The same address in two groups of one job is one target."""
    groups = [TargetGroup("orders", name, ("h:1",), ()) for name in ("a", "b")]
    targets, refused, _ = build_targets(CONFIGURATION, groups)
    assert (len(targets), len(refused)) == (1, 1)


def test_the_key_is_stable() -> None:
    """State is kept under it: it changes with the labels alone, not with the order or the address."""
    one = build_target(CONFIGURATION, PAY, "h:1", {"a": "1", "b": "2", "instance": "i"})
    two = build_target(CONFIGURATION, PAY, "h:2", {"instance": "i", "b": "2", "a": "1"})
    assert one.key == two.key == "234eaeff8a68f51d5911"


@given(registries, registries)
def test_keys_differ_when_labels_differ(one: dict[str, str], two: dict[str, str]) -> None:
    """No value, whatever characters it holds, makes two label sets share a key."""
    first, second = (build_target(CONFIGURATION, PAY, "h:1", registry) for registry in (one, two))
    assert (first.key == second.key) is (first.labels == second.labels)


def test_no_separator_can_be_forged() -> None:
    """A value that looks like the end of a pair is a value."""
    first = build_target(CONFIGURATION, PAY, "h:1", {"a": "1\0b\0002"})
    second = build_target(CONFIGURATION, PAY, "h:1", {"a": "1", "b": "2"})
    assert first.key != second.key
