"""Remote write 2.0: the packed series of 1.0 as one Request, with its symbols and metadata. No I/O.

Series travel through pushvar as packed 1.0 (plans, batches, spool); this is the last step before
compression. Value and timestamp are the same bytes in both versions and are copied as they are, so a stale
marker stays one. What lies around them depends on the labels, and on when the series began: it is compiled
once for every sequence of templates that makes up a request, and replayed.

Messages and field numbers: the remote-write 2.0 specification; ``wire/proto/write_v2.proto`` repeats them.
"""

from __future__ import annotations

import struct
from collections import OrderedDict
from dataclasses import dataclass
from functools import lru_cache
from itertools import chain, pairwise, repeat
from typing import TYPE_CHECKING

from pushvar.errors import EncodeError
from pushvar.wire.remote_write import v1
from pushvar.wire.remote_write.packed import series_of
from pushvar.wire.remote_write.packing import length_delimited, timestamp, varint
from pushvar.wire.remote_write.symbols import Symbols

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from pushvar.model import Family, SeriesTemplate, Times

HEADERS = {
    "Content-Encoding": "snappy",
    # Without a space: the parser of client_golang would not see the parameter and take it for 1.0.
    "Content-Type": "application/x-protobuf;proto=io.prometheus.write.v2.Request",
    "X-Prometheus-Remote-Write-Version": "2.0.0",
}

SERIES_LIMIT = 1_000_000
"""Series of all compiled requests that an encoder keeps, about 95 bytes each: as many as there may be plans
for, since requests come round in turn, and of fewer none would be found again."""

_SERIES = 5  # field of Request
_REFS = 1  # field of TimeSeries

_SLOT_BYTES = v1.SAMPLE_BYTES - len(v1.SAMPLE_HEAD)  # value, tag and timestamp: what changes in every cycle
_STARTED_HEAD = b"\x12\x17\x09"  # as that of 1.0, for a sample of 23 bytes
_START_TAG = b"\x18"  # field 3 of Sample as varint: the start timestamp, 6 bytes

_UNKNOWN = repeat(None)
"""When series began of which nobody knows."""


@dataclass(frozen=True, slots=True)
class _Compiled:
    """A request without values and times: ``pieces`` with a slot after each, and what cuts them out of parts.

    ``starts`` are in the pieces. ``count`` says how many series there are; ``unknown`` is whether one of
    them had no family.
    """

    pieces: list[bytes]
    starts: Sequence[Times]
    cuts: tuple[Callable[[bytes], tuple[bytes, ...]], ...]
    count: int
    unknown: bool


class RequestEncoder:
    """Makes 2.0 requests of packed series, and keeps those compiled that come again in every cycle."""

    def __init__(self, *, series_limit: int = SERIES_LIMIT) -> None:
        self._compiled: OrderedDict[tuple[SeriesTemplate | None, ...], _Compiled] = OrderedDict()
        self._families: Mapping[str, Family] = {}
        self._known = 0
        self._kept = 0
        self._limit = series_limit

    def encode(
        self,
        parts: Sequence[bytes],
        templates: Sequence[SeriesTemplate | None],
        families: Mapping[str, Family],
        starts: Sequence[Times] = (),
    ) -> bytes:
        """One Request, not compressed, with the samples of all parts in their order.

        ``templates`` says of each part which template packed the whole of it; where any is None, nothing is
        kept. ``families`` (by name) give the metadata of their series; it may grow from call to call,
        but not change: another mapping makes all be compiled anew. ``starts`` says of each part when its
        series began, in ms, () of one where nobody knows; it is not sent where templates are missing. New
        ones cost as much as new templates. Raises EncodeError for parts that are not packed series.
        """
        if len(templates) != len(parts) or None in templates:
            series = [one for part in parts for one in series_of(part)]
            pieces, _ = _pieces(series, families)
            pieces[1::2] = [one[-_SLOT_BYTES:] for one in series]
            return b"".join(pieces)
        compiled = self._of(tuple(templates), parts, families, starts)
        pieces = compiled.pieces.copy()
        samples: list[bytes] = []
        try:
            for cut, part in zip(compiled.cuts, parts, strict=True):
                samples += cut(part)
        except struct.error as error:
            raise EncodeError(f"a part is not what its template packs: {error}") from None
        pieces[1::2] = samples
        return b"".join(pieces)

    def _of(
        self,
        templates: tuple[SeriesTemplate | None, ...],
        parts: Sequence[bytes],
        families: Mapping[str, Family],
        starts: Sequence[Times],
    ) -> _Compiled:
        """The compiled request of these templates: made now when unknown, or when families or starts came."""
        if families is not self._families or len(families) != self._known:
            self._look_again(families)
        compiled = self._compiled.get(templates)
        if compiled is None or compiled.starts != starts:
            if compiled is not None:  # its place is taken: a start that moves in every cycle adds nothing
                self._kept -= self._compiled.pop(templates).count
            compiled = _compile(templates, parts, families, starts)
            self._compiled[templates] = compiled
            self._kept += compiled.count
            while self._kept > self._limit and len(self._compiled) > 1:
                self._kept -= self._compiled.popitem(last=False)[1].count
        else:
            self._compiled.move_to_end(templates)
        return compiled

    def _look_again(self, families: Mapping[str, Family]) -> None:
        """Drop what might have metadata now, or other."""
        grown = families is self._families
        for templates, compiled in list(self._compiled.items()):
            if compiled.unknown or not grown:
                del self._compiled[templates]
                self._kept -= compiled.count
        self._families, self._known = families, len(families)


def _compile(
    templates: tuple[SeriesTemplate | None, ...],
    parts: Sequence[bytes],
    families: Mapping[str, Family],
    starts: Sequence[Times],
) -> _Compiled:
    series: list[bytes] = []
    cuts = []
    for template, part in zip(templates, parts, strict=True):
        if template is not None:
            offsets = template.offsets
            series += [part[first:after] for first, after in pairwise(offsets)]
            cuts.append(_cut(tuple(after - first for first, after in pairwise(offsets))))
    began = _in_order(templates, starts) if starts else _UNKNOWN
    pieces, unknown = _pieces(series, families, began)
    return _Compiled(pieces, starts, tuple(cuts), len(series), unknown)


def _in_order(templates: tuple[SeriesTemplate | None, ...], starts: Sequence[Times]) -> Iterable[int | None]:
    """When each series of a request began."""
    pairs = zip(templates, starts, strict=True)
    return chain.from_iterable(own or (None,) * (one.count if one else 0) for one, own in pairs)


@lru_cache(maxsize=1024)
def _cut(sizes: tuple[int, ...]) -> Callable[[bytes], tuple[bytes, ...]]:
    """Takes values and times out of packed series of these sizes, in one call."""
    form = "".join(f"{size - _SLOT_BYTES}x{_SLOT_BYTES}s" for size in sizes)
    return struct.Struct(form).unpack


def _pieces(
    series: Sequence[bytes], families: Mapping[str, Family], starts: Iterable[int | None] = _UNKNOWN
) -> tuple[list[bytes], bool]:
    """What stands before, between and after values and times, with a slot for both between two.

    What follows the time of a sample, its start and the metadata of its series, shares a piece with the head
    of the next. Says also whether a series had no family.
    """
    symbols = Symbols(families)
    heads, tails = [], [b""]
    for one, start_ms in zip(series, starts, strict=False):
        refs, metadata = symbols.of(one)
        sample_head, start = v1.SAMPLE_HEAD, b""
        if start_ms is not None:
            sample_head, start = _STARTED_HEAD, _START_TAG + timestamp(start_ms)
        head = length_delimited(_REFS, refs)
        size = len(head) + v1.SAMPLE_BYTES + len(start) + len(metadata)
        heads.append(varint(_SERIES << 3 | 2) + varint(size) + head + sample_head)
        tails.append(start + metadata)
    pieces = [b""] * (2 * len(series) + 1)
    pieces[0::2] = [tail + head for tail, head in zip(tails, [*heads, b""], strict=True)]
    pieces[0] = symbols.packed() + pieces[0]
    return pieces, symbols.unknown
