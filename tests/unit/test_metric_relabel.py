"""Metric relabelling in a plan: what is sent, what is refused and counted, what it costs when warm."""

from __future__ import annotations

import json
import struct
from typing import TYPE_CHECKING, Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from pushvar.app.pushgateway_backend import _series
from pushvar.catalogue import HEALTH
from pushvar.config.load import load
from pushvar.convert.converter import Converter, Limits
from pushvar.convert.mapping import built_in
from pushvar.convert.plan import Stamp, labelled, labelled_rows
from pushvar.cycle.scrapes import _success
from pushvar.deliver.bodies import Bodies
from pushvar.deliver.groups import grouped
from pushvar.errors import FetchError
from pushvar.labels.relabel import compile_relabelling
from pushvar.labels.tenancy import GUARDED
from pushvar.model import Fetched, MetricType, Target
from pushvar.wire.proto import prometheus_v1_pb2 as pb

from tests.work import calls

if TYPE_CHECKING:
    from pushvar.convert.converter import Converted

LABELS = (("customer_id", "acme"), ("env", "prod"), ("instance", "h:1"), ("job", "pay"))
BODY = {"requests_total": 5, "queue_depth": 2, "cache": {"hits_total": 7, "size": 3}}
RULES = built_in("auto")

Steps = list[dict[str, Any]]

PAUSES = [1, 2, 3] + [0] * 253
MEMSTATS = {"PauseNs": PAUSES, "NumGC": 3, "PauseTotalNs": 6, "PauseEnd": PAUSES}


def renaming(regex: str, replacement: str) -> Steps:
    """The step that renames metrics."""
    names = {"source_labels": ["__name__"], "target_label": "__name__"}
    return [{**names, "regex": regex, "replacement": replacement}]


def stamp_of(steps: Steps, external: tuple[tuple[str, str], ...] = ()) -> Stamp:
    """The stamp that a job with these steps puts on its series."""
    document = {"scrape_configs": [{"job_name": "pay", "metric_relabel_configs": steps}]}
    (job,) = load(yaml.safe_dump(document), source="t").scrape_configs
    relabelling = compile_relabelling(job.metric_relabel_configs)
    return Stamp(Target("key", "pay", "http://h:1/", LABELS), external, relabelling=relabelling)


def converted(steps: Steps, body: dict[str, Any] = BODY, **limits: int) -> Converted:
    """The body as a target with these steps gives it."""
    text = json.dumps(body).encode()
    return Converter().convert(stamp_of(steps), text, RULES, Limits(**limits))


def sent(found: Converted, stamp: Stamp) -> dict[tuple[str, tuple[tuple[str, str], ...]], float]:
    """The series of a document with their values, read back from the bytes that are sent."""
    health = struct.pack(f"<{len(HEALTH)}d", *range(len(HEALTH)))
    request = pb.WriteRequest.FromString(found.plan.template.pack(found.values + health, 1_700_000_000_000))
    series = {
        tuple((label.name, label.value) for label in one.labels): one.samples[0].value
        for one in request.timeseries[: -len(HEALTH)]
    }
    shown = [
        tuple(sorted((*labels, ("__name__", row.name))))
        for row, labels in labelled_rows(stamp, found.plan.shape)
    ]
    assert [tuple(sorted(labels)) for labels in series] == shown[: -len(HEALTH)]
    target = {"__name__", *dict(LABELS)}
    return {
        (dict(labels)["__name__"], tuple(pair for pair in labels if pair[0] not in target)): value
        for labels, value in series.items()
    }


def given_steps(*steps: dict[str, Any]) -> dict[str, float]:
    """Name -> value of what is sent of BODY."""
    found = converted([*steps])
    return {name: value for (name, _), value in sent(found, stamp_of([*steps])).items()}


ALL = given_steps()


def test_a_dropped_series_is_not_sent_and_the_others_keep_their_values() -> None:
    """Each value stands with its own series, whichever rows are left out."""
    for gone in ALL:
        left = given_steps({"source_labels": ["__name__"], "regex": gone, "action": "drop"})
        assert left == {name: value for name, value in ALL.items() if name != gone}
    assert given_steps({"source_labels": ["__name__"], "regex": ".*", "action": "drop"}) == {}


def test_steps_see_the_target_s_labels_and_not_the_external_ones() -> None:
    """External labels join at the end, where Prometheus adds them too."""
    step = {"source_labels": ["env", "region"], "target_label": "seen"}
    stamp = stamp_of([step], (("env", "external"), ("region", "eu")))
    body = json.dumps({"depth": 1}).encode()
    plan = Converter().convert(stamp, body, RULES).plan
    (row, labels), *health = labelled_rows(stamp, plan.shape)
    assert dict(labels)["seen"] == "prod;"
    assert dict(labels)["region"] == "eu"
    assert dict(labels)["env"] == "prod"
    assert row.name == "depth"
    assert {"seen" in dict(found) for _, found in health} == {False}


def test_a_removed_label_takes_the_external_value() -> None:
    """What a step removes is absent, so an external label of that name fills it, as in Prometheus."""
    stamp = stamp_of([{"regex": "env", "action": "labeldrop"}], (("env", "external"),))
    plan = Converter().convert(stamp, b'{"depth": 1}', RULES).plan
    (_, labels), *_ = labelled_rows(stamp, plan.shape)
    assert dict(labels)["env"] == "external"


@pytest.mark.parametrize("name", sorted(GUARDED))
def test_no_step_changes_whose_series_it_is(name: str) -> None:
    """Tenant and identity labels keep the target's values, or stay absent; the attempt is counted."""
    steps = [{"target_label": name, "replacement": "stolen"}]
    found = converted(steps)
    for _, labels in labelled_rows(stamp_of(steps), found.plan.shape):
        assert dict(labels).get(name) == dict(LABELS).get(name)
    assert found.plan.relabelled == (("guarded", len(found.plan.shape.rows)),)


def test_guarded_labels_survive_labelkeep() -> None:
    """A step that removes them all removes none of them, and the name, which is none, is lost."""
    found = converted([{"regex": "__name__", "action": "labelkeep"}], {"depth": 1})
    (row, labels), *_ = labelled_rows(
        stamp_of([{"regex": "__name__", "action": "labelkeep"}]), found.plan.shape
    )
    assert row.name == "depth"
    assert dict(labels) == {name: value for name, value in LABELS if name != "env"}


REFUSED: list[tuple[dict[str, Any], str, int]] = [
    ({"target_label": "__name__", "replacement": ""}, "illegal", 4),
    ({"target_label": "__name__", "replacement": "a-b"}, "illegal", 4),
    ({"target_label": "__name__", "replacement": "up"}, "illegal", 4),
    ({"regex": "env", "replacement": "${1}9", "action": "labelmap"}, "illegal", 4),
    ({"target_label": "__name__", "replacement": "same"}, "duplicate", 3),
    ({"source_labels": ["__name__"], "regex": "queue_depth", "action": "drop"}, "dropped", 1),
]


@pytest.mark.parametrize(("step", "reason", "count"), REFUSED)
def test_what_may_not_be_sent_costs_its_series_alone_and_is_counted(
    step: dict[str, Any], reason: str, count: int
) -> None:
    """No name, an illegal one, a second series of the same labels: left out by reason, the first stays."""
    found = converted([step])
    assert found.plan.relabelled == ((reason, count),)
    assert len(found.values) == 8 * (4 - count)
    skipped = labelled(stamp_of([step]), found.plan.shape).skipped
    assert len(skipped) == count
    assert all(one.reason.startswith("metric_relabel_configs: ") for one in skipped)


def test_the_first_of_equal_series_stays() -> None:
    """Of series that steps make equal, the one that stands first in the document is sent."""
    body = {"a": 1, "b": 2}
    steps = [{"target_label": "__name__", "replacement": "same"}]
    assert sent(converted(steps, body), stamp_of(steps)) == {("same", ()): 1.0}


def test_a_renamed_metric_keeps_its_type_under_the_new_name() -> None:
    """The family moves with the name, so the metadata tells the type of what is sent, and of nothing else."""
    steps = renaming("requests_(.*)", "calls_$1")
    converter = Converter()
    converter.convert(stamp_of(steps), json.dumps(BODY).encode(), RULES)
    assert converter.families["calls_total"].type is MetricType.COUNTER
    assert "requests_total" not in converter.families


def test_a_renamed_summary_stays_one() -> None:
    """Quantiles, sum and count move together into a family of the new name."""
    {
        "PauseNs": [1, 2, 3] + [0] * 253,
        "NumGC": 3,
        "PauseTotalNs": 6,
        "PauseEnd": [1, 2, 3] + [0] * 253,
    }
    steps = [
        {
            "source_labels": ["__name__"],
            "regex": "go_(.*)",
            "target_label": "__name__",
            "replacement": "my_$1",
        }
    ]
    found = converted(steps, {"memstats": MEMSTATS})
    families = {family.name: family.type for family in found.plan.families}
    assert families["my_gc_duration_seconds"] is MetricType.SUMMARY
    assert not [name for name in families if "_sum" in name or "_count" in name]


def test_nothing_becomes_a_part_of_another_s_summary() -> None:
    """A gauge renamed into a summary's name is a type conflict: it would break the family for readers."""
    {
        "PauseNs": [1, 2, 3] + [0] * 253,
        "NumGC": 3,
        "PauseTotalNs": 6,
        "PauseEnd": [1, 2, 3] + [0] * 253,
    }
    steps = renaming("depth", "go_gc_duration_seconds")
    found = converted(steps, {"memstats": MEMSTATS, "depth": 1})
    assert ("type_conflict", 1) in found.plan.relabelled


def test_sample_limit_counts_what_is_left() -> None:
    """As in Prometheus, a scrape fails for the samples that remain after relabelling."""
    drop = [{"source_labels": ["__name__"], "regex": "queue_depth", "action": "drop"}]
    assert len(converted(drop, samples=3).values) == 3 * 8
    with pytest.raises(FetchError, match="3 samples, sample_limit is 2"):
        converted(drop, samples=2)


def test_health_series_tell_scraped_and_kept_apart() -> None:
    """``scrape_samples_scraped`` counts all, ``..._post_metric_relabeling`` those that are sent."""
    found = converted([{"source_labels": ["__name__"], "regex": "queue_depth", "action": "drop"}])
    scrape = _success(found, Fetched(b"", 0, 0.5))
    values = struct.unpack(f"<{3 + len(HEALTH)}d", scrape.values)
    health = dict(zip([family.name for family in HEALTH], values[3:], strict=True))
    assert health["scrape_samples_scraped"] == 4
    assert health["scrape_samples_post_metric_relabeling"] == 3
    assert health["scrape_series_added"] == 3
    assert scrape.carried == scrape.plan.template.count


def test_dropped_series_are_never_added() -> None:
    """A new series counts as added only when it is sent."""
    converter = Converter()
    stamp = stamp_of([{"source_labels": ["__name__"], "regex": "gone.*", "action": "drop"}])
    assert converter.convert(stamp, b'{"a": 1, "gone": 1}', RULES).added == 1
    assert converter.convert(stamp, b'{"a": 1, "gone": 1, "gone2": 1, "b": 2}', RULES).added == 1


def work(steps: Steps) -> int:
    """The calls of one warm conversion."""
    converter, stamp = Converter(), stamp_of(steps)
    body = json.dumps({f"k{index}": index for index in range(60)}).encode()
    for _ in range(2):
        converter.convert(stamp, body, RULES)
    return calls(lambda: converter.convert(stamp, body, RULES))


RENAME = [{"source_labels": ["__name__"], "regex": f"x{index}", "target_label": "y"} for index in range(50)]


def test_steps_cost_nothing_when_warm() -> None:
    """A warm target makes the same calls with 50 steps as with none."""
    assert work(RENAME) == work([])


def test_dropping_costs_no_more_for_many_series_than_for_one() -> None:
    """Leaving series out is one cut of the values: the calls do not grow with what is dropped."""
    one = [{"source_labels": ["__name__"], "regex": "k7", "action": "drop"}]
    half = [{"source_labels": ["__name__"], "regex": "k.?[02468]", "action": "drop"}]
    assert work(half) == work(one) <= work([]) + 10


names = st.sampled_from(["a", "b", "env", "job", "customer_id", "__name__", "quantile", "z_é"])
steps_of_any_kind = st.lists(
    st.fixed_dictionaries(
        {
            "source_labels": st.lists(names.filter(str.isascii), max_size=2),
            "target_label": st.sampled_from(["a", "env", "job", "__name__", "n_$1"]),
            "regex": st.sampled_from(["(.*)", "(.)(.*)", "", "queue_.*", "prod"]),
            "replacement": st.sampled_from(["$1", "x", "", "a-b", "$2_$1", "é"]),
        }
    )
    | st.fixed_dictionaries(
        {
            "action": st.just("labelmap"),
            "regex": st.sampled_from(["(e)nv", "__(name)__", "(.*)"]),
            "replacement": st.sampled_from(["$1", "__name__", "x_$1", "${1}"]),
        }
    ),
    max_size=4,
)


@settings(max_examples=150, deadline=None)
@given(steps_of_any_kind)
def test_whatever_steps_do_what_is_sent_is_valid(steps: Steps) -> None:
    """Sorted by bytes, unique, legal, never empty, identity kept; every other row is counted."""
    found = converted(steps)
    series = [row.name for row, _ in labelled_rows(stamp_of(steps), found.plan.shape)]
    assert len(series) == found.plan.template.count == len(found.values) // 8 + len(HEALTH)
    health = struct.pack(f"<{len(HEALTH)}d", *range(len(HEALTH)))
    request = pb.WriteRequest.FromString(found.plan.template.pack(found.values + health, 1_700_000_000_000))
    known = set()
    for one in request.timeseries:
        labels = [(label.name, label.value) for label in one.labels]
        assert [name.encode() for name, _ in labels] == sorted({name.encode() for name, _ in labels})
        assert all(value for _, value in labels)
        assert dict(labels)["customer_id"] == "acme"
        known.add(tuple(labels))
    assert len(known) == len(request.timeseries)
    left_out = sum(count for reason, count in found.plan.relabelled if reason != "guarded")
    assert left_out == len(found.plan.shape.rows) - len(found.values) // 8


def test_a_pushgateway_is_sent_the_relabelled_series() -> None:
    """Its text has the new name under the old type, the values of what is left, and nothing dropped."""
    steps = [
        {"source_labels": ["__name__"], "regex": "queue_depth", "action": "drop"},
        *renaming("requests_(.*)", "calls_$1"),
    ]
    stamp, found = stamp_of(steps), converted(steps)
    scrape = _success(found, Fetched(b"", 0, 0.5))
    (group,) = grouped([scrape])
    text = Bodies(lambda plan: _series(stamp, plan, {}, {})).body(group).decode()
    assert "# TYPE calls_total counter\n" in text
    assert 'calls_total{env="prod"} 5\n' in text
    assert 'cache_size{env="prod"} 3\n' in text
    assert "queue_depth" not in text
    assert "requests_total{" not in text
