"""Prometheus text format 0.0.4: what every scraper and the Pushgateway read.

Source: Prometheus docs, "Exposition formats". A family is printed under the name of its samples (a
counter with its ``_total``). Families that clash as parsers of this format group samples (histogram
``x`` beside gauge ``x_count``) follow the rule in ``blocks``; the Pushgateway refuses a body for it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from pushvar.model import MetricType
from pushvar.wire.exposition.blocks import Form, arrange
from pushvar.wire.exposition.escape import PairTexts, help_text, sample_lines

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from pushvar.model import Family
    from pushvar.wire.exposition import FamilySamples, PrintedSample

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


def encode(families: Iterable[FamilySamples]) -> bytes:
    """The document in UTF-8, families in the given order, timestamps in ms.

    Raises EncodeError for a family without a type or that comes twice, an illegal name, text that
    is not Unicode.
    """
    parts: list[str] = []
    pairs = PairTexts()
    for block in arrange(families, _FORM):
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


def _as_given(_type: MetricType, _name: str, samples: Sequence[PrintedSample]) -> Sequence[PrintedSample]:
    return samples


_FORM: Final = Form(_SUFFIXES, _names, _as_given)
