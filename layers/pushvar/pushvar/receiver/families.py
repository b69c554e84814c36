"""Which family a series belongs to, and how a series is written down. Pure.

Types are the lower-case words of the protobuf enums, all eight of them; ``METRIC_TYPES`` maps them
to the house's own, which knows the six that Prometheus text has.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pushvar.model import MetricType

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

TYPES = ("unknown", "counter", "gauge", "histogram", "gaugehistogram", "summary", "info", "stateset")
"""The enum number is the index, the same in both versions of the protocol."""

METRIC_TYPES = {
    "counter": MetricType.COUNTER,
    "gauge": MetricType.GAUGE,
    "histogram": MetricType.HISTOGRAM,
    "gaugehistogram": MetricType.HISTOGRAM,
    "summary": MetricType.SUMMARY,
    "info": MetricType.INFO,
}

_DISTRIBUTIONS = frozenset({"histogram", "gaugehistogram", "summary"})
_SUFFIXES = {
    "_bucket": _DISTRIBUTIONS,
    "_count": _DISTRIBUTIONS,
    "_sum": _DISTRIBUTIONS,
    "_total": frozenset({"counter"}),
    "_created": _DISTRIBUTIONS | {"counter"},
    "_info": frozenset({"info"}),
}
_GROWING = frozenset({"_bucket", "_count", "_sum"})


def family_of(name: str, types: Mapping[str, str]) -> str:
    """The family of a sample's name: itself, or the name without a suffix that the type allows."""
    if name in types:
        return name
    stem, underscore, end = name.rpartition("_")
    allowed = _SUFFIXES.get(underscore + end)
    return stem if allowed and types.get(stem) in allowed else name


def stated_family(name: str, type_name: str) -> str:
    """The family that a 2.0 series speaks of when it states its own type."""
    stem, underscore, end = name.rpartition("_")
    suffix = underscore + end
    return stem if suffix in _GROWING and type_name in _DISTRIBUTIONS else name


def is_cumulative(name: str, types: Mapping[str, str]) -> bool:
    """Whether the series only grows, so that its rate says more than its value."""
    family = family_of(name, types)
    kind = types.get(family, "unknown")
    if kind in {"unknown", "counter"}:
        return kind == "counter" or name.endswith("_total")
    return kind in {"histogram", "summary"} and name[len(family) :] in _GROWING


def series_text(labels: Iterable[tuple[str, str]]) -> str:
    """A series as Prometheus text writes it, on one line and visible; works for broken label sets too."""
    name = ""
    pairs = []
    for label, value in labels:
        if label == "__name__" and not name:
            name = value
        else:
            pairs.append(f'{_escape(label)}="{_escape(value)}"')
    name = _escape(name)
    return f"{name}{{{','.join(pairs)}}}" if pairs or not name else name


def _escape(value: str) -> str:
    value = value.replace("\\", "\\\\").replace('"', '\\"')
    if value.isprintable():
        return value
    return "".join(
        char if char.isprintable() else char.encode("unicode_escape").decode("ascii") for char in value
    )
