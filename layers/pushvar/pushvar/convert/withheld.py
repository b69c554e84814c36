"""Samples that a document does not give this time: a torn histogram, a text that is no number.

Rows follow from the structure, so they are there at every fetch. A reader that cannot say a row's number
gives ``WITHHELD``, a NaN of a pattern that no decoder makes; before the values leave this wing, such rows
are taken out of values and shape alike. So a backend sees what it would see had the program not published
them: no sample, never a NaN or an invented number.
"""

from __future__ import annotations

import struct
from dataclasses import replace
from typing import TYPE_CHECKING

from pushvar.model import PATTERN_BYTES, Skipped

if TYPE_CHECKING:
    from pushvar.model import Shape

_PATTERN = struct.pack("<Q", 0x7FF8_7075_7368_7661)  # a quiet NaN: moving it never changes its bits
WITHHELD: float = struct.unpack("<d", _PATTERN)[0]


def withheld_rows(values: bytes) -> tuple[int, ...]:
    """The indexes of the rows that have no sample in these values; almost always none."""
    if _PATTERN not in values:
        return ()
    steps = range(0, len(values), PATTERN_BYTES)
    return tuple(at // PATTERN_BYTES for at in steps if values[at : at + PATTERN_BYTES] == _PATTERN)


def without(shape: Shape, values: bytes, rows: tuple[int, ...]) -> tuple[Shape, bytes]:
    """Shape and values without these rows, the rows among what is skipped; the shape reads no document."""
    gone = set(rows)
    kept = [index for index in range(len(shape.rows)) if index not in gone]
    skipped = tuple(Skipped(shape.rows[index].path, shape.doubts.get(index, "withheld")) for index in rows)
    reduced = replace(
        shape,
        rows=tuple(shape.rows[index] for index in kept),
        skipped=(*shape.skipped, *dict.fromkeys(skipped)),
        doubts={},
    )
    left = b"".join(values[index * PATTERN_BYTES : (index + 1) * PATTERN_BYTES] for index in kept)
    return reduced, left
