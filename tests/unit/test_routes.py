"""Routes: which samples go to a backend, under which labels, in which request; and what deciding costs."""
# ruff: noqa: E501 - a case stands on one line

from __future__ import annotations

import struct
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from pushvar.catalogue import HEALTH
from pushvar.config.load import load
from pushvar.deliver import routes
from pushvar.deliver.destination import Destination
from pushvar.deliver.routes import Routed, Router
from pushvar.deliver.uniqueness import REMEMBERED, Uniqueness
from pushvar.errors import EncodeError
from pushvar.labels.sets import label_set
from pushvar.labels.tenancy import GUARDED
from pushvar.model import STALE_BITS, Family, MetricType, Plan, Scrape, Shape, Target
from pushvar.wire.proto import prometheus_v1_pb2 as pb
from pushvar.wire.remote_write import v1

from tests.work import calls

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from pushvar.model import Times

TIME_MS = 1_700_000_000_000
STALE = STALE_BITS.to_bytes(8, "little")
SHAPE = Shape((), (), lambda _: None, lambda _: b"", lambda _: b"")
EXTERNAL = (("region", "eu"),)
ACME = {"customer_id": "acme", "env": "prod", "instance": "h:1", "job": "pay", "sla_tier": "gold"}
GLOBEX = {**ACME, "customer_id": "globex", "instance": "h:2", "sla_tier": "silver"}
FAMILIES = (
    Family("requests_total", MetricType.COUNTER, "Requests."),
    Family("depth", MetricType.GAUGE, "Depth."),
)

Labels = tuple[tuple[str, str], ...]
Series = dict[Labels, float]


def router(external: Labels = EXTERNAL, kind: str = "remote_write", **block: Any) -> Router:
    """The router of a backend with these keys."""
    backend = {"url": "http://b/push", **block}
    document = {"scrape_configs": [{"job_name": "pay"}], kind: [backend]}
    config = load(yaml.safe_dump(document), source="t")
    (found,) = config.remote_write or config.pushgateways
    return Router(found, external)


def plan_of(labels: Mapping[str, str], series: Iterable[Mapping[str, str]] = (), *, up: bool = True) -> Plan:
    """The plan of a target with these labels; ``series`` are its own labels, ``__name__`` among them."""
    own = [*series] if up else []
    every = [*own, *({"__name__": family.name} for family in HEALTH)]
    sets = [label_set([*EXTERNAL, *one.items(), *labels.items()]) for one in every]
    packed = [b"".join([v1.label(*pair) for pair in one]) for one in sets]
    key = repr(sorted(labels.items()))
    return Plan(
        Target(key, "pay", "http://h/", label_set(labels.items())),
        SHAPE,
        v1.Template(packed),
        families=FAMILIES,
    )


SERIES = (
    {"__name__": "requests_total", "code": "200"},
    {"__name__": "requests_total", "code": "500"},
    {"__name__": "depth"},
)


def scrape_of(
    labels: Mapping[str, str], series: Iterable[Mapping[str, str]] = SERIES, times_ms: Times = (), **more: Any
) -> Scrape:
    """A scrape whose values are the places of the series: 0, 1, 2, ..."""
    plan = plan_of(labels, series)
    count = plan.template.count
    return Scrape(plan, struct.pack(f"<{count}d", *range(count)), TIME_MS, times_ms=times_ms, **more)


def sent(scrapes: Iterable[Scrape]) -> Series:
    """What the scrapes send, by label set, read by the official protobuf classes; no set comes twice."""
    found: Series = {}
    for scrape in scrapes:
        packed = scrape.plan.template.pack(scrape.values, scrape.time_ms, scrape.times_ms)
        for series in pb.WriteRequest.FromString(packed).timeseries:
            labels = tuple((label.name, label.value) for label in series.labels)
            assert labels not in found
            assert list(labels) == sorted(labels, key=lambda pair: pair[0].encode())
            assert all(value for _, value in labels)
            found[labels] = series.samples[0].value
    return found


def own(series: Series) -> dict[Labels, float]:
    """The same without the labels that stand on all, and without the health series."""
    health = {family.name for family in HEALTH}
    common = {*ACME, "region"}
    return {
        tuple(pair for pair in labels if pair[0] not in common): value
        for labels, value in series.items()
        if dict(labels)["__name__"] not in health
    }


def keys(routed: Routed) -> list[str]:
    """The keys of the lanes, in their order."""
    return [route.key for route in routed.lanes]


MATCHES: list[tuple[dict[str, str], bool]] = [
    ({}, True),
    ({"sla_tier": "gold|silver"}, True),
    ({"sla_tier": "gold"}, True),
    ({"sla_tier": "gol"}, False),
    ({"sla_tier": "gold", "env": "dev"}, False),
    ({"sla_tier": "gold", "env": "prod|dev"}, True),
    ({"missing": ""}, True),
    ({"missing": ".+"}, False),
    ({"region": "eu"}, True),
    ({"region": "us"}, False),
    ({"job": "(?i)PAY"}, True),
]


@pytest.mark.parametrize(("match", "taken"), MATCHES)
@pytest.mark.parametrize("kind", ["remote_write", "pushgateways"])
def test_match(match: dict[str, str], taken: bool, kind: str) -> None:  # noqa: FBT001 the expected outcome
    """A target is sent where all its final labels match, as whole texts; a missing label is empty."""
    scrape = scrape_of(ACME)
    routed = router(kind=kind, match=match).route([scrape])
    assert list(routed.lanes.values()) == ([[scrape]] if taken else [])
    assert routed.unmatched == (0 if taken else scrape.carried)
    assert not routed.unrouted


def test_a_target_s_label_wins_over_an_external_one() -> None:
    """Matching sees what is sent: where both have the name, the target's value."""
    scrape = scrape_of({**ACME, "region": "us"})
    assert not router(match={"region": "us"}).route([scrape]).unmatched


def test_everything_goes_as_it_is() -> None:
    """A backend without match, template or steps is given the very scrapes, in one lane without a key."""
    scrapes = [scrape_of(ACME), scrape_of(GLOBEX)]
    routed = router(headers={"X-A": "b"}).route(scrapes)
    ((route, given),) = routed.lanes.items()
    assert given is scrapes
    assert (route.key, route.headers, route.url) == ("", (("X-A", "b"),), "http://b/push")
    assert router().route([]).lanes == {}


def test_one_request_one_tenant() -> None:
    """Each tenant has a lane of its own, in the order of the keys, with its name in header and URL."""
    first, second, third = scrape_of(GLOBEX), scrape_of(ACME), scrape_of({**GLOBEX, "instance": "h:3"})
    found = router(
        url="http://vm/insert/{customer_id}:0/w?env={env}",
        headers={"X-Scope-OrgID": "{customer_id}", "X-B": "{{a}} {team|none:upper}"},
    )
    routed = found.route([first, second, third])
    assert [(route.url, route.headers) for route in routed.lanes] == [
        (f"http://vm/insert/{name}:0/w?env=prod", (("X-B", "{a} NONE"), ("X-Scope-OrgID", name)))
        for name in ("acme", "globex")
    ]
    assert list(routed.lanes.values()) == [[second], [first, third]]
    assert [found.at(key) for key in keys(routed)] == list(routed.lanes)


RENDERED: list[tuple[str, str, str, str]] = [
    ("a b", "http://b/{t}/w", "http://b/a%20b/w", "t=a%20b"),
    ("1:2", "http://b/{t}/w", "http://b/1:2/w", "t=1%3A2"),
    ("a?b#c%d", "http://b/{t}/w", "http://b/a%3Fb%23c%25d/w", "t=a%3Fb%23c%25d"),
    ("größe", "http://b/{t}", "http://b/gr%C3%B6%C3%9Fe", "t=gr%C3%B6%C3%9Fe"),
    ("a&b=c/d", "http://b/?t={t}", "http://b/?t=a%26b%3Dc%2Fd", "t=a%26b%3Dc%2Fd"),
    ("..", "http://b/x{t}", "http://b/x..", "t=.."),
    ("..", "http://b/?{t}", "http://b/?..", "t=.."),
    ("A", "http://b/{t:lower}", "http://b/a", "t:lower=a"),
    ("A", "http://b/{t:lower}/{t}", "http://b/a/A", "t:lower=a/t=A"),
]  # fmt: skip


@pytest.mark.parametrize(("value", "url", "rendered", "key"), RENDERED)
def test_a_value_stays_one_part_of_the_url(value: str, url: str, rendered: str, key: str) -> None:
    """A label is one segment of a path or one value of a query; its lane's key leads back to it."""
    destination = Destination(url, ())
    route = destination.route({"t": value})
    assert (route.url, route.key) == (rendered, key)
    assert destination.at(key) == route


UNROUTABLE: list[tuple[dict[str, Any], str | None, str]] = [
    ({"headers": {"T": "{team}"}}, None, "no label team, which its headers or url need"),
    ({"headers": {"T": "{team}"}}, "", "no label team, which its headers or url need"),
    ({"headers": {"T": "{team}"}}, "a\nX: b", "the label team holds what the header T cannot carry"),
    ({"headers": {"T": "{team}"}}, "a\0", "the label team holds what the header T cannot carry"),
    ({"headers": {"T": "{team}"}}, "größe", "the label team holds what the header T cannot carry"),
    ({"headers": {"T": "x{team}"}}, " a", "the label team holds what the header T cannot carry"),
    ({"headers": {"T": "{team}"}}, "a" * 151, "the label team is longer than 150 characters"),
    ({"url": "http://b/{team}/w"}, "a/b", "the label team holds a slash, which ends a segment of the url's path"),
    ({"url": "http://b/{team}/w"}, "a\\b", "the label team holds a slash, which ends a segment of the url's path"),
    ({"url": "http://b/{team}/w"}, "..", "the label team would change the path of the url"),
    ({"url": "http://b/{team}"}, ".", "the label team would change the path of the url"),
    ({"url": "http://b/.{team}/x"}, ".", "the label team would change the path of the url"),
]  # fmt: skip


@pytest.mark.parametrize(("block", "value", "reason"), UNROUTABLE)
def test_a_target_that_does_not_say_where_it_goes_is_not_sent(
    block: dict[str, Any], value: str | None, reason: str
) -> None:
    """Without the label, or with one that would say more, nothing is sent; it is counted and told."""
    lost = scrape_of(ACME if value is None else {**ACME, "team": value})
    fine = scrape_of({**GLOBEX, "team": "core"})
    routed = router(**block).route([lost, fine])
    assert list(routed.lanes.values()) == [[fine]]
    assert (routed.unrouted, routed.unmatched) == (lost.carried, 0)
    assert routed.reason == f"pay h:1: {reason}"


FOREIGN = ["", "team=core", "env=prod", "env:lower=prod/team=core", "env=prod/team", "env=prod/team=", "env=a%2Fb/team=core", "env=prod/team=core/x=y"]  # fmt: skip


@pytest.mark.parametrize("key", FOREIGN)
def test_a_key_of_another_configuration_is_no_route(key: str) -> None:
    """What waits under labels that the configuration asks for no more is never sent to a guessed tenant."""
    found = router(url="http://b/{env}", headers={"T": "{team}"})
    assert found.at("env=prod/team=core") is not None
    assert found.at(key) is None


@pytest.mark.parametrize("kind", ["remote_write", "pushgateways"])
def test_a_lane_without_a_key_is_that_of_a_fixed_backend(kind: str) -> None:
    """The one route of a backend without templates is found again by its empty key only."""
    found = router(kind=kind)
    assert found.at("") == next(iter(found.route([scrape_of(ACME)]).lanes))
    assert found.at("customer_id=acme") is None


CODES = [(("__name__", "requests_total"), ("code", "200")), (("__name__", "requests_total"), ("code", "500"))]
DEPTH = (("__name__", "depth"),)

REWRITTEN: list[tuple[list[dict[str, Any]], Series, dict[str, int]]] = [
    ([{"source_labels": ["__name__"], "regex": "depth|requests.*|up", "action": "keep"}], {CODES[0]: 0, CODES[1]: 1, DEPTH: 2}, {"dropped": 4}),
    ([{"source_labels": ["code"], "regex": "2..", "action": "drop"}], {CODES[1]: 1, DEPTH: 2}, {"dropped": 1}),
    ([{"source_labels": ["region"], "regex": "us", "action": "drop"}], {CODES[0]: 0, CODES[1]: 1, DEPTH: 2}, {}),
    ([{"source_labels": ["__name__", "region"], "regex": "depth;eu", "action": "drop"}], {CODES[0]: 0, CODES[1]: 1}, {"dropped": 1}),
    ([{"regex": "code", "action": "labeldrop"}], {CODES[0][:1]: 0, DEPTH: 2}, {"duplicate": 1}),
    ([{"source_labels": ["code"], "regex": "(.+)", "target_label": "Status"}], {(("Status", "200"), *CODES[0]): 0, (("Status", "500"), *CODES[1]): 1, DEPTH: 2}, {}),
    ([{"source_labels": ["__name__"], "regex": "(dep.*)", "target_label": "__name__", "replacement": "q_$1"}], {CODES[0]: 0, CODES[1]: 1, (("__name__", "q_depth"),): 2}, {}),
    ([{"source_labels": ["__name__"], "regex": "depth", "target_label": "__name__", "replacement": ""}], {CODES[0]: 0, CODES[1]: 1}, {"illegal": 1}),
    ([{"source_labels": ["__name__"], "regex": "depth", "target_label": "__name__", "replacement": "a b"}], {CODES[0]: 0, CODES[1]: 1}, {"illegal": 1}),
    ([{"regex": "(c)ode", "replacement": "${2}x$1", "action": "labelmap"}, {"regex": "code", "action": "labeldrop"}], {(*CODES[0][:1], ("xc", "200")): 0, (*CODES[1][:1], ("xc", "500")): 1, DEPTH: 2}, {}),
    ([{"source_labels": ["code"], "regex": "(.+)", "target_label": "a$1"}, {"regex": "a(2.*)", "replacement": "$1", "action": "labelmap"}], {(CODES[1][0], ("a500", "500"), CODES[1][1]): 1, DEPTH: 2}, {"illegal": 1}),
]  # fmt: skip


@pytest.mark.parametrize(("steps", "expected", "outcomes"), REWRITTEN)
def test_write_relabel_configs(
    steps: list[dict[str, Any]], expected: Series, outcomes: dict[str, int]
) -> None:
    """Steps see the final series, health series among them; what is left keeps its values, the rest is counted."""
    routed = router(write_relabel_configs=steps).route([scrape_of(ACME)])
    ((_, scrapes),) = routed.lanes.items()
    assert own(sent(scrapes)) == expected
    assert dict(routed.relabelled) == outcomes


def test_health_series_pass_through_the_steps_too() -> None:
    """As in Prometheus: a backend may be sent ``up`` under another name, or not at all."""
    steps = [
        {"source_labels": ["__name__"], "regex": "scrape_.*", "action": "drop"},
        {"source_labels": ["__name__"], "regex": "up", "target_label": "__name__", "replacement": "alive"},
    ]
    found = router(write_relabel_configs=steps)
    ((_, (scrape,)),) = found.route([scrape_of(ACME, (), reason="timeout", detail="no answer")]).lanes.items()
    ((labels, value),) = sent([scrape]).items()
    assert (dict(labels), value) == ({"__name__": "alive", **ACME, **dict(EXTERNAL)}, 0.0)
    assert (scrape.reason, scrape.detail, scrape.time_ms) == ("timeout", "no answer", TIME_MS)


@pytest.mark.parametrize("name", sorted(GUARDED))
def test_no_step_changes_whose_series_it_is(name: str) -> None:
    """Tenant and identity labels keep their values, or stay absent; the attempt is counted, the series sent."""
    steps = [{"target_label": name, "replacement": "stolen"}]
    scrape = scrape_of(ACME)
    routed = router(write_relabel_configs=steps).route([scrape])
    ((_, scrapes),) = routed.lanes.items()
    assert sent(scrapes) == sent([scrape])
    assert routed.relabelled == (("guarded", scrape.carried),)


def test_steps_change_external_labels_and_others_of_the_target() -> None:
    """What is not guarded may be changed for one backend, ``region`` and ``env`` as well."""
    steps = [{"regex": "env", "action": "labeldrop"}, {"target_label": "region", "replacement": "x"}]
    ((_, scrapes),) = router(write_relabel_configs=steps).route([scrape_of(ACME)]).lanes.items()
    for labels in sent(scrapes):
        assert "env" not in dict(labels)
        assert dict(labels)["region"] == "x"


def test_times_and_stale_bits_go_with_their_series() -> None:
    """Samples keep their own times when others are left out, and a stale marker its exact bits."""
    steps = [{"source_labels": ["code"], "regex": "200", "action": "drop"}]
    scrape = scrape_of(ACME, times_ms=(1, 2, None))
    values = scrape.values[:8] + STALE + scrape.values[16:]
    scrape = Scrape(scrape.plan, values, TIME_MS, times_ms=scrape.times_ms)
    ((_, (left,)),) = router(write_relabel_configs=steps).route([scrape]).lanes.items()
    assert left.times_ms == (2, None)
    assert left.values == values[8:]
    packed = left.plan.template.pack(left.values, left.time_ms, left.times_ms)
    times = [series.samples[0].timestamp for series in pb.WriteRequest.FromString(packed).timeseries]
    assert times == [2, *[TIME_MS] * 6]


def test_families_follow_the_names() -> None:
    """A renamed metric keeps type and help under its new name; what is dropped has no family."""
    steps = [
        {"source_labels": ["__name__"], "regex": "depth", "action": "drop"},
        {
            "source_labels": ["__name__"],
            "regex": "r(.*)",
            "target_label": "__name__",
            "replacement": "my_r$1",
        },
    ]
    found = router(write_relabel_configs=steps)
    ((_, (scrape,)),) = found.route([scrape_of(ACME)]).lanes.items()
    (family,) = scrape.plan.families
    assert family == Family("my_requests_total", MetricType.COUNTER, "Requests.")
    assert found.families == {"my_requests_total": family}


def test_a_summary_moves_with_its_parts() -> None:
    """Quantiles, sum and count of one name stay one family under another; a part alone is of no type."""
    series = [{"__name__": f"rpc{part}"} for part in ("", "_sum", "_count")]
    plan = replace(plan_of(ACME, series), families=(Family("rpc", MetricType.SUMMARY, "RPCs.", "s"),))
    scrape = Scrape(plan, bytes(8 * plan.template.count), TIME_MS)
    rename = {"source_labels": ["__name__"], "target_label": "__name__"}
    for regex, families in (
        ("rpc(.*)", [("call", MetricType.SUMMARY)]),
        ("rpc(_sum)", [("rpc", MetricType.SUMMARY), ("call", MetricType.SUMMARY)]),
        ("rpc(_)sum", [("rpc", MetricType.SUMMARY), ("call_", MetricType.UNKNOWN)]),
    ):
        steps = [{**rename, "regex": regex, "replacement": "call$1"}]
        ((_, (left,)),) = router(write_relabel_configs=steps).route([scrape]).lanes.items()
        assert [(family.name, family.type) for family in left.plan.families] == families


def test_braces_of_a_pushgateway_s_header_are_braces() -> None:
    """Nothing of a Pushgateway is a template: its header is sent as it is written."""
    ((route, _),) = router(kind="pushgateways", headers={"T": "{ A }"}).route([scrape_of(ACME)]).lanes.items()
    assert route.headers == (("T", "{ A }"),)


def test_steps_that_change_nothing_leave_the_plan() -> None:
    """What is cached by a template serves every backend that sends the same."""
    scrape = scrape_of(ACME)
    found = router(write_relabel_configs=[{"source_labels": ["x"], "regex": "y", "action": "drop"}])
    ((_, (same,)),) = found.route([scrape]).lanes.items()
    assert same.plan is scrape.plan
    assert same == scrape


def test_a_target_without_series_left_is_not_in_a_lane() -> None:
    """When the steps drop all of a target, nothing is sent of it and everything counted."""
    scrape = scrape_of(ACME)
    routed = router(write_relabel_configs=[{"source_labels": ["none"], "action": "drop"}]).route([scrape])
    assert routed.lanes == {}
    assert routed.relabelled == (("dropped", scrape.carried),)


BLUR = [{"regex": "env", "action": "labeldrop"}]
TWINS = [scrape_of({**ACME, "env": env}) for env in ("a", "b")]


def test_no_series_twice_in_a_lane() -> None:
    """Targets that only a dropped label told apart are one: the first by key stays, whichever came first."""
    found = router(write_relabel_configs=BLUR)
    for scrapes in (TWINS, TWINS[::-1]):
        routed = found.route([*scrapes, scrape_of(GLOBEX)])
        ((_, left),) = routed.lanes.items()
        assert len(left) == 2
        assert left[0].plan.target is TWINS[0].plan.target
        assert routed.relabelled == (("duplicate", TWINS[0].carried),)


def test_twins_may_differ_in_part() -> None:
    """Only the series that both have are sent once; the rest of the second target stays, with its values."""
    more = scrape_of({**ACME, "env": "b"}, [{"__name__": "depth"}, {"__name__": "extra"}])
    routed = router(write_relabel_configs=BLUR).route([TWINS[0], more])
    ((_, left),) = routed.lanes.items()
    assert own(sent(left)) == {CODES[0]: 0, CODES[1]: 1, DEPTH: 2, (("__name__", "extra"),): 1}
    assert routed.relabelled == (("duplicate", 1 + len(HEALTH)),)


def marker(series: Sequence[Mapping[str, str]]) -> Scrape:
    """What says that these series of a target have ended."""
    sets = [label_set([*EXTERNAL, *one.items(), *ACME.items()]) for one in series]
    template = v1.Template([b"".join([v1.label(*pair) for pair in one]) for one in sets])
    target = plan_of(ACME).target
    return Scrape(Plan(target, SHAPE, template), STALE * template.count, TIME_MS, "vanished")


def test_no_marker_for_a_series_that_goes_on() -> None:
    """Of two series that steps make one, the end of the first is no end: the sample is sent, not the marker."""
    found = router(write_relabel_configs=[{"regex": "code", "action": "labeldrop"}])
    gone = marker([SERIES[0], {"__name__": "other"}])
    ((_, left),) = found.route([gone, scrape_of(ACME, SERIES[1:])]).lanes.items()
    values = {dict(labels)["__name__"]: value for labels, value in sent(left).items()}
    assert values["requests_total"] == 0
    assert struct.pack("<d", values["other"]) == STALE


def test_a_marker_takes_the_way_of_its_target() -> None:
    """The end of a series goes where its samples went: by the labels of its target."""
    found = router(headers={"T": "{customer_id}"}, match={"sla_tier": "gold"})
    assert keys(found.route([marker(SERIES)])) == ["customer_id=acme"]


def test_decisions_are_forgotten_in_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """A router that sees ever new plans keeps a bounded number of them, and decides rightly all the time."""
    monkeypatch.setattr(routes, "REMEMBERED", 3)
    found = router(match={"sla_tier": "gold"})
    for index in range(20):
        labels = {**(ACME if index % 3 else GLOBEX), "instance": str(index)}
        assert bool(found.route([scrape_of(labels)]).lanes) is bool(index % 3)
        assert len(found._recent) + len(found._before) <= 6
    unique = Uniqueness()
    for _ in range(3 * REMEMBERED):
        unique.unique([scrape_of(ACME)])
    assert len(unique._distinct) <= REMEMBERED


def work(found: Router, scrapes: Sequence[Scrape]) -> int:
    """The calls of routing these for the second time."""
    found.route(scrapes)
    return calls(lambda: found.route(scrapes))


MANY = [scrape_of({**(ACME if index % 2 else GLOBEX), "instance": f"h:{index}"}) for index in range(200)]
RENAME = {"source_labels": ["__name__"], "regex": "(.*)_x", "target_label": "__name__"}


def test_a_backend_of_everything_costs_nothing() -> None:
    """Without match, templates and steps the work does not depend on the number of targets."""
    assert work(router(), MANY) == work(router(), MANY[:1]) < 10


def test_warm_decisions_are_look_ups() -> None:
    """With match and templates a warm target costs a few calls, however many labels are looked at."""
    match = dict.fromkeys(ACME, "(?i).*")
    few = work(router(match={"job": ".*"}), MANY)
    assert few <= 6 * len(MANY)
    assert work(router(match=match), MANY) == few
    assert work(router(headers={"T": "{customer_id}"}), MANY) <= few + 40


def test_warm_steps_cost_by_targets_alone() -> None:
    """Steps are at work once: then a target's scrape costs the same with 50 of them, whatever its series."""
    one = work(router(write_relabel_configs=[BLUR[0]]), MANY)
    assert one <= 40 * len(MANY)
    assert work(router(write_relabel_configs=[BLUR[0], *[RENAME] * 50]), MANY) == one


NAMES = st.sampled_from(["a", "b", "env", "x_a", "customer_id", "region", "__name__", "Z"])
VALUES = st.sampled_from(["", "1", "2", "m", "up", "größe"])
STEPS = st.one_of(
    st.builds(
        lambda source, target, regex, text, action: {"source_labels": source, "target_label": target, "regex": regex, "replacement": text, "action": action},
        st.lists(NAMES, max_size=2), NAMES, st.sampled_from(["(.*)", "(.+)", "1|m", "", "[ab].*"]), st.sampled_from(["$1", "v", "", "m_$1"]), st.just("replace"),
    ),
    st.builds(
        lambda source, regex, action: {"source_labels": source, "regex": regex, "action": action},
        st.lists(NAMES, min_size=1, max_size=2), st.sampled_from(["1", "(.*);?", "m|;1", "2;2"]), st.sampled_from(["keep", "drop"]),
    ),
    st.builds(lambda regex: {"regex": regex, "action": "labeldrop"}, st.sampled_from(["a", "[ab]", "env", "x_.*", "scrape.*", "customer_id"])),
    st.builds(lambda text: {"regex": "x_(.*)", "replacement": text, "action": "labelmap"}, st.sampled_from(["$1", "y_$1", "b"])),
)  # fmt: skip
OWN = st.fixed_dictionaries({"__name__": st.sampled_from(["m", "n", "m_m"])}, optional={"a": VALUES, "b": VALUES, "x_a": VALUES, "Z": VALUES})  # fmt: skip
TARGETS = st.builds(
    lambda labels, series: ({**labels, "job": "pay"}, series),
    st.fixed_dictionaries({"instance": st.sampled_from(["h:1", "h:2"])}, optional={"env": VALUES, "customer_id": st.sampled_from(["acme", "a/b", "b c", "größe"])}),
    st.lists(OWN, max_size=5, unique_by=lambda one: label_set(one.items())),
)  # fmt: skip
BLOCKS = st.fixed_dictionaries(
    {"write_relabel_configs": st.lists(STEPS, max_size=4)},
    optional={
        "headers": st.sampled_from([{"T": "{customer_id}"}, {"T": "{env|x}-{customer_id|none}"}]),
        "url": st.sampled_from(["http://b/{customer_id}/w", "http://b/w?c={customer_id:upper}"]),
        "match": st.sampled_from([{"env": "1|m"}, {"customer_id": "[a-z]+", "region": "eu"}]),
    },
)


@settings(max_examples=150, deadline=None)
@given(BLOCKS, st.lists(TARGETS, max_size=5, unique_by=lambda one: label_set(one[0].items())), st.booleans())
def test_no_sample_is_lost_from_sight(
    block: dict[str, Any],
    targets: list[tuple[dict[str, str], list[dict[str, str]]]],
    warm: bool,  # noqa: FBT001 data
) -> None:
    """Offered = in the lanes + dropped by steps + unmatched + unrouted, exactly, cold and warm alike.

    And in each lane series are unique, sorted, of the lane's tenant alone, and none has changed hands.
    """
    found = router(**block)
    scrapes = [scrape_of(labels, series) for labels, series in targets]
    routed = found.route(scrapes)
    if warm:
        again = found.route(scrapes)
        assert [*map(sent, again.lanes.values())] == [*map(sent, routed.lanes.values())]
        assert (again.unmatched, again.unrouted, again.relabelled) == (
            routed.unmatched,
            routed.unrouted,
            routed.relabelled,
        )
    lanes = [sent(lane) for lane in routed.lanes.values()]
    out = sum(count for reason, count in routed.relabelled if reason != "guarded")
    offered = sum(scrape.carried for scrape in scrapes)
    assert sum(map(len, lanes)) + out + routed.unmatched + routed.unrouted == offered
    assert bool(routed.reason) is bool(routed.unrouted)
    assert keys(routed) == sorted(keys(routed))
    for (route, lane), series in zip(routed.lanes.items(), lanes, strict=True):
        tenants = {dict(one.plan.target.labels).get("customer_id") for one in lane}
        assert route.key == "" or len(tenants) == 1
        assert {dict(labels).get("customer_id") for labels in series} <= tenants
        assert all(len(one.values) == 8 * one.plan.template.count for one in lane)


def test_a_route_s_destination_raises_what_is_wrong() -> None:
    """Asked alone, a destination refuses in words; the router makes a count of it."""
    with pytest.raises(EncodeError, match="no label a"):
        Destination("http://b/{a}", ()).route({})
