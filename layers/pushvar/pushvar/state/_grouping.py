"""Groupings of pushed groups and their shapes as every store keeps them: JSON text, and what may be added."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from msgspec.json import Decoder, encode

from pushvar.state.protocol import SHAPES_BYTES, SHAPES_PER_TENANT

if TYPE_CHECKING:
    from pushvar.model import Grouping

_GROUPING: Final = Decoder(
    tuple[tuple[str, str], ...]
)  # a listing reads thousands: json takes 7 times as long
_SHAPE: Final = Decoder(tuple[str, ...])


def packed(grouping: Grouping) -> str:
    """A grouping as it is stored."""
    return encode(grouping).decode()


def unpacked(text: str) -> Grouping:
    """What ``packed`` was given."""
    return _GROUPING.decode(text)


def packed_shape(grouping: Grouping) -> str:
    """The label names of a grouping as they are stored."""
    return encode([name for name, _ in grouping]).decode()


def unpacked_shape(text: str) -> tuple[str, ...]:
    """The label names that ``packed_shape`` found."""
    return _SHAPE.decode(text)


def shape_bytes(shape: str) -> int:
    """What a stored shape counts."""
    return len(shape.encode())


def has_room(shapes: int, held_bytes: int, shape: str) -> bool:
    """Whether a tenant that has so many shapes, of so many bytes, may have this one as well."""
    return shapes < SHAPES_PER_TENANT and held_bytes + shape_bytes(shape) <= SHAPES_BYTES
