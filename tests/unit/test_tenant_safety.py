"""No payload and no relabelling step makes a series another tenant's: hostile bodies, read off the wire."""
# ruff: noqa: E501 - a case stands on one line

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from pushvar.app.engine import Engine
from pushvar.collect.registry.protocol import TargetGroup
from pushvar.collect.targets import build_targets
from pushvar.config.load import load
from pushvar.convert.own_metrics import count_cycle
from pushvar.cycle.scrapes import _success
from pushvar.deliver.routes import Router
from pushvar.errors import FetchError
from pushvar.labels.tenancy import GUARDED
from pushvar.model import Fetched
from pushvar.net.secrets import Secrets
from pushvar.wire.proto import prometheus_v1_pb2 as pb

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pushvar.config.schema import Config
    from pushvar.deliver.destination import Route
    from pushvar.model import Scrape

SAFE = sorted(GUARDED)
LOOK_ALIKES = ["custоmer_id", "customer_іd", "ｊob", "customer_id\u200b", "Customer_ID", " job"]  # noqa: RUF001
NAMES = [*SAFE, *LOOK_ALIKES, "__name__", "__address__", "exported_customer_id", "env", "a"]
VALUES = ["globex", "acme", "", "a\nb", '"', 'x{customer_id="other"}', "ｇlobex", "\\"]  # noqa: RUF001

names, values = st.sampled_from(NAMES), st.sampled_from(VALUES)
pairs = st.lists(st.tuples(names, values), max_size=4)

MAPPINGS: dict[str, Any] = {
    "hostile": [
        {"match": "by/{customer_id}/{job}", "name": "by_total", "type": "counter"},
        {"match": "tagged/*/value", "name": "tagged", "label_map": "@tags"},
        {"match": "tagged/*/plain", "name": "plain", "labels": {"tenant_id": "@who", "sla_tier": "gold"}},
    ]
}

expvar = st.builds(
    lambda by, tagged, keys: json.dumps(
        {
            "by": {customer: dict.fromkeys(VALUES[:2], 1) for customer in by if customer},
            "tagged": {
                str(place): {"tags": dict(tags), "value": place, "plain": 2, "who": "globex"}
                for place, tags in enumerate(tagged)
            },
            **dict.fromkeys(keys, 3),
        }
    ).encode(),
    st.lists(values, max_size=3),
    st.lists(pairs, max_size=3),
    st.lists(st.sampled_from(['x{customer_id="other"}', "job", "up", "customer_id", "a\nb"]), max_size=3),
)


def _escaped(value: str) -> str:
    return value.replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n")


def _line(number: int, labels: list[tuple[str, str]]) -> str:
    body = ",".join(f'{name}="{_escaped(value)}"' for name, value in labels)
    quoted = ",".join(f'"{name}"="{_escaped(value)}"' for name, value in labels)
    return f'm{number}{{{body}}} 1\nq{number}{{{body},}} 2\n{{"m{number}q",{quoted}}} 3\n'


text = st.lists(pairs, max_size=4).map(
    lambda lines: "".join(_line(number, labels) for number, labels in enumerate(lines)).encode()
)

steps = st.lists(
    st.one_of(
        st.builds(lambda name, value: {"target_label": name, "replacement": value},
                  st.sampled_from([*SAFE, "a", "env", "__name__"]), st.sampled_from(["globex", "", "x"])),
        st.builds(lambda name: {"action": "labeldrop", "regex": name}, st.sampled_from([*SAFE, ".*_id", "a"])),
        st.builds(lambda name: {"action": "labelkeep", "regex": f"__name__|{name}"}, st.sampled_from([*SAFE, "a"])),
        st.sampled_from([
            {"action": "labelmap", "regex": "exported_(.+)", "replacement": "$1"},
            {"action": "labelmap", "regex": "(.+)", "replacement": "customer_id"},
            {"action": "replace", "source_labels": ["exported_customer_id"], "target_label": "customer_id"},
            {"action": "uppercase", "source_labels": ["customer_id"], "target_label": "customer_id"},
            {"action": "hashmod", "source_labels": ["job"], "target_label": "tenant_id", "modulus": 7},
            {"action": "keepequal", "source_labels": ["a"], "target_label": "env"},
        ]),
    ),
    max_size=3,
)  # fmt: skip


def configuration(honor: bool, metric: list[Any], write: list[Any]) -> Config:  # noqa: FBT001
    """Two tenants' targets, one backend for all and one that separates tenants, one budget."""
    job = {
        "job_name": "pay",
        "mappings": ["hostile"],
        "honor_labels": honor,
        "metric_relabel_configs": metric,
    }
    document = {
        "global": {"external_labels": {"region": "eu", "a": "ext"}},
        "scrape_configs": [job],
        "mappings": MAPPINGS,
        "remote_write": [
            {"name": "all", "url": "http://a/push", "write_relabel_configs": write},
            {"name": "each", "url": "http://b/push", "headers": {"X-Scope-OrgID": "{customer_id}"},
             "write_relabel_configs": write},
            {"name": "some", "url": "http://c/{tenant_id|none}/push", "match": {"customer_id": "acme"}},
        ],
        "tenancy": {"budgets": {"label_values": 3, "customer_series": 9}},
    }  # fmt: skip
    return load(yaml.safe_dump(document), source="t")


TARGETS = (
    {"customer_id": "acme", "tenant_id": "t1", "env": "prod"},
    {"customer_id": "globex", "cluster_id": "c1"},
)


def scrapes_of(config: Config, bodies: list[bytes], content_type: str) -> list[Scrape]:
    """What a cycle has of both targets; a document that fails its scrape has none."""
    groups = [
        TargetGroup("pay", "t", (f"h{number}:1",), tuple(sorted(labels.items())))
        for number, labels in enumerate(TARGETS)
    ]
    engine = Engine(config, build_targets(config, groups).targets, Secrets({}, str, lambda: 0.0))
    found = []
    for target, body in zip(engine.targets, bodies, strict=True):
        try:
            converted = engine.convert(target, body, content_type)
        except FetchError:
            continue
        found.append(_success(converted, Fetched(body, 1_700_000_000_000, 0.1, content_type)))
    return engine.within(found)


def leaving(config: Config, scrapes: list[Scrape]) -> Iterator[tuple[Route, Scrape, list[tuple[str, str]]]]:
    """Every series that leaves: its route, its scrape, its labels as the official classes read them."""
    for block in config.remote_write:
        for route, routed in Router(block, config.global_.external_labels).route(scrapes).lanes.items():
            for scrape in routed:
                packed = scrape.plan.template.pack(scrape.values, scrape.time_ms, scrape.times_ms)
                for series in pb.WriteRequest.FromString(packed).timeseries:
                    yield route, scrape, [(label.name, label.value) for label in series.labels]


@given(st.booleans(), st.booleans(), st.data(), steps, steps)
@settings(max_examples=250, deadline=None)
def test_no_series_leaves_as_another_tenants(
    honor: bool,  # noqa: FBT001 - drawn
    as_text: bool,  # noqa: FBT001 - drawn
    data: st.DataObject,
    metric: list[Any],
    write: list[Any],
) -> None:
    """Guarded labels are the target's, or absent where it has none; names are legal and come once."""
    config = configuration(honor, metric, write)
    body = text if as_text else expvar
    bodies = [data.draw(body), data.draw(body)]
    scrapes = scrapes_of(config, bodies, "text/plain" if as_text else "application/json")
    for route, scrape, labels in leaving(config, scrapes):
        target, found = dict(scrape.plan.target.labels), dict(labels)
        assert len(found) == len(labels)
        assert [name for name, _ in labels] == sorted(found, key=str.encode)
        assert {name: found.get(name) for name in SAFE} == {name: target.get(name) for name in SAFE}
        assert not [name for name in found if name.startswith("__") and name != "__name__"]
        for name, value in route.headers:
            assert (name, value) == ("X-Scope-OrgID", target["customer_id"])


@pytest.mark.parametrize("honor", [False, True])
@pytest.mark.parametrize(
    ("content_type", "body"),
    [
        ("text/plain", b'm{customer_id="globex",tenant_id="t9",cluster_id="c9",a="1"} 1\n'),
        ("application/json", b'{"tagged": {"0": {"tags": {"customer_id": "globex", "tenant_id": "t9", "cluster_id": "c9"}, "value": 1}}}'),
    ],
)  # fmt: skip
def test_a_spoof_is_kept_under_another_name_and_counted(honor: bool, content_type: str, body: bytes) -> None:  # noqa: FBT001
    """What a payload says of the tenant is sent as exported_*, whether the target has such a label or not."""
    config = configuration(honor, [], [])
    scrapes = scrapes_of(config, [body, b"{}" if content_type.endswith("json") else b"x 1\n"], content_type)
    spoofed = {"exported_customer_id": "globex", "exported_tenant_id": "t9", "exported_cluster_id": "c9"}
    found = [
        dict(labels) for _, _, labels in leaving(config, scrapes) if spoofed.items() <= dict(labels).items()
    ]
    assert len(found) == len(config.remote_write)
    assert {one["customer_id"] for one in found} == {"acme"}
    assert count_cycle(scrapes, ())["pushvar_labels_renamed_total"] == 3


def test_a_step_that_reaches_for_a_tenant_is_counted() -> None:
    """The series is sent as its own tenant's, and the attempt shows in the counters."""
    step = {"target_label": "customer_id", "replacement": "globex"}
    config = configuration(False, [step], [step])
    scrapes = scrapes_of(config, [b"m 1\n", b"m 1\n"], "text/plain")
    assert {
        dict(labels)["customer_id"] for _, one, labels in leaving(config, scrapes) if one is scrapes[0]
    } <= {"acme"}
    assert count_cycle(scrapes, ())['pushvar_metric_relabel_outcomes_total{outcome="guarded"}'] == 1
    routed = Router(config.remote_write[0]).route(scrapes)
    assert dict(routed.relabelled)["guarded"] > 0
