"""What is shown of groups: for a Prometheus, for a program, for a person."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from prometheus_client.openmetrics.parser import text_string_to_metric_families as read_openmetrics
from prometheus_client.parser import text_string_to_metric_families as read_text
from pushvar import __version__
from pushvar.config.schema import Gateway
from pushvar.jobs.grouping import place_of
from pushvar.jobs.listing import document, wants_openmetrics
from pushvar.jobs.packing import pack
from pushvar.model import Family, Group, GroupHead, MetricType
from pushvar.wire.exposition import FamilySamples, PrintedSample

from tests.unit.push_door import NOW_MS, Door
from tests.unit.test_push_groups import troubled

if TYPE_CHECKING:
    from collections.abc import Callable


def families_of(reader: Callable[[str], Any], page: bytes) -> dict[str, str]:
    """Name -> type as an official parser reads them."""
    return {family.name: family.type for family in reader(page.decode())}


HISTOGRAM = b'# HELP h how long\n# TYPE h histogram\nh_bucket{le="1"} 1\nh_sum 1\nh_count 1\n'


def test_metrics() -> None:
    """Families over all groups, sorted, each series with its group's labels and an instance."""
    door = Door()
    assert door.put("b", b"# HELP x what it is\n# TYPE x gauge\nx 1\n" + HISTOGRAM) == 200
    assert door.put("a/instance/i-1/z/", b'x{tag="v"} 2\na_total 1e6\n') == 200
    assert door.put("a", b'x{instance="own",job="other"} 3\n') == 200
    reply = door.ask("GET", "/metrics")
    assert (reply.status, reply.content_type) == (200, "text/plain; version=0.0.4; charset=utf-8")
    page = reply.body.decode()
    assert [line for line in page.splitlines() if "push_" not in line] == [
        "# TYPE a_total untyped",
        'a_total{instance="i-1",job="a",z=""} 1000000',
        "# HELP h how long",
        "# TYPE h histogram",
        'h_bucket{instance="",job="b",le="1"} 1',
        'h_bucket{instance="",job="b",le="+Inf"} 1',
        'h_sum{instance="",job="b"} 1',
        'h_count{instance="",job="b"} 1',
        "# HELP x what it is",
        "# TYPE x gauge",
        'x{instance="i-1",job="a",tag="v",z=""} 2',
        'x{instance="own",job="a"} 3',
        'x{instance="",job="b"} 1',
    ]
    assert 'push_time_seconds{instance="i-1",job="a",z=""} 1795173629.8' in page
    assert 'push_failure_time_seconds{instance="",job="b"} 0\n' in page
    assert len(families_of(read_text, page.encode())) == 5


@pytest.mark.parametrize(
    ("accept", "wants"),
    [
        ("", False),
        ("*/*", False),
        ("text/plain", False),
        ("application/openmetrics-text", True),
        ("application/openmetrics-text; version=1.0.0; q=0", False),
        ("application/openmetrics-text;version=1.0.0;q=0.5,text/plain;version=0.0.4;q=0.3,*/*;q=0.2", True),
        ("application/openmetrics-text;version=1.0.0;q=0.2,text/plain;version=0.0.4;q=0.3", False),
        ("Text/HTML, Application/OpenMetrics-Text;q=x", False),
        (",;q,;;", False),
    ],
)
def test_accept(accept: str, wants: bool) -> None:  # noqa: FBT001 - a column
    """OpenMetrics where it is asked for, and not less than text."""
    assert wants_openmetrics(accept) is wants


def test_openmetrics() -> None:
    """The same series in the other format."""
    door = Door()
    assert door.put("b", b"# TYPE x_total counter\nx_total 1\n# TYPE y counter\ny 1\n" + HISTOGRAM) == 200
    reply = door.ask("GET", "/metrics", accept="application/openmetrics-text; version=1.0.0")
    assert reply.content_type == "application/openmetrics-text; version=1.0.0; charset=utf-8"
    assert families_of(read_openmetrics, reply.body) == {
        "h": "histogram", "x": "counter", "y": "unknown", "push_time_seconds": "gauge",
        "push_failure_time_seconds": "gauge",
    }  # fmt: skip


def test_names_that_clash_between_groups() -> None:
    """Every series is shown, and the page can be read; the type is what is lost."""
    door = Door()
    assert door.put("a", HISTOGRAM) == 200
    assert door.put("b", b"h_count 5\n# TYPE m gauge\nm 1\n") == 200
    page = door.ask("GET", "/metrics").body.decode()
    assert 'h_count{instance="",job="a"} 1\n' in page
    assert 'h_count{instance="",job="b"} 5\n' in page
    assert "# TYPE h_count untyped\n" in page
    assert "# TYPE m gauge\n" in page
    assert len(families_of(read_text, page.encode())) == 6


def group(job: str, kind: MetricType, *samples: PrintedSample) -> Group:
    """A group with the family x, as a race may have left it in the store."""
    place = place_of("acme", {"job": job})
    head = GroupHead(place.key, "acme", place.grouping, "v", NOW_MS)
    return Group(head, pack((FamilySamples(Family("x", kind), samples),)))


def test_what_a_race_may_leave_is_shown_once() -> None:
    """Two groups that were pushed in the same moment may have one series, or two types of a name."""
    one = group("a", MetricType.GAUGE, PrintedSample("x", (), 1.0))
    same = replace(one, body=group("a", MetricType.COUNTER, PrintedSample("x", (), 2.0)).body)
    histogram = group("b", MetricType.HISTOGRAM, PrintedSample("x_sum", (), 3.0))
    page, _ = document([one, same, histogram], as_openmetrics=False)
    lines = [line for line in page.decode().splitlines() if "push_" not in line]
    assert lines == [
        "# TYPE x untyped",
        'x{instance="",job="a"} 1',
        "# TYPE x_sum untyped",
        'x_sum{instance="",job="b"} 3',
    ]
    page, _ = document([one, same, histogram], as_openmetrics=True)
    assert len(families_of(read_openmetrics, page)) == 4


def test_api_metrics() -> None:
    """The groups with their families, numbers and times as a Pushgateway has them."""
    door = Door()
    gauge = b'# HELP x what\n# TYPE x gauge\nx 1e6\nx{a="b"} -0\nu 0.00001\n'
    summary = b'# TYPE s summary\ns{quantile="0.5"} 1e21\ns_count 2\n'
    assert door.put("a/z/", gauge + summary + HISTOGRAM) == 200
    pushed_ms = door.heads()["a"].pushed_ms
    assert door.post("a/z/", b"# TYPE u counter\nu 1\n") == 200
    assert door.put("a/z/", b"broken") == 400
    reply = door.ask("GET", "/api/v1/metrics")
    assert (reply.status, reply.content_type) == (200, "application/json")
    answer = json.loads(reply.body)
    assert answer["status"] == "success"
    (found,) = answer["data"]
    labels = {"instance": "", "job": "a", "z": ""}
    assert found.pop("labels") == {"job": "a", "z": ""}
    assert found.pop("last_push_successful") is False
    times = {name: family.pop("time_stamp") for name, family in found.items()}
    assert times["x"] == times["h"] == f"2026-11-20T11:20:29.{pushed_ms % 1000:03d}Z"
    assert times["u"] == times["push_time_seconds"] > times["x"]
    assert times["push_failure_time_seconds"] > times["u"]
    values = {
        name: found.pop(name)["metrics"][0]["value"] for name in list(found) if name.startswith("push_")
    }
    assert values["push_time_seconds"].startswith("1.7951736298")
    assert float(values["push_failure_time_seconds"]) > float(values["push_time_seconds"])
    assert found == {
        "x": {
            "type": "GAUGE",
            "help": "what",
            "metrics": [
                {"labels": labels, "value": "1e+06"},
                {"labels": {**labels, "a": "b"}, "value": "-0"},
            ],
        },
        "u": {"type": "COUNTER", "metrics": [{"labels": labels, "value": "1"}]},
        "s": {
            "type": "SUMMARY",
            "metrics": [{"labels": labels, "quantiles": {"0.5": "1e+21"}, "count": "2", "sum": "0"}],
        },
        "h": {
            "type": "HISTOGRAM",
            "help": "how long",
            "metrics": [{"labels": labels, "buckets": {"1": "1", "+Inf": "1"}, "count": "1", "sum": "1"}],
        },
    }


def test_api_status() -> None:
    """What runs since when, and its limits as flags; no credential."""
    door = Door(Gateway(anonymous="default", group_limit=7))
    data = json.loads(door.ask("GET", "/api/v1/status").body)["data"]
    assert data["build_information"] == {"version": __version__}
    assert data["start_time"].startswith("2026-11-20T11:20:29.8")
    assert data["flags"]["gateway.group_limit"] == "7"
    assert data["flags"]["gateway.ttl"] == "1d"
    assert len(data["flags"]) == 9


def test_many_groups_are_read_with_few_calls() -> None:
    """And all of them are shown."""
    door, trouble = troubled()
    assert {door.put(f"a/instance/i-{number}") for number in range(1_100)} == {200}
    trouble.calls.clear()
    assert len(door.lines()) == 1_100
    assert trouble.calls == {"groups": 1, "get_groups": 3}
