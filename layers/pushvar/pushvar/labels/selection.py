"""The series of many that relabelling leaves: their values cut out of those of all, at once. Pure."""

from __future__ import annotations

import struct
from functools import lru_cache
from itertools import groupby
from operator import itemgetter
from typing import TYPE_CHECKING

from pushvar.model import PATTERN_BYTES

if TYPE_CHECKING:
    from pushvar.model import Times


class Selection:
    """The places of these rows, ascending, among ``count`` of them. Equal choices share what cuts.

    Own times, where there are any, are those of the first rows: the health series have none.
    """

    __slots__ = ("_cut", "_rows")

    def __init__(self, rows: tuple[int, ...], count: int) -> None:
        self._rows = rows
        self._cut = _cut(rows, count)

    def __call__(self, values: bytes, times_ms: Times) -> tuple[bytes, Times]:
        """The values of the rows, and their own times if there are any."""
        count = len(times_ms)
        times_ms = tuple([times_ms[row] for row in self._rows if row < count]) if count else ()
        return b"".join(self._cut.unpack(values)), times_ms


@lru_cache(maxsize=1024)
def _cut(rows: tuple[int, ...], count: int) -> struct.Struct:
    """Takes runs of rows out of the patterns of all and jumps over the others, in one call."""
    wanted = set(rows)
    runs = groupby([(row in wanted, row) for row in range(count)], key=itemgetter(0))
    sizes = [(PATTERN_BYTES * len([*run]), keep) for keep, run in runs]
    return struct.Struct("<" + "".join(f"{size}{'s' if keep else 'x'}" for size, keep in sizes))
