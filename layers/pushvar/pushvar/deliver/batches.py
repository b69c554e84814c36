"""Scrapes -> batches: packed series cut into requests by samples and by bytes. Pure.

Remote write 2.0 is compiled once for every sequence of targets that makes up a request. So that one target
that is late or away does not move all that come behind it into other requests, a request also ends before a
target that began one the last time, once it is mostly full.

What a target's ``_created`` samples say of its series goes along, but not with a target that is split.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pushvar.deliver.starts import starts_ms
from pushvar.model import Batch

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from pushvar.model import Scrape, SeriesTemplate, Times

    Piece = tuple[bytes, int, SeriesTemplate | None, Times]
    """Packed series, how many; when they are all of a template, that, and when each began, if known."""

MAX_BYTES = 900_000
"""Uncompressed bytes of one request: safe below 1 MB however a receiver means its limit."""


MOSTLY = 0.75
"""A request that ends at a seam is full to this share at least."""


def cut(
    scrapes: Iterable[Scrape], *, max_samples: int, max_bytes: int = MAX_BYTES, seams: set[str] | None = None
) -> Iterator[Batch]:
    """Pack the scrapes in their order; a target is only split when it alone is over a limit.

    ``seams`` are the keys of targets that began a request when they were last sent; it is kept up to date.
    """
    pieces: list[Piece] = []
    samples = size = 0
    for scrape in scrapes:
        key, most = scrape.plan.target.key, float(max_samples)
        if seams is not None and key in seams:
            seams.remove(key)
            most *= MOSTLY
        for piece in _pieces(scrape, max_samples, max_bytes):
            part, count, _, _ = piece
            if pieces and (samples + count > max_samples or samples >= most or size + len(part) > max_bytes):
                yield _batch(pieces, samples, size)
                pieces, samples, size = [], 0, 0
            if not pieces and seams is not None:
                seams.add(key)
            pieces.append(piece)
            samples += count
            size += len(part)
    if pieces:
        yield _batch(pieces, samples, size)


def _batch(pieces: Sequence[Piece], samples: int, size_bytes: int) -> Batch:
    parts, _, templates, starts = zip(*pieces, strict=True)
    return Batch(parts, samples, size_bytes, templates, starts if any(starts) else ())


def _pieces(scrape: Scrape, max_samples: int, max_bytes: int) -> Iterable[Piece]:
    template = scrape.plan.template
    packed = template.pack(scrape.values, scrape.time_ms, scrape.times_ms)
    count = template.count
    if count > max_samples or len(packed) > max_bytes:
        return _split(packed, template, max_samples, max_bytes)
    if not count:  # an empty request is a fault to a receiver
        return ()
    return ((packed, count, template, starts_ms(scrape) if template.created else ()),)


def _split(packed: bytes, template: SeriesTemplate, max_samples: int, max_bytes: int) -> Iterator[Piece]:
    offsets = template.offsets
    first = 0
    for after in range(1, len(offsets)):
        last = after == len(offsets) - 1
        if last or after - first == max_samples or offsets[after + 1] - offsets[first] > max_bytes:
            yield packed[offsets[first] : offsets[after]], after - first, None, ()
            first = after
