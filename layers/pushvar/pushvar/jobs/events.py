"""Metrics in an event: by direct invocation, from a Step Functions state or an EventBridge rule.

{"job": "nightly", "grouping": {"region": "eu"}, "method": "PUT", "ttl": "48h", "customer_id": "acme",
 "metrics": [{"name": "rows", "type": "gauge", "help": "rows copied", "labels": {"table": "a"}, "value": 1}]}
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import msgspec

from pushvar.catalogue import METRIC_NAME
from pushvar.jobs.grouping import CUSTOMER, demand_label_name
from pushvar.jobs.refusals import malformed
from pushvar.labels.sets import label_set
from pushvar.model import Family, MetricType
from pushvar.wire.exposition import FamilySamples, PrintedSample

if TYPE_CHECKING:
    from collections.abc import Sequence

_ROOT = "$"


class EventMetric(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One series and its value. Those of one name make a family, and agree on its type."""

    name: str
    value: float
    type: Literal["counter", "gauge", "unknown", "untyped"] = "untyped"
    help: str = ""
    labels: dict[str, str] = {}


class PushEvent(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A push as an event. ``ttl`` is a duration, or seconds; without metrics a PUT empties the group."""

    job: str
    metrics: tuple[EventMetric, ...] = ()
    grouping: dict[str, str] = {}
    ttl: str | int = ""
    method: Literal["POST", "PUT", "DELETE"] = "POST"
    customer_id: str = ""

    @property
    def labels(self) -> dict[str, str]:
        """The labels of its group."""
        return {**self.grouping, "job": self.job}


def read_event(event: object) -> PushEvent:
    """The event. Raises Refusal that names the field which is wrong."""
    try:
        read = msgspec.convert(event, PushEvent)
        msgspec.json.encode(read)
    except (msgspec.ValidationError, RecursionError) as error:
        raise malformed(f"event: {str(error).replace(f'`{_ROOT}.', '`')}") from None
    except UnicodeEncodeError as error:
        raise malformed(f"event: {error.object[error.start : error.end]!r} is no character") from None
    for name in read.grouping:
        demand_label_name(name)
        if name == CUSTOMER:
            raise malformed("event: grouping names customer_id; it has a field of its own")
    return read


def families_of_event(metrics: Sequence[EventMetric]) -> tuple[FamilySamples, ...]:
    """The families of an event's metrics. Raises Refusal."""
    families: dict[str, Family] = {}
    samples: dict[str, list[PrintedSample]] = {}
    for place, metric in enumerate(metrics):
        if not METRIC_NAME.fullmatch(metric.name):
            raise malformed(f"event: metrics[{place}].name: {metric.name[:60]!r} is no metric name")
        kind = MetricType.UNKNOWN if metric.type == "untyped" else MetricType(metric.type)
        family = families.setdefault(metric.name, Family(metric.name, kind, metric.help))
        if family.type is not kind:
            raise malformed(
                f"event: metrics[{place}].type: {kind}, but {metric.name} is {family.type} before"
            )
        labels = label_set(metric.labels.items())
        samples.setdefault(metric.name, []).append(PrintedSample(metric.name, labels, metric.value))
    return tuple([FamilySamples(families[name], tuple(own)) for name, own in samples.items()])
