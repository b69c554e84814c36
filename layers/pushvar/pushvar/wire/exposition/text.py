"""Prometheus text format 0.0.4: what every scraper and the Pushgateway read.

Source: Prometheus docs, "Exposition formats". A family is printed under the name of its samples (a
counter with its ``_total``). Families that clash as parsers of this format group samples (histogram
``x`` beside gauge ``x_count``) follow the rule in ``blocks``; the Pushgateway refuses a body for it.
The format has no ``_created``: such samples are a gauge of their own, as official clients print them.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from pushvar.model import Family, MetricType
from pushvar.wire.exposition import FamilySamples
from pushvar.wire.exposition.blocks import Form, arrange
from pushvar.wire.exposition.escape import PairTexts, help_text, sample_lines
from pushvar.wire.exposition.strictness import ordered

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

CONTENT_TYPE: Final = "text/plain; version=0.0.4; charset=utf-8"

_WORDS: Final = {
    MetricType.COUNTER: "counter",
    MetricType.GAUGE: "gauge",
    MetricType.HISTOGRAM: "histogram",
    MetricType.SUMMARY: "summary",
    MetricType.INFO: "gauge",  # the format has no info; Go clients print a gauge that is always 1
    MetricType.UNKNOWN: "untyped",
}
_SUFFIXES: Final = {
    MetricType.COUNTER: ("",),
    MetricType.GAUGE: ("",),
    MetricType.HISTOGRAM: ("_bucket", "_sum", "_count"),
    MetricType.SUMMARY: ("", "_sum", "_count"),
    MetricType.INFO: ("",),
    MetricType.UNKNOWN: ("",),
}
_SAMPLE_SUFFIX: Final = {MetricType.COUNTER: "_total", MetricType.INFO: "_info"}
_HAVE_CREATED: Final = (MetricType.COUNTER, MetricType.HISTOGRAM, MetricType.SUMMARY)


def encode(families: Iterable[FamilySamples]) -> bytes:
    """The document in UTF-8, families in the given order, buckets and quantiles by number, times in ms.

    Raises EncodeError for a family without a type or that comes twice, an illegal name, text that
    is not Unicode.
    """
    parts: list[str] = []
    pairs = PairTexts()
    for block in arrange(_created_apart(families), _FORM):
        pairs.place = f"family {block.name!r}"
        if block.help:
            parts.append(f"# HELP {block.name} {help_text(block.help, pairs.place)}\n")
        parts.append(f"# TYPE {block.name} {_WORDS[block.type]}\n")
        parts.extend(sample_lines(block.samples, pairs, str))
    return "".join(parts).encode()


def _names(family: Family) -> tuple[str, ...]:
    """Its own name; or, when it is named as OpenMetrics names it, that of its samples."""
    suffix = _SAMPLE_SUFFIX.get(family.type, "")
    return (family.name, family.name + suffix) if suffix else (family.name,)


def _created_apart(families: Iterable[FamilySamples]) -> Iterator[FamilySamples]:
    """The families with their ``_created`` samples as families of their own, where the name is free."""
    groups = list(families)
    taken = {group.family.name for group in groups}
    for group in groups:
        suffix = _SAMPLE_SUFFIX.get(group.family.type, "")
        name = f"{group.family.name.removesuffix(suffix)}_created"
        created = tuple(sample for sample in group.samples if sample.name == name)
        if not created or group.family.type not in _HAVE_CREATED or name in taken:
            yield group
            continue
        taken.add(name)
        yield replace(group, samples=tuple(sample for sample in group.samples if sample.name != name))
        yield FamilySamples(Family(name, MetricType.GAUGE, group.family.help), created)


_FORM: Final = Form(_SUFFIXES, _names, ordered)
