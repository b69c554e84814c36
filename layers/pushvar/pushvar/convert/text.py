"""Exposition text -> series: rows and families of a parsed document, and the shape that reads it again.

Names and labels are the program's own; nothing is mapped. A family is named as its samples are:
OpenMetrics' counter ``x`` with sample ``x_total`` is family ``x_total``, as in the text format, so that
a name has one type whichever format a target speaks. Exemplars are read and not sent.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, NoReturn

from pushvar.catalogue import HEALTH
from pushvar.convert.input_format import TEXT_RULE
from pushvar.convert.text_reader import OtherText, reader
from pushvar.errors import DecodeError
from pushvar.model import Family, MetricType, Repair, Row, Shape, Skipped
from pushvar.wire.exposition.parse import parse
from pushvar.wire.remote_write.packing import is_timestamp

if TYPE_CHECKING:
    from collections.abc import Hashable, Mapping

    from pushvar.model import Times
    from pushvar.wire.exposition.parsed import Exposition, ParsedFamily, ParsedSample, Series

_TYPES: Final = {
    "counter": MetricType.COUNTER,
    "gauge": MetricType.GAUGE,
    "histogram": MetricType.HISTOGRAM,
    "summary": MetricType.SUMMARY,
    "info": MetricType.INFO,
    "stateset": MetricType.GAUGE,  # each state is a series that is 0 or 1
}
"""Types of the formats as the house knows them; the rest (gauge histograms) is unknown."""

_SUFFIXES: Final = {
    "counter": ("_total", "_created"),
    "histogram": ("_bucket", "_sum", "_count", "_created"),
    "summary": ("_sum", "_count", "_created"),
    "gaugehistogram": ("_bucket", "_gsum", "_gcount"),
    "info": ("_info",),
}
_ENDINGS: Final = tuple(sorted({ending for endings in _SUFFIXES.values() for ending in endings}))
_BEARS_SUFFIX: Final = {"counter": "_total", "info": "_info"}
_UNTIMELY: Final = "its timestamp lies outside 1970..2109"
_RESERVED: Final = frozenset(family.name for family in HEALTH)


@dataclass(frozen=True, slots=True)
class Read:
    """A document read the general way: its series, their values and times, and what went wrong.

    ``key`` is equal for two documents exactly when one shape serves both.
    """

    exposition: Exposition
    kept: tuple[ParsedSample, ...]
    families: tuple[Family, ...]
    family_of: tuple[int, ...]
    skipped: tuple[Skipped, ...]
    honor_timestamps: bool

    @property
    def key(self) -> Hashable:
        """The series, their families, and the lines that were left out."""
        series = tuple([sample.series for sample in self.kept])
        return series, self.families, self.family_of, self.skipped, self.exposition.faults

    @property
    def values(self) -> bytes:
        """The 64-bit patterns of the rows."""
        return struct.pack(f"<{len(self.kept)}d", *[sample.value for sample in self.kept])

    @property
    def times_ms(self) -> Times:
        """The samples' own times; empty when none has one, or when they are not wanted."""
        if not self.honor_timestamps:
            return ()
        times = tuple([sample.timestamp_ms for sample in self.kept])
        return () if times.count(None) == len(times) else times


def read(body: bytes, content_type: str = "", *, honor_timestamps: bool = True) -> Read:
    """Read a document. Raises DecodeError (``bad_format``) when not one line of it is a sample."""
    exposition = parse(body, content_type)
    if exposition.faults and not exposition.samples:
        first = exposition.faults[0]
        raise DecodeError("bad_format", f"no Prometheus text: line {first.line}: {first.reason}")
    kept: list[ParsedSample] = []
    skipped: list[Skipped] = []
    seen: set[Series] = set()
    for sample in exposition.samples:
        reason = _reason(sample, seen, honor_timestamps=honor_timestamps)
        if reason:
            skipped.append(Skipped(f"line {sample.line}", reason))
        else:
            seen.add(sample.series)
            kept.append(sample)
    families, places = _families(kept, exposition.families)
    return Read(exposition, tuple(kept), families, places, tuple(skipped), honor_timestamps)


def compile_text(document: Read, body: bytes, repairs: tuple[Repair, ...] = ()) -> Shape:
    """The shape of a document that was read: it takes a body of the same lines and only reads values."""
    faults = tuple(Repair(fault.reason, f"line {fault.line}") for fault in document.exposition.faults)
    return Shape(
        families=document.families,
        rows=tuple(
            [
                Row(sample.series.name, place, sample.series.labels, sample.series.name, TEXT_RULE)
                for sample, place in zip(document.kept, document.family_of, strict=True)
            ]
        ),
        read_document=_no_document,
        skipped=document.skipped,
        repairs=(*faults, *repairs),
        **reading(document, body),
    )


def reading(document: Read, body: bytes) -> dict[str, Any]:
    """The functions of a shape that read bodies of the same lines as this one."""
    again = reader(body, document.exposition, document.kept)
    untimely = any(one.reason == _UNTIMELY for one in document.skipped)  # the next one may be in time
    timed = again.timed and document.honor_timestamps
    return {
        "decode": _refuse if untimely else again.decode,
        "read_typed": again.values,
        "read_times": again.times_ms if timed else None,
    }


def family_of(name: str, families: Mapping[str, ParsedFamily]) -> Family:
    """The family of a sample name: metadata of that name, or of the name without a suffix of its type."""
    known = families.get(name)
    for ending in _ENDINGS if known is None else ():
        stem = families.get(name.removesuffix(ending)) if name.endswith(ending) else None
        if stem is not None and ending in _SUFFIXES.get(stem.type, ()):
            known = stem
    if known is None:
        return Family(name, MetricType.UNKNOWN)
    suffix = _BEARS_SUFFIX.get(known.type, "")
    own = known.name if name == known.name else known.name + suffix
    return Family(own, _TYPES.get(known.type, MetricType.UNKNOWN), known.help, known.unit)


def _families(
    kept: list[ParsedSample], described: Mapping[str, ParsedFamily]
) -> tuple[tuple[Family, ...], tuple[int, ...]]:
    """The families of the samples, one of a name, and the place of each sample's among them."""
    families: dict[str, Family] = {}
    places: dict[str, int] = {}
    named: dict[str, int] = {}
    for sample in kept:
        name = sample.series.name
        if name not in named:
            family = family_of(name, described)
            named[name] = places.setdefault(family.name, len(families))
            families.setdefault(family.name, family)
    return tuple(families.values()), tuple([named[sample.series.name] for sample in kept])


def _reason(sample: ParsedSample, seen: set[Series], *, honor_timestamps: bool) -> str:
    """Why a sample gives no series; empty when it does."""
    if sample.series in seen:
        return f"duplicate of an earlier {sample.series.name}"
    if sample.series.name in _RESERVED:
        return f"{sample.series.name} is a health series"
    if honor_timestamps and sample.timestamp_ms is not None and not is_timestamp(sample.timestamp_ms):
        return _UNTIMELY
    return ""


def _refuse(_: bytes) -> NoReturn:
    raise OtherText


def _no_document(_: Mapping[str, Any]) -> NoReturn:
    raise TypeError("text is read from bytes")
