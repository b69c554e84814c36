"""Label sets: legal names, order by bytes, tenant labels, and who wins."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pushvar.labels.names import metric_name
from pushvar.labels.sets import label_set, settle, sort_key
from pushvar.labels.tenancy import GUARDED, service_domain, sla_tier, tenant_labels

LEGAL_NAME = re.compile(r"[a-zA-Z_:][a-zA-Z0-9_:]*")  # the remote-write 1.0 specification
TIERS = ("gold", "silver", "bronze")


@given(st.text())
def test_every_text_becomes_a_legal_name_or_none(text: str) -> None:
    """Whatever a payload calls a thing, its metric name is legal, or empty when nothing is left."""
    assert metric_name(text) == "" or LEGAL_NAME.fullmatch(metric_name(text))
    assert not metric_name(text).startswith("__")


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("TotalAlloc", "total_alloc"),
        ("HTTPServerErrors", "http_server_errors"),
        ("a__b", "a_b"),
        ("p99", "p99"),
        ("95th", "_95th"),
        ("größe", "gr_e"),
        ("", ""),
        ("...", ""),
    ],
)
def test_metric_names(text: str, name: str) -> None:
    """Snake case, single underscores, no leading digit."""
    assert metric_name(text) == name


def test_upper_case_sorts_before_the_name() -> None:
    """Labels are sorted by bytes, not by what reads well."""
    names = [name for name, _ in label_set({"a": "1", "__name__": "m", "Z": "2", "B": "3"}.items())]
    assert names == ["B", "Z", "__name__", "a"]


def test_empty_values_are_absent() -> None:
    """Prometheus does not tell an empty label from none, and receivers refuse it."""
    assert label_set([("a", ""), ("b", "1")]) == (("b", "1"),)


@pytest.mark.parametrize(
    ("payload", "target", "honor", "settled"),
    [
        ((("path", "/"),), {"job"}, False, (("path", "/"),)),
        ((("job", "x"),), {"job"}, False, (("exported_job", "x"),)),
        ((("customer_id", "other"),), set(), False, (("exported_customer_id", "other"),)),
        ((("customer_id", "other"),), {"customer_id"}, True, (("exported_customer_id", "other"),)),
        ((("env", "x"),), {"env"}, False, (("exported_env", "x"),)),
        ((("env", "x"),), {"env"}, True, (("env", "x"),)),
        (
            (("exported_job", "a"), ("job", "b")),
            {"job"},
            False,
            (("exported_job", "a"), ("exported_exported_job", "b")),
        ),
        ((("job", "b"),), {"job", "exported_job"}, False, (("exported_exported_job", "b"),)),
    ],
)
def test_who_wins(
    payload: tuple[tuple[str, str], ...],
    target: set[str],
    honor: bool,  # noqa: FBT001 - a column of the table
    settled: tuple[tuple[str, str], ...],
) -> None:
    """The target's labels win, guarded names always; the payload's value is kept under another name."""
    got, conflicts = settle(payload, target, honor=honor)
    assert got == settled
    assert conflicts == sum(pair not in payload for pair in settled)


@given(
    st.dictionaries(st.sampled_from([*GUARDED, "a", "exported_job"]), st.text(min_size=1)),
    st.sets(st.sampled_from([*GUARDED, "a"])),
    st.booleans(),
)
def test_no_payload_sets_a_tenant_label(payload: dict[str, str], target: set[str], honor: bool) -> None:  # noqa: FBT001
    """Whatever a payload says, its labels never carry a guarded name, and none gets lost."""
    settled, _ = settle(tuple(payload.items()), target, honor=honor)
    names = [name for name, _ in settled]
    assert not GUARDED & set(names)
    assert len(set(names)) == len(payload)
    assert sorted(value for _, value in settled) == sorted(payload.values())


@pytest.mark.parametrize(
    ("service", "domain", "tier"),
    [
        ("pay-gateway-v2", "pay", "bronze"),
        ("auth", "auth", "bronze"),
        ("user2-api", "user2", "bronze"),
        ("Pay-gold", "pay", "gold"),
        ("pay-goldmine", "pay", "bronze"),
        ("silver-api", "silver", "silver"),
        ("", "unknown", "bronze"),
        ("-x", "unknown", "bronze"),
    ],
)
def test_what_a_name_says(service: str, domain: str, tier: str) -> None:
    """Domain and tier are read off the service's name by whole tokens."""
    assert service_domain(service) == domain
    assert sla_tier(service, TIERS) == tier


def test_the_registry_comes_first() -> None:
    """What the registry says is not derived; what it leaves out is, and is never empty."""
    said = {"customer_id": "acme", "service_domain": "x", "sla_tier": "gold"}
    assert tenant_labels(said, "pay-silver", default_customer_id="default", tiers=TIERS) == said
    derived = tenant_labels({"customer_id": ""}, "pay-silver", default_customer_id="default", tiers=TIERS)
    assert derived == {"customer_id": "default", "service_domain": "pay", "sla_tier": "silver"}


def test_sort_key_is_bytes() -> None:
    """Order is that of UTF-8 bytes."""
    assert sort_key(("é", "")) > sort_key(("z", ""))
