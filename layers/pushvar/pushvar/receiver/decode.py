"""Official protobuf messages -> series in one form for both versions. Pure.

What cannot be brought into that form (a reference that points nowhere, an odd number of references)
is a violation; what can be, however wrong it looks, is left to ``check``.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from struct import Struct
from typing import TYPE_CHECKING, Any, NamedTuple

from pushvar.model import STALE_BITS
from pushvar.receiver.envelope import V1
from pushvar.receiver.protobuf import parse
from pushvar.receiver.rules import Violation

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from pushvar.model import Labels

_DOUBLE, _BITS = Struct("<d"), Struct("<Q")


class Sample(NamedTuple):
    """One sample; ``bits`` are the value's 64 bits, because a stale marker does not survive arithmetic."""

    time_ms: int
    bits: int
    start_ms: int = 0

    @property
    def value(self) -> float:
        """The number, for showing and comparing; nothing is computed with a stale marker."""
        return value_of(self.bits)

    @property
    def is_stale(self) -> bool:
        """Whether this is a stale marker: exactly its bits, no other NaN."""
        return self.bits == STALE_BITS


class Exemplar(NamedTuple):
    """One exemplar as it was sent; ``labels`` are in the order of the message."""

    labels: Labels
    value: float
    time_ms: int


class Metadata(NamedTuple):
    """What a request states about a family (1.0) or about one series (2.0, ``family`` is empty then)."""

    family: str
    type: int
    help: str
    unit: str


@dataclass(frozen=True, slots=True)
class DecodedSeries:
    """One TimeSeries message: labels in the order in which they were sent, histograms by their timestamps."""

    labels: Labels
    samples: tuple[Sample, ...]
    histograms: tuple[int, ...] = ()
    exemplars: tuple[Exemplar, ...] = ()
    metadata: Metadata | None = None


@dataclass(frozen=True, slots=True)
class Decoded:
    """One request body. ``violations`` name what could not be decoded; those series are left out."""

    version: int
    series: tuple[DecodedSeries, ...] = ()
    metadata: tuple[Metadata, ...] = ()
    violations: list[Violation] = field(default_factory=list)


def decode(raw: bytes, version: int) -> Decoded:
    """Decode an uncompressed body as the given remote write version; never raises for bad bytes."""
    request, found = parse(raw, version)
    if request is None:
        return Decoded(version, violations=found)
    if not request.timeseries and not (version == V1 and request.metadata):
        found.append(
            Violation("request-empty", "", f"{len(raw)} bytes hold no series of version {version}.0")
        )
    if version == V1:
        metadata = tuple(
            Metadata(row.metric_family_name, row.type, row.help, row.unit) for row in request.metadata
        )
        return Decoded(version, tuple(map(_series_v1, request.timeseries)), metadata, found)
    symbols = list(request.symbols)
    found.extend(_check_symbols(symbols))
    return Decoded(version, tuple(_series_v2(request.timeseries, symbols, found)), (), found)


def bits_of(value: float) -> int:
    """The 64 bits of a float."""
    return int(_BITS.unpack(_DOUBLE.pack(value))[0])


def value_of(bits: int) -> float:
    """The float of 64 bits."""
    return float(_DOUBLE.unpack(_BITS.pack(bits))[0])


def _series_v1(row: Any) -> DecodedSeries:
    return DecodedSeries(
        _pairs(row.labels),
        tuple([Sample(one.timestamp, bits_of(one.value)) for one in row.samples]),
        tuple([one.timestamp for one in row.histograms]),
        tuple([Exemplar(_pairs(one.labels), one.value, one.timestamp) for one in row.exemplars]),
    )


def _pairs(labels: Sequence[Any]) -> Labels:
    return tuple([(label.name, label.value) for label in labels])


def _series_v2(rows: Sequence[Any], symbols: list[str], found: list[Violation]) -> Iterator[DecodedSeries]:
    for index, row in enumerate(rows):
        place = f"timeseries[{index}]"
        labels = _resolve(row.labels_refs, symbols, place, found)
        exemplars = tuple(
            [
                Exemplar(_resolve(one.labels_refs, symbols, place, found) or (), one.value, one.timestamp)
                for one in row.exemplars
            ]
        )
        if labels is not None:
            yield DecodedSeries(
                labels,
                tuple(
                    [Sample(one.timestamp, bits_of(one.value), one.start_timestamp) for one in row.samples]
                ),
                tuple([one.timestamp for one in row.histograms]),
                exemplars,
                _metadata_v2(row.metadata, symbols, place, found) if row.HasField("metadata") else None,
            )


def _resolve(refs: Sequence[int], symbols: list[str], place: str, found: list[Violation]) -> Labels | None:
    """Turn references into (name, value) pairs; None when they cannot be."""
    if len(refs) % 2:
        found.append(Violation("refs-even", "", f"{place} has {len(refs)} label references"))
        return None
    try:
        strings = [symbols[ref] for ref in refs]
    except IndexError:
        found.append(Violation("refs-range", "", f"{place}: {_out_of_range(max(refs), symbols)}"))
        return None
    return tuple(zip(strings[::2], strings[1::2], strict=True))


def _metadata_v2(row: Any, symbols: list[str], place: str, found: list[Violation]) -> Metadata:
    highest = max(row.help_ref, row.unit_ref)
    if highest >= len(symbols):
        found.append(Violation("metadata-refs", "", f"{place}: {_out_of_range(highest, symbols)}"))
        return Metadata("", row.type, "", "")
    return Metadata("", row.type, symbols[row.help_ref], symbols[row.unit_ref])


def _out_of_range(ref: int, symbols: list[str]) -> str:
    return f"reference {ref} into a table of {len(symbols)} symbols"


def _check_symbols(symbols: list[str]) -> Iterator[Violation]:
    if not symbols or symbols[0]:
        first = repr(symbols[0]) if symbols else "missing"
        yield Violation("symbols-first", "", f"the first symbol is {first}")
    seen: set[str] = set()
    for index, symbol in enumerate(symbols):
        if symbol in seen:
            yield Violation("symbols-unique", "", f"symbols[{index}] repeats {symbol!r}")
            return
        seen.add(symbol)
