"""What a Pushgateway makes of pushed families before it shows them, and when it refuses to.

It keeps a histogram as one thing: so there is always a bucket ``+Inf``, a sum and a count, whatever was
pushed; likewise a summary has a sum and a count. What was not pushed counts 0. Then it wants to be able to
show everything: no series twice, no name that a histogram or a summary beside it takes for its own samples.

The order for a body is: read it, make it ``whole``, put the group's labels into its samples (they win over
pushed ones), ``demand_consistent``; two series may become one by the group's labels.

Sources: prometheus/common, expfmt/text_create.go; client_golang, prometheus/registry.go
(checkMetricConsistency, checkSuffixCollisions).
"""

from __future__ import annotations

import math
from collections import defaultdict
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Final

from pushvar.catalogue import LABEL_NAME
from pushvar.errors import BodyRefused
from pushvar.model import MetricType
from pushvar.wire.exposition import PrintedSample
from pushvar.wire.exposition.golang import quoted

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from pushvar.model import Labels
    from pushvar.wire.exposition import FamilySamples

_INCONSISTENT: Final = "pushed metrics are invalid or inconsistent with existing metrics"
_PARTS: Final = {MetricType.HISTOGRAM: ("_bucket", "le"), MetricType.SUMMARY: ("", "quantile")}
_TAKEN: Final = {
    MetricType.HISTOGRAM: ("_bucket", "_sum", "_count"),
    MetricType.SUMMARY: ("_sum", "_count"),
}


@dataclass(slots=True)
class _Parts:
    """The samples of one histogram or summary; ``others`` are of names that it has no place for."""

    bounded: list[tuple[float, PrintedSample]] = field(default_factory=list)
    totals: dict[str, list[PrintedSample]] = field(default_factory=lambda: {"_sum": [], "_count": []})
    others: list[PrintedSample] = field(default_factory=list)


def whole(families: Iterable[FamilySamples]) -> tuple[FamilySamples, ...]:
    """The families with all that their types ask for, buckets and quantiles in order."""
    return tuple(
        [
            replace(group, samples=tuple(_whole(group))) if group.family.type in _PARTS else group
            for group in families
        ]
    )


def demand_consistent(families: Sequence[FamilySamples]) -> None:
    """Raise BodyRefused when the families cannot be shown together; their names differ."""
    types = {group.family.name: group.family.type for group in families}
    for name, metric_type in types.items():
        for suffix in _TAKEN.get(metric_type, ()):
            if name + suffix in types:
                taken = f"collected metric named {quoted((name + suffix).encode())}"
                taker = f"previously collected {metric_type} named {quoted(name.encode())}"
                raise BodyRefused(f"{_INCONSISTENT}: {taken} collides with {taker}")
    _demand_unique(families)


def refused_metric(name: str, labels: Labels, fault: str) -> BodyRefused:
    """That one metric of a body is no good, and why."""
    shown = ",".join([f"{label}={quoted(value.encode())}" for label, value in labels])
    return BodyRefused(f"{_INCONSISTENT}: collected metric {quoted(name.encode())} {{{shown}}} {fault}")


def label_fault(label: str) -> str:
    """Why a label may not be called so; empty when it may."""
    fine = LABEL_NAME.fullmatch(label) and not label.startswith("__")
    return "" if fine else f"has a label with an invalid name: {label}"


def _demand_unique(families: Sequence[FamilySamples]) -> None:
    seen: set[tuple[str, Labels]] = set()
    known: set[str] = set()
    for group in families:
        for sample in group.samples:
            series = (sample.name, sample.labels)
            if series in seen:
                fault = "was collected before with the same name and label values"
                raise refused_metric(*series, fault)
            seen.add(series)
            for label, _ in sample.labels:
                if label not in known:
                    fault = label_fault(label)
                    if fault:
                        raise refused_metric(*series, fault)
                    known.add(label)


def _whole(group: FamilySamples) -> list[PrintedSample]:
    name, metric_type = group.family.name, group.family.type
    suffix, label = _PARTS[metric_type]
    parts: defaultdict[Labels, _Parts] = defaultdict(_Parts)
    for sample in group.samples:
        if sample.name == name + suffix:
            bound = dict(sample.labels).get(label, "")
            rest = tuple([pair for pair in sample.labels if pair[0] != label])
            parts[rest].bounded.append((_number(bound), sample))
        else:
            own = parts[sample.labels]
            own.totals.get(sample.name.removeprefix(name), own.others).append(sample)
    samples: list[PrintedSample] = []
    for labels, own in parts.items():
        samples += _completed(own, name, labels, infinite=metric_type is MetricType.HISTOGRAM)
    return samples


def _completed(parts: _Parts, name: str, labels: Labels, *, infinite: bool) -> list[PrintedSample]:
    """The samples of one histogram or summary in order, missing ones added at the time of the others."""
    given = [*(sample for _, sample in parts.bounded), *parts.totals["_sum"], *parts.totals["_count"]]
    if not given:
        return parts.others
    time_ms = given[0].timestamp_ms
    for suffix, samples in parts.totals.items():
        if not samples:
            samples.append(PrintedSample(name + suffix, labels, 0.0, time_ms))
    if infinite and not any(bound == math.inf for bound, _ in parts.bounded):
        own = tuple(sorted((*labels, ("le", "+Inf"))))
        count = parts.totals["_count"][-1].value
        parts.bounded.append((math.inf, PrintedSample(f"{name}_bucket", own, count, time_ms)))
    parts.bounded.sort(key=lambda bounded: bounded[0])
    bounded = [sample for _, sample in parts.bounded]
    return [*bounded, *parts.totals["_sum"], *parts.totals["_count"], *parts.others]


def _number(bound: str) -> float:
    """The number of a bound, whose text is no number at all when the family comes from elsewhere."""
    try:
        return float(bound)
    except ValueError:
        return math.nan
