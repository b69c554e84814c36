"""Remote write 2.0: the packed series of 1.0 as one Request, with its symbols and metadata. No I/O.

Series travel through pushvar as packed 1.0 (plans, batches, spool); this is the last step before
compression. The 16 bytes of value and timestamp are the same in both versions and are copied as they are,
so a stale marker stays one. What lies around them depends on the labels alone: it is compiled once for
every sequence of templates that makes up a request, and replayed.

Messages and field numbers: the remote-write 2.0 specification; ``wire/proto/write_v2.proto`` repeats them.
"""

from __future__ import annotations

import struct
from collections import OrderedDict
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise
from typing import TYPE_CHECKING

from pushvar.errors import EncodeError
from pushvar.wire.remote_write import v1
from pushvar.wire.remote_write.packed import series_of
from pushvar.wire.remote_write.packing import length_delimited, varint
from pushvar.wire.remote_write.symbols import Symbols

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from pushvar.model import Family, SeriesTemplate

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


@dataclass(frozen=True, slots=True)
class _Compiled:
    """A request without its samples: ``pieces`` with a slot after each, and what cuts samples out of parts.

    ``count`` says how many series there are; ``unknown`` is whether one of them had no family.
    """

    pieces: list[bytes]
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
    ) -> bytes:
        """One Request, not compressed, with the samples of all parts in their order.

        ``templates`` says of each part which template packed the whole of it; where any is None, nothing is
        kept. ``families`` (by name) give the metadata of their series; it may grow from call to call,
        but not change: another mapping makes all be compiled anew. Raises EncodeError for parts that are
        not packed series.
        """
        if len(templates) != len(parts) or None in templates:
            series = [one for part in parts for one in series_of(part)]
            pieces, _ = _pieces(series, families)
            pieces[1::2] = [one[-v1.SAMPLE_BYTES :] for one in series]
            return b"".join(pieces)
        compiled = self._of(tuple(templates), parts, families)
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
    ) -> _Compiled:
        """The compiled request of these templates, made now when it is not known or families came."""
        if families is not self._families or len(families) != self._known:
            self._look_again(families)
        compiled = self._compiled.get(templates)
        if compiled is None:
            compiled = _compile(templates, parts, families)
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
    templates: tuple[SeriesTemplate | None, ...], parts: Sequence[bytes], families: Mapping[str, Family]
) -> _Compiled:
    series: list[bytes] = []
    cuts = []
    for template, part in zip(templates, parts, strict=True):
        if template is not None:
            offsets = template.offsets
            series += [part[first:after] for first, after in pairwise(offsets)]
            cuts.append(_cut(tuple(after - first for first, after in pairwise(offsets))))
    pieces, unknown = _pieces(series, families)
    return _Compiled(pieces, tuple(cuts), len(series), unknown)


@lru_cache(maxsize=1024)
def _cut(sizes: tuple[int, ...]) -> Callable[[bytes], tuple[bytes, ...]]:
    """Takes the samples out of packed series of these sizes, in one call."""
    form = "".join(f"{size - v1.SAMPLE_BYTES}x{v1.SAMPLE_BYTES}s" for size in sizes)
    return struct.Struct(form).unpack


def _pieces(series: Sequence[bytes], families: Mapping[str, Family]) -> tuple[list[bytes], bool]:
    """What stands before, between and after the samples, with a slot for each sample between two.

    The metadata of a series follows its sample, and so shares a piece with the head of the next. Says
    also whether a series had no family.
    """
    symbols = Symbols(families)
    heads, tails = [], [b""]
    for one in series:
        refs, metadata = symbols.of(one)
        head = length_delimited(_REFS, refs)
        size = len(head) + v1.SAMPLE_BYTES + len(metadata)
        heads.append(varint(_SERIES << 3 | 2) + varint(size) + head)
        tails.append(metadata)
    pieces = [b""] * (2 * len(series) + 1)
    pieces[0::2] = [tail + head for tail, head in zip(tails, [*heads, b""], strict=True)]
    pieces[0] = symbols.packed() + pieces[0]
    return pieces, symbols.unknown
