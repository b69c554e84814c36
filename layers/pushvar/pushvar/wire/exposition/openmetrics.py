"""OpenMetrics text 1.0, strict enough for the strictest parser.

Source: OpenMetrics 1.0 specification, and what the official Python parser checks. Families with
clashing names follow the one rule in ``blocks``; the case that everybody meets is Go's
``go_memstats_alloc_bytes`` beside ``go_memstats_alloc_bytes_total``: when a counter's family name
(without ``_total``) is also the name of another family of the document, the counter keeps its sample
name and is printed as a family of type unknown under its full name. A sample's name never changes.

The specification forbids values too: negative or NaN counters, sums and counts, histograms whose
buckets do not grow to ``+Inf`` and ``_count``. The number matters more than the word before it, so such a
family is printed as unknown as long as it has such a value. UNIT is printed only where the family's
name ends in it, as the specification demands.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from pushvar.model import MetricType
from pushvar.wire.exposition.blocks import Form, arrange
from pushvar.wire.exposition.escape import PairTexts, quoted_text, sample_lines
from pushvar.wire.exposition.strictness import settle

if TYPE_CHECKING:
    from collections.abc import Iterable

    from pushvar.model import Family
    from pushvar.wire.exposition import FamilySamples
    from pushvar.wire.exposition.blocks import Block

CONTENT_TYPE: Final = "application/openmetrics-text; version=1.0.0; charset=utf-8"

_SUFFIXES: Final = {
    MetricType.COUNTER: ("_total", "_created"),
    MetricType.GAUGE: ("",),
    MetricType.HISTOGRAM: ("_bucket", "_sum", "_count", "_created"),
    MetricType.SUMMARY: ("", "_sum", "_count", "_created"),
    MetricType.INFO: ("_info",),
    MetricType.UNKNOWN: ("",),
}
_SAMPLE_SUFFIX: Final = {MetricType.COUNTER: "_total", MetricType.INFO: "_info"}


def encode(families: Iterable[FamilySamples]) -> bytes:
    """The document in UTF-8 up to ``# EOF``, timestamps in seconds.

    Families keep their order; samples of a histogram or summary are put together as the format
    demands. Raises EncodeError for a family without a type or that comes twice, an illegal name,
    text that is not Unicode.
    """
    parts: list[str] = []
    pairs = PairTexts()
    for block in arrange(families, _FORM):
        pairs.place = f"family {block.name!r}"
        parts.append(_header(block, pairs.place))
        parts.extend(sample_lines(block.samples, pairs, _seconds))
    parts.append("# EOF\n")
    return "".join(parts).encode()


def _header(block: Block, place: str) -> str:
    unit = block.unit if block.type is not MetricType.INFO and block.name.endswith(f"_{block.unit}") else ""
    return (
        (f"# HELP {block.name} {quoted_text(block.help, f'{place}: HELP')}\n" if block.help else "")
        + f"# TYPE {block.name} {block.type}\n"
        + (f"# UNIT {block.name} {unit}\n" if unit else "")
    )


def _seconds(time_ms: int) -> str:
    whole, rest_ms = divmod(abs(time_ms), 1000)
    return f"{'-' if time_ms < 0 else ''}{whole}" + (f".{rest_ms:03d}" if rest_ms else "")


def _names(family: Family) -> tuple[str, ...]:
    """The family's name without the suffix that its samples bear; none when nothing else is in it."""
    name = family.name.removesuffix(_SAMPLE_SUFFIX.get(family.type, ""))
    return (name,) if name else ()


_FORM: Final = Form(_SUFFIXES, _names, settle)
