"""The families of a pushed body while its lines come in: which line belongs where, histograms put together.

A line belongs to the family of its name. When there is none, ``h_bucket``, ``h_sum`` and ``h_count`` belong
to a histogram ``h`` that was declared before, ``s_sum`` and ``s_count`` to a summary ``s``; any other name
begins a family of its own, untyped unless TYPE comes before its first sample. Families may be interleaved.

Source: prometheus/common, expfmt/text_parse.go (setOrCreateCurrentMF, readingValue).
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from pushvar.model import Family, MetricType
from pushvar.wire.exposition import FamilySamples, PrintedSample
from pushvar.wire.exposition.golang import quoted

if TYPE_CHECKING:
    from pushvar.model import Labels
    from pushvar.wire.exposition.pushed_line import Head

_BOUND_LABEL: Final = {MetricType.HISTOGRAM: "le", MetricType.SUMMARY: "quantile"}
_SUFFIXES: Final = {
    MetricType.HISTOGRAM: ("_bucket", "_sum", "_count"),
    MetricType.SUMMARY: ("_sum", "_count"),
}
_UINT64: Final = 2**64


@dataclass(slots=True)
class Distribution:
    """One histogram or summary: ``bounded`` are its buckets or quantiles, as (labels, value)."""

    bounded: list[tuple[Labels, float]] = field(default_factory=list)
    sum: float | None = None
    count: float | None = None
    timestamp_ms: int | None = None

    def samples(self, family: Family, labels: Labels) -> list[PrintedSample]:
        """Its samples in a flat row. One that nothing is known of has counted nothing."""
        name, time_ms = family.name, self.timestamp_ms
        bearer = f"{name}_bucket" if family.type is MetricType.HISTOGRAM else name
        flat = [PrintedSample(bearer, own, value, time_ms) for own, value in self.bounded]
        if self.sum is not None:
            flat.append(PrintedSample(f"{name}_sum", labels, self.sum, time_ms))
        if self.count is not None or not flat:
            flat.append(PrintedSample(f"{name}_count", labels, self.count or 0.0, time_ms))
        return flat


@dataclass(slots=True)
class Draft:
    """A family: ``type`` and ``help`` are None until something says them.

    ``bound_label`` is what a bucket or a quantile is told by, empty for a family that has neither.
    """

    name: str
    type: MetricType | None = None
    help: str | None = None
    bound_label: str = ""
    plain: list[PrintedSample] = field(default_factory=list)
    distributions: dict[Labels, Distribution] = field(default_factory=dict)

    def settle(self, metric_type: MetricType) -> None:
        """Give it its type."""
        self.type = metric_type
        self.bound_label = _BOUND_LABEL.get(metric_type, "")

    def finished(self) -> FamilySamples:
        """The family and its samples in their order, those of one histogram or summary together."""
        family = Family(self.name, self.type or MetricType.UNKNOWN, self.help or "")
        samples = self.plain
        for labels, distribution in self.distributions.items():
            samples += distribution.samples(family, labels)
        return FamilySamples(family, tuple(samples))


class Drafts:
    """All families of one body."""

    def __init__(self) -> None:
        self._families: dict[str, Draft] = {}
        self._roles: dict[str, tuple[Draft, str]] = {}

    def at(self, name: str) -> tuple[Draft, str]:
        """The family that a name belongs to, which may be a new one; and the suffix that the name adds."""
        known = self._roles.get(name)
        if known is None:
            known = self._roles[name] = self._part(name) or self._new(name)
        return known

    def take(self, head: Head, value: float, timestamp_ms: int | None) -> bool:
        """Add a sample; False when its family cannot have it."""
        draft, suffix = self.at(head.name)
        if draft.type is None:
            draft.settle(MetricType.UNKNOWN)
        if draft.bound_label:
            return _take_part(draft, suffix, head, value, timestamp_ms)
        if head.labels is None:
            return False
        draft.plain.append(PrintedSample(head.name, head.labels, value, timestamp_ms))
        return True

    def finished(self) -> tuple[FamilySamples, ...]:
        """The families that have samples, in the order in which they came up."""
        return tuple(
            [draft.finished() for draft in self._families.values() if draft.plain or draft.distributions]
        )

    def _part(self, name: str) -> tuple[Draft, str] | None:
        """The histogram or summary that a name without a family is a part of."""
        stem, _, last = name.rpartition("_")
        draft, suffix = self._families.get(stem), f"_{last}"
        if draft is None or suffix not in _SUFFIXES.get(draft.type or MetricType.UNKNOWN, ()):
            return None
        return draft, suffix

    def _new(self, name: str) -> tuple[Draft, str]:
        draft = self._families[name] = Draft(name)
        return draft, ""


def count_fault(draft: Draft, suffix: str, value: float, bound: float | None) -> str:
    """What is wrong with a count, in a sentence; empty when nothing is.

    Pushgateways up to 1.11.1 make an integer of 64 bits of whatever a count is: a histogram that counted -1
    shows 2^64 - 1. Later ones refuse that, in these words, and keep fractions. Of summaries they still do it:
    here a count below 0 is refused, and a fraction is cut off.
    """
    if draft.type is MetricType.SUMMARY:
        fine = suffix != "_count" or 0 <= value < _UINT64
        return "" if fine else f"expected a count for summary {_name(draft)}"
    if draft.type is not MetricType.HISTOGRAM or suffix == "_sum" or not value < 0:
        return ""
    if suffix == "_count":
        return f"negative count for histogram {_name(draft)}"
    is_bucket = bound is not None and not math.isnan(bound)
    return f"negative bucket population for histogram {_name(draft)}" if is_bucket else ""


def _name(draft: Draft) -> str:
    return quoted(draft.name.encode())


def _take_part(draft: Draft, suffix: str, head: Head, value: float, timestamp_ms: int | None) -> bool:
    """Add one line of a histogram or summary; one that is neither bucket, sum nor count adds nothing."""
    bound = head.bounds.get(draft.bound_label)
    labels, number = (head.labels, None) if bound is None else (bound.rest, bound.number)
    if labels is None or (bound and number is None) or count_fault(draft, suffix, value, number):
        return False
    part = draft.distributions.get(labels)
    if part is None:
        part = draft.distributions[labels] = Distribution()
    if timestamp_ms is not None:
        part.timestamp_ms = timestamp_ms
    if suffix == "_sum":
        part.sum = value
    elif suffix == "_count":
        part.count = value if draft.type is MetricType.HISTOGRAM else float(int(value))
    elif bound is not None and number is not None and not math.isnan(number):
        part.bounded.append((bound.labels, value))
    return True
