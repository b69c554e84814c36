"""OpenMetrics 1.0 as a push: read by the parser for what programs serve, where any fault refuses the body.

A sample keeps its name, a counter its ``_total``; a type that text format 0.0.4 does not know becomes one
that it does, and a sample that has no place in its family there (``_created``) is a family of its own, as
official clients print it in text. Exemplars and units are left out.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from pushvar.catalogue import LINE_FAULTS
from pushvar.convert.text import family_of
from pushvar.errors import BodyRefused
from pushvar.model import Family, MetricType
from pushvar.wire.exposition import FamilySamples, PrintedSample
from pushvar.wire.exposition.parse import parse

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pushvar.wire.exposition.parsed import Fault, ParsedFamily

CONTENT_TYPE: Final = "application/openmetrics-text"

_PARTS: Final = {
    MetricType.HISTOGRAM: ("_bucket", "_sum", "_count"),
    MetricType.SUMMARY: ("", "_sum", "_count"),
}
_CREATED: Final = "_created"
_UNENDED: Final = "no_eof"
"""Go's client pushes families without the mark at the end; that all of it came, HTTP says."""


def read_openmetrics(body: bytes) -> tuple[FamilySamples, ...]:
    """The families that have samples, in the order in which they come up. Raises BodyRefused."""
    exposition = parse(body, CONTENT_TYPE)
    faults = [fault for fault in exposition.faults if fault.reason != _UNENDED]
    if faults:
        raise _refused(min(faults))
    homes: dict[str, Family] = {}
    held: dict[Family, list[PrintedSample]] = {}
    for sample in exposition.samples:
        name, labels = sample.series
        if name not in homes:
            homes[name] = _home(name, exposition.families)
        printed = PrintedSample(name, labels, sample.value, sample.timestamp_ms)
        held.setdefault(homes[name], []).append(printed)
    return tuple([FamilySamples(family, tuple(samples)) for family, samples in held.items()])


def _home(name: str, described: Mapping[str, ParsedFamily]) -> Family:
    """The family of a sample's name as the text format has it."""
    family = family_of(name, described)
    if name in {family.name + part for part in _PARTS.get(family.type, ("",))}:
        kind = MetricType.GAUGE if family.type is MetricType.INFO else family.type
        return Family(family.name, kind, family.help)
    created = name.endswith(_CREATED) and family.type is not MetricType.UNKNOWN
    return Family(name, MetricType.GAUGE if created else MetricType.UNKNOWN, family.help)


def _refused(fault: Fault) -> BodyRefused:
    why = LINE_FAULTS[fault.reason].replace(" was left out", "")
    return BodyRefused(f"OpenMetrics parsing error in line {fault.line}: {why}")
