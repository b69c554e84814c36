"""Budgets: what is kept of too much, that it is always the same, whom it costs, what it costs when warm."""

from __future__ import annotations

import json
import struct
from typing import TYPE_CHECKING, Any

import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from pushvar.app.engine import Engine
from pushvar.catalogue import HEALTH, SHED
from pushvar.collect.registry.protocol import TargetGroup
from pushvar.collect.targets import build_targets
from pushvar.config.load import load
from pushvar.convert.budgets import fair_share
from pushvar.convert.own_metrics import count_cycle, gauge_cycle
from pushvar.cycle.scrapes import _success
from pushvar.model import Fetched
from pushvar.net.secrets import Secrets
from pushvar.wire.proto import prometheus_v1_pb2 as pb

from tests.work import calls

if TYPE_CHECKING:
    import random
    from collections.abc import Mapping

    from pushvar.model import Scrape

HISTOGRAM = """# TYPE latency_seconds histogram
latency_seconds_bucket{path="%s",le="0.1"} 1
latency_seconds_bucket{path="%s",le="+Inf"} 2
latency_seconds_sum{path="%s"} 3
latency_seconds_count{path="%s"} 2
"""


def engine_of(hosts: Mapping[str, str], job: dict[str, Any] | None = None, **tenancy: Any) -> Engine:
    """An engine with one target for each host, of that customer."""
    document = {"scrape_configs": [{"job_name": "pay", **(job or {})}], "tenancy": tenancy}
    config = load(yaml.safe_dump(document), source="t")
    groups = [
        TargetGroup("pay", host, (f"{host}:1",), (("customer_id", customer),))
        for host, customer in hosts.items()
    ]
    return Engine(config, build_targets(config, groups).targets, Secrets({}, str, lambda: 0.0))


def scrape_of(engine: Engine, host: str, body: bytes | dict[str, Any]) -> Scrape:
    """The document of one host as the cycle has it before customers' budgets."""
    (target,) = [one for one in engine.targets if f"//{host}:" in one.url]
    text = body if isinstance(body, bytes) else json.dumps(body).encode()
    kind = "text/plain" if isinstance(body, bytes) else "application/json"
    fetched = Fetched(text, 1_700_000_000_000, 0.1, kind)
    return _success(engine.convert(target, text, kind), fetched)


def sent(scrape: Scrape) -> dict[str, float]:
    """Series of the document as they leave, by name and labels of their own."""
    packed = scrape.plan.template.pack(scrape.values, scrape.time_ms, scrape.times_ms)
    target = dict(scrape.plan.target.labels)
    found = {}
    for series in pb.WriteRequest.FromString(packed).timeseries:
        labels = {one.name: one.value for one in series.labels if one.name not in target}
        name = labels.pop("__name__")
        found[name + "".join(f",{key}={value}" for key, value in labels.items())] = series.samples[0].value
    assert {family.name for family in HEALTH} <= set(found), "health series are never shed"
    return {name: value for name, value in found.items() if name not in {family.name for family in HEALTH}}


def many(count: int) -> dict[str, Any]:
    """A document of so many numbers."""
    return {f"number_{place}": place for place in range(count)}


@given(st.integers(1, 40), st.integers(1, 40), st.randoms())
@settings(max_examples=40, deadline=None)
def test_the_same_series_are_kept_whatever_their_order(budget: int, count: int, order: random.Random) -> None:
    """Another process that meets the keys in another order keeps the same; values stay with their series."""
    names = [*many(count)]
    shuffled = order.sample(names, count)
    one, other = (
        sent(
            scrape_of(
                engine_of({"a": "c"}, budgets={"target_series": budget}), "a", {k: int(k[7:]) for k in keys}
            )
        )
        for keys in (names, shuffled)
    )
    assert one == other
    assert len(one) == min(budget, count)
    assert all(value == int(name[7:]) for name, value in one.items())


def test_a_new_series_costs_at_most_one_of_the_old() -> None:
    """Graphs do not flap when a program keeps inventing series: most new ones are shed themselves."""
    engine = engine_of({"a": "c"}, budgets={"target_series": 50})
    before = set(sent(scrape_of(engine, "a", many(100))))
    lost = 0
    for count in range(101, 141):
        now = set(sent(scrape_of(engine, "a", many(count))))
        assert len(before - now) <= 1
        lost += len(before - now)
        before = now
    assert lost < 25


def test_a_histogram_is_kept_or_shed_whole() -> None:
    """A histogram without some of its buckets would be a wrong one."""
    body = "".join(HISTOGRAM % ((path,) * 4) for path in "abcdefgh").encode()
    for budget in range(1, 33):
        engine = engine_of({"a": "c"}, {"format": "prometheus"}, budgets={"target_series": budget})
        found = sent(scrape_of(engine, "a", body))
        assert len(found) == budget // 4 * 4
        assert len({name.partition("path=")[2].partition(",")[0] for name in found}) == budget // 4


def test_a_label_with_too_many_values_costs_its_own_series() -> None:
    """The first values by hash stay, le is free, other series are untouched; each is counted."""
    body = "".join(f'hits{{user="{user}"}} {user}\n' for user in range(20)).encode() + b"depth 1\n"
    engine = engine_of({"a": "c"}, {"format": "prometheus"}, budgets={"label_values": 5})
    scrape = scrape_of(engine, "a", body)
    assert len(sent(scrape)) == 6
    assert "depth" in sent(scrape)
    assert scrape.plan.shed == (("budget_label", 15),)
    buckets = "".join(f'h_bucket{{le="{bound}"}} 1\n' for bound in range(20)).encode()
    assert len(sent(scrape_of(engine, "a", b"# TYPE h histogram\n" + buckets))) == 20


def test_denied_labels_cost_the_series_that_have_them() -> None:
    """A label of the target itself is the operator's own and denies nothing."""
    body = b'hits{user_id="1"} 1\nhits{code="200",user_id="2"} 1\nhits{code="200"} 2\n'
    engine = engine_of({"a": "c"}, {"format": "prometheus"}, denied_labels=["user_id", "customer_id"])
    scrape = scrape_of(engine, "a", body)
    assert sent(scrape) == {"hits,code=200": 2}
    assert scrape.plan.shed == (("denied_label", 2),)


def test_budgets_see_what_metric_relabelling_leaves() -> None:
    """Series that are dropped or renamed anyway take no room."""
    steps = [{"source_labels": ["__name__"], "regex": "number_[1-9]", "action": "drop"}]
    job = {"metric_relabel_configs": steps}
    scrape = scrape_of(engine_of({"a": "c"}, job, budgets={"target_series": 5}), "a", many(15))
    assert len(sent(scrape)) == 5
    assert dict(scrape.plan.relabelled) == {"dropped": 9}
    assert scrape.plan.shed == (("budget_target", 1),)


@given(st.lists(st.integers(0, 50), max_size=8), st.integers(0, 200))
def test_a_fair_share(counts: list[int], budget: int) -> None:
    """All together keep the budget, hardly less is given out, and who wants less than the share gets all."""
    share = fair_share(counts, budget)
    given_out = sum(min(count, share) for count in counts)
    assert given_out == sum(counts) if sum(counts) <= budget else budget - len(counts) < given_out <= budget


def test_a_customers_flood_costs_nobody_else() -> None:
    """The target that floods pays; its neighbour of the same customer and another customer keep all."""
    hosts = {"flood": "acme", "small": "acme", "other": "globex"}
    engine = engine_of(hosts, budgets={"customer_series": 60, "customers": {"globex": 500}})
    bodies = {"flood": many(300), "small": many(10), "other": many(200)}
    plain = {host: scrape_of(engine, host, body) for host, body in bodies.items()}
    for order in (["flood", "small", "other"], ["other", "small", "flood"]):
        cut = dict(zip(order, engine.within([plain[host] for host in order]), strict=True))
        assert len(sent(cut["flood"])) == 50
        assert cut["flood"].plan.shed == (("budget_customer", 250),)
        assert all(value == int(name[7:]) for name, value in sent(cut["flood"]).items())
        assert cut["small"] is plain["small"]
        assert cut["other"] is plain["other"]


def test_another_process_cuts_a_customer_the_same_way() -> None:
    """What is kept follows from the documents alone: containers that alternate agree."""
    hosts = {f"h{number}": "acme" for number in range(4)}
    found = []
    for hosts_in_order in (hosts, dict(reversed(hosts.items()))):
        engine = engine_of(hosts_in_order, budgets={"customer_series": 70, "target_series": 30})
        scrapes = [scrape_of(engine, host, many(10 * int(host[1]) + 5)) for host in hosts_in_order]
        cut = engine.within(scrapes)
        found.append({one.plan.target.url: sent(one) for one in cut})
    assert found[0] == found[1]
    assert sorted(map(len, found[0].values())) == [5, 15, 25, 25]


def test_a_target_that_is_away_keeps_its_place() -> None:
    """A failed fetch, or one that was not due, gives others no room that they lose again."""
    engine = engine_of({"a": "acme", "b": "acme"}, budgets={"customer_series": 40})
    both = [scrape_of(engine, host, many(40)) for host in "ab"]
    assert [len(sent(one)) for one in engine.within(both)] == [20, 20]
    assert [len(sent(one)) for one in engine.within(both[:1])] == [20]


def test_what_is_shed_is_counted() -> None:
    """By reason in a counter, by target in a gauge; each reason has its meaning."""
    engine = engine_of({"a": "acme", "b": "acme"}, budgets={"target_series": 3, "customer_series": 4})
    scrapes = engine.within([scrape_of(engine, host, many(10)) for host in "ab"])
    counted = count_cycle(scrapes, ())
    assert counted['pushvar_series_shed_total{reason="budget_target"}'] == 14
    assert counted['pushvar_series_shed_total{reason="budget_customer"}'] == 2
    assert gauge_cycle(scrapes, (), time_ms=0, duration_s=0)["pushvar_targets_over_budget"] == 2
    assert {reason for scrape in scrapes for reason, _ in scrape.plan.shed} <= set(SHED)


def test_budgets_cost_a_warm_target_next_to_nothing() -> None:
    """Plans are compiled once; without an overrun a warm cycle does as much as without budgets."""
    body = many(60)
    free = engine_of({"a": "acme"})
    free_calls = _warm(free, body)
    kept = engine_of({"a": "acme"}, budgets={"target_series": 100, "customer_series": 100, "label_values": 9})
    over = engine_of({"a": "acme"}, budgets={"target_series": 50, "customer_series": 30})
    assert _warm(kept, body) <= free_calls + 8
    assert _warm(over, body) <= free_calls + 30


def _warm(engine: Engine, body: dict[str, Any]) -> int:
    engine.within([scrape_of(engine, "a", body)])
    engine.within([scrape_of(engine, "a", body)])
    return calls(lambda: engine.within([scrape_of(engine, "a", body)]))


def test_health_says_what_a_target_budget_left() -> None:
    """scrape_samples_scraped counts all, scrape_samples_post_metric_relabeling what is sent."""
    scrape = scrape_of(engine_of({"a": "c"}, budgets={"target_series": 4}), "a", many(10))
    health = struct.unpack("<5d", scrape.values[-40:])
    assert health[2:4] == (10.0, 4.0)
