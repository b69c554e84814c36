"""The type table of a tenant as every store keeps it: what may be added, and its form in bytes."""

from __future__ import annotations

import json
import zlib
from typing import TYPE_CHECKING

from pushvar.state.protocol import TYPES_BYTES, TYPES_PER_TENANT

if TYPE_CHECKING:
    from collections.abc import Mapping


def settled(table: Mapping[str, str], proposed: Mapping[str, str]) -> Mapping[str, str]:
    """The table with the proposed names that it lacks, as far as there is room; itself when none is added."""
    room = TYPES_PER_TENANT - len(table)
    room_bytes = TYPES_BYTES - sum(map(_size_bytes, table))
    added: dict[str, str] = {}
    for name, kind in proposed.items():
        if name in table or room == 0 or _size_bytes(name) > room_bytes:
            continue
        added[name] = kind
        room -= 1
        room_bytes -= _size_bytes(name)
    return {**table, **added} if added else table


def packed(table: Mapping[str, str]) -> bytes:
    """The table as it is stored: the names of each type, as JSON, zlib."""
    names: dict[str, list[str]] = {}
    for name, kind in table.items():
        names.setdefault(kind, []).append(name)
    return zlib.compress(json.dumps(names, ensure_ascii=False, separators=(",", ":")).encode())


def unpacked(body: bytes) -> dict[str, str]:
    """What ``packed`` was given."""
    by_type = json.loads(zlib.decompress(body))
    return {name: kind for kind, names in by_type.items() for name in names}


def _size_bytes(name: str) -> int:
    return len(name.encode())
