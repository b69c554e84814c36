"""Scrapes -> batches: packed series cut into requests by samples and by bytes. Pure.

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


def cut(scrapes: Iterable[Scrape], *, max_samples: int, max_bytes: int = MAX_BYTES) -> Iterator[Batch]:
    """Pack the scrapes in their order; a target is only split when it alone is over a limit."""
    pieces: list[Piece] = []
    samples = size = 0
    for scrape in scrapes:
        for piece in _pieces(scrape, max_samples, max_bytes):
            part, count = piece[:2]
            if pieces and (samples + count > max_samples or size + len(part) > max_bytes):
                yield _batch(pieces, samples, size)
                pieces, samples, size = [], 0, 0
            pieces.append(piece)
            samples += count
            size += len(part)
    if pieces:
        yield _batch(pieces, samples, size)


def _batch(pieces: Sequence[Piece], samples: int, size_bytes: int) -> Batch:
    parts, _, templates, starts = zip(*pieces, strict=True)
    return Batch(parts, samples, size_bytes, templates, starts if any(starts) else ())


def _pieces(scrape: Scrape, max_samples: int, max_bytes: int) -> Iterator[Piece]:
    template = scrape.plan.template
    packed = template.pack(scrape.values, scrape.time_ms, scrape.times_ms)
    count = template.count
    if count <= max_samples and len(packed) <= max_bytes:
        if count:  # an empty request is a fault to a receiver
            yield packed, count, template, starts_ms(scrape) if template.created else ()
        return
    yield from _split(packed, template, max_samples, max_bytes)


def _split(packed: bytes, template: SeriesTemplate, max_samples: int, max_bytes: int) -> Iterator[Piece]:
    offsets = template.offsets
    first = 0
    for after in range(1, len(offsets)):
        last = after == len(offsets) - 1
        if last or after - first == max_samples or offsets[after + 1] - offsets[first] > max_bytes:
            yield packed[offsets[first] : offsets[after]], after - first, None, ()
            first = after
