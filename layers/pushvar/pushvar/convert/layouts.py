"""Layouts by shape and label names: what a process lays out once, however many targets it meets.

A fleet's targets have labels of a few sets of names, so nearly every plan finds its layout here. It is found
by the shape's rows themselves, not by what they say: that would have to be hashed for each plan.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from pushvar.convert.health import target_health_rows
from pushvar.wire.remote_write.layout import compile_layout

if TYPE_CHECKING:
    from pushvar.convert.plan import Stamp
    from pushvar.model import Row, Shape
    from pushvar.wire.remote_write.layout import Layout, Series

ROW_LIMIT = 50_000
"""Series of all layouts that are kept. Plans that are made do not need them."""


class Placed(NamedTuple):
    """A layout, and the places of the labels that go into it among those of a stamp, in its order.

    ``conflicts`` counts the rows' labels that had to be renamed.
    """

    layout: Layout
    places: tuple[int, ...]
    conflicts: int


class _Kept(NamedTuple):
    """What was found, once it was looked for. The rows are kept, so that their id stays theirs."""

    rows: tuple[Row, ...]
    placed: Placed | None = None
    tried: bool = False


class Layouts:
    """The layouts that a process used last. Threads may share them."""

    def __init__(self, row_limit: int = ROW_LIMIT) -> None:
        self._kept: dict[tuple[object, ...], _Kept] = {}
        self._rows = 0
        self._row_limit = row_limit
        self.cache_clear = self.clear  # as caches of functools have it: who empties those empties this too

    def find(self, stamp: Stamp, shape: Shape, names: tuple[str, ...]) -> Placed | None:
        """Where the labels of a stamp go among those of a shape's rows.

        ``names`` are those of the stamp's external and then its target's labels, none of them empty. None
        when the rows say one of these names too, when one of them stands before ``__name__``, or when
        two rows would be the same series. None also for the first plan of a kind: a layout costs more than
        that plan, and there may be no second.
        """
        key = (id(shape.rows), len(stamp.external), names, stamp.honor, stamp.target.pushed)
        known = self._kept.get(key)
        if known is None:
            self._keep(key, _Kept(shape.rows))
            return None
        if not known.tried:
            known = self._kept[key] = _Kept(shape.rows, _placed(stamp, shape, names), tried=True)
        return known.placed

    def clear(self) -> None:
        """Forget all, as a new process would."""
        self._kept, self._rows = {}, 0

    def _keep(self, key: tuple[object, ...], new: _Kept) -> None:
        rows = len(new.rows) + 1
        if rows > self._row_limit:
            return
        if self._rows + rows > self._row_limit:
            self.clear()
        self._kept[key] = new
        self._rows += rows


def _placed(stamp: Stamp, shape: Shape, names: tuple[str, ...]) -> Placed | None:
    places = {name: place for place, name in enumerate(names)}  # the target's go before external ones
    order = sorted(places, key=str.encode)
    own = stamp.own
    settled: dict[tuple[str, ...], tuple[tuple[str, ...], int]] = {}
    rows: list[Series] = []
    conflicts = 0
    for row in (*shape.rows, *target_health_rows(stamp.target, 0)):
        said, values = tuple([name for name, _ in row.labels]), tuple([value for _, value in row.labels])
        known = settled.get(said)
        if known is None:  # what labels are called depends on no value
            labels, renamed = stamp.settled(row.labels, own)
            known = settled[said] = (tuple([name for name, _ in labels]), renamed)
        rows.append((row.name, known[0], values))
        conflicts += known[1]
    layout = compile_layout(rows, order)
    if layout is None:
        return None
    return Placed(layout, tuple([places[name] for name in order]), conflicts)
