"""The structure of a document: its keys and what kind of value stands where, without the values.

Two documents of one structure give the same series, so a shape is compiled once for each. Lists are
leaves: their length may change without changing a series.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pushvar.catalogue import RING_FIELDS, RING_SLOTS

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

Path = tuple[str, ...]
Structure = tuple[Any, ...]
"""(key, kind or Structure) pairs, hashable, in document order."""

NUMBER, BOOL, STRING, NULL, LIST, RING, HUGE = "number", "bool", "string", "null", "list", "ring", "huge"

_KINDS = {bool: BOOL, float: NUMBER, str: STRING, type(None): NULL}
_WIDEST_FLOAT_BITS = 1023


@dataclass(frozen=True, slots=True)
class Leaf:
    """A value that is no object: where it stands (keys from the top) and of what kind it is."""

    path: Path
    kind: str

    @property
    def text(self) -> str:
        """The path as people read it, ``/`` between the keys."""
        return "/".join(self.path)


def structure(values: Mapping[str, Any], path: Path = ()) -> Structure:
    """The structure of a document: equal for two documents exactly when one shape serves both."""
    return tuple(
        (key, structure(value, (*path, key)) if isinstance(value, dict) else _kind((*path, key), value))
        for key, value in values.items()
    )


def leaves(of: Structure, path: Path = ()) -> Iterator[Leaf]:
    """Every leaf of a structure, in document order."""
    for key, kind in of:
        if isinstance(kind, tuple):
            yield from leaves(kind, (*path, key))
        else:
            yield Leaf((*path, key), kind)


def _kind(path: Path, value: Any) -> str:
    if type(value) is int:
        return NUMBER if value.bit_length() <= _WIDEST_FLOAT_BITS else HUGE
    if isinstance(value, list):
        return RING if path in RING_FIELDS and _is_ring(value) else LIST
    return _KINDS[type(value)]


def _is_ring(value: list[Any]) -> bool:
    return len(value) == RING_SLOTS and all(type(slot) is int and 0 <= slot < 1 << 64 for slot in value)
