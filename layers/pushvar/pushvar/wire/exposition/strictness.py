"""Which samples OpenMetrics 1.0 lets stand under a type, and in which order.

The rules are those of the specification ("Metric Types") as the official Python parser checks them.
Samples of one histogram or summary must stand together, buckets in the order of ``le``.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from itertools import chain, pairwise
from typing import TYPE_CHECKING

from pushvar.model import MetricType

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from pushvar.model import Labels
    from pushvar.wire.exposition import PrintedSample


@dataclass(slots=True)
class _Group:
    """Samples of a family with the same labels: its buckets or quantiles, by bound, and the others."""

    bounded: list[tuple[float, PrintedSample]] = field(default_factory=list)
    others: list[PrintedSample] = field(default_factory=list)

    def samples(self) -> list[PrintedSample]:
        return [*(sample for _, sample in self.bounded), *self.others]


def settle(
    metric_type: MetricType, name: str, samples: Sequence[PrintedSample]
) -> Sequence[PrintedSample] | None:
    """The samples of family ``name`` in an order that the format accepts, or None when it refuses them."""
    match metric_type:
        case MetricType.COUNTER:
            if all(sample.value >= 0 and sample.name == f"{name}_total" for sample in samples):
                return samples  # the common case: every sample is a group of its own
            return _grouped(_groups(samples, "", ""), name, _is_counter)
        case MetricType.SUMMARY:
            return _grouped(_groups(samples, name, "quantile"), name, _is_summary)
        case MetricType.HISTOGRAM:
            return _grouped(_groups(samples, f"{name}_bucket", "le"), name, _is_histogram)
        case MetricType.INFO:
            # To a parser all of an info family is one group: with timestamps or without.
            mixed = len({sample.timestamp_ms is None for sample in samples}) > 1
            return None if mixed or any(sample.value != 1 for sample in samples) else samples
        case _:
            return samples


def ordered(metric_type: MetricType, name: str, samples: Sequence[PrintedSample]) -> Sequence[PrintedSample]:
    """The samples, those of one label set together, buckets and quantiles by their numbers.

    Nothing is refused: as given where a bound is no number, and for types without bounds.
    """
    match metric_type:
        case MetricType.SUMMARY:
            groups = _groups(samples, name, "quantile")
        case MetricType.HISTOGRAM:
            groups = _groups(samples, f"{name}_bucket", "le")
        case _:
            groups = None
    return samples if groups is None else list(chain.from_iterable(group.samples() for group in groups))


def _groups(samples: Sequence[PrintedSample], bearer: str, label: str) -> list[_Group] | None:
    """One group for each label set, ``label`` of the samples named ``bearer`` aside; None for a bad bound."""
    groups: dict[Labels, _Group] = {}
    for sample in samples:
        if sample.name != bearer:
            groups.setdefault(sample.labels, _Group()).others.append(sample)
            continue
        bound = _bound(dict(sample.labels).get(label, ""))
        if bound is None:
            return None
        rest = tuple(pair for pair in sample.labels if pair[0] != label)
        groups.setdefault(rest, _Group()).bounded.append((bound, sample))
    for group in groups.values():
        group.bounded.sort(key=lambda bounded: bounded[0])
    return list(groups.values())


def _grouped(
    groups: list[_Group] | None, name: str, accepts: Callable[[_Group, dict[str, float]], bool]
) -> list[PrintedSample] | None:
    """All samples, group after group, when every group is accepted and has one timestamp."""
    for group in groups or ():
        others = {sample.name.removeprefix(name): sample.value for sample in group.others}
        if not accepts(group, others) or len({sample.timestamp_ms for sample in group.samples()}) > 1:
            return None
    return None if groups is None else list(chain.from_iterable(group.samples() for group in groups))


def _is_counter(_group: _Group, others: dict[str, float]) -> bool:
    return others.get("_total", 0) >= 0


def _is_summary(group: _Group, others: dict[str, float]) -> bool:
    return (
        all(0 <= quantile <= 1 and not sample.value < 0 for quantile, sample in group.bounded)
        and others.get("_sum", 0) >= 0
        and _is_count(others.get("_count", 0))
    )


def _is_histogram(group: _Group, others: dict[str, float]) -> bool:
    bounds = [bound for bound, _ in group.bounded]
    counts = [sample.value for _, sample in group.bounded]
    if not bounds or bounds[-1] != math.inf or not all(map(_is_count, counts)):
        return False
    if any(low >= high for low, high in pairwise(bounds)) or counts != sorted(counts):
        return False
    if "_sum" not in others or "_count" not in others:
        return "_sum" not in others and "_count" not in others
    return bounds[0] >= 0 and others["_sum"] >= 0 and others["_count"] == counts[-1]


def _is_count(value: float) -> bool:
    return value >= 0 and float(value).is_integer()


def _bound(text: str) -> float | None:
    """The number in an ``le`` or ``quantile``; None when parsers do not agree that it is one."""
    if "_" in text or not text.isascii() or text != text.strip():
        return None
    try:
        bound = float(text)
    except ValueError:
        return None
    return None if math.isnan(bound) or (bound == math.inf and text != "+Inf") else bound
