"""The label bytes of one shape's series, laid out once for all targets with labels of the same names.

Labels are sorted by name, so where a target's labels stand among a row's own is the same for every target
that has these names. What comes before the first of them does not depend on the target at all, and is
shared by all; behind it, rows with the same labels of their own share what one target makes of them.
"""

from __future__ import annotations

from bisect import bisect
from dataclasses import dataclass, field
from itertools import cycle, pairwise
from operator import add, itemgetter
from typing import TYPE_CHECKING, NamedTuple, TypeVar

from pushvar.wire.remote_write import v1

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from pushvar.model import Created

    Take = Callable[[Sequence[bytes]], tuple[bytes, ...]]

T = TypeVar("T")
Series = tuple[str, tuple[str, ...], tuple[str, ...]]
"""A metric's name, and names and values of the labels that a row has beside the target's."""

NAME = "__name__"
_NAME_KEY = NAME.encode()

SIZES = 64
"""Total lengths of a target's labels for which the shared beginnings are kept."""


@dataclass(frozen=True, slots=True)
class Layout:
    """Where a target's labels go.

    ``starts`` are the label bytes of each row before the target's first label, ``own_bytes`` the size of all
    that are not the target's. ``runs`` says which of the target's labels stand together, ``fillings`` what
    rows have of their own behind the first of them. ``ends`` take from both what follows the ``starts``,
    once for all rows that have the same labels; ``spread`` gives each row its end.
    """

    starts: tuple[bytes, ...]
    own_bytes: tuple[int, ...]
    runs: tuple[slice, ...]
    fillings: tuple[bytes, ...]
    ends: tuple[Take, ...]
    spread: Take
    _heads: dict[int, tuple[bytes, ...]] = field(default_factory=dict, compare=False)

    def template(self, labels: Sequence[bytes], created: Created = ()) -> v1.Pieces:
        """The template of a target with these packed labels, in the order of the names."""
        pool = [*[b"".join(labels[run]) for run in self.runs], *self.fillings]
        ends = [b"".join(take(pool)) for take in self.ends]
        tails, size = self.spread(ends), sum(map(len, labels))
        if 2 * len(ends) > len(tails):  # few are shared: then one piece is packed sooner than two
            whole = zip(self._openings(size), self.starts, tails, strict=True)
            return v1.Pieces([*map(b"".join, whole)], created=created)
        return v1.Pieces(self._heads_for(size), tails, created=created)

    def _heads_for(self, size: int) -> tuple[bytes, ...]:
        """What each series begins with when a target's labels have so many bytes."""
        known = self._heads.get(size)
        if known is None:
            if len(self._heads) >= SIZES:
                self._heads.clear()
            known = self._heads[size] = tuple(map(add, self._openings(size), self.starts))
        return known

    def _openings(self, size: int) -> list[bytes]:
        return [v1.opening(own + size) for own in self.own_bytes]


class _Places(dict[T, int]):
    """Numbers things in the order in which they come, each once."""

    def __missing__(self, thing: T) -> int:
        place = self[thing] = len(self)
        return place


class _Gaps(NamedTuple):
    """Where labels of some names go: places of those before and after ``__name__``, and behind each run."""

    before: list[int]
    after: list[int]
    runs: list[int]
    behind: list[list[int]]


class _Around(NamedTuple):
    """A row's own labels before and after its name, the place of its end, and the size of all of them."""

    before: bytes
    after: bytes
    end: int
    size: int


class _Draft:
    """What the rows have given so far. An end is the places of a run, a filling, a run, a filling ..."""

    def __init__(self, names: Sequence[str]) -> None:
        self.fixed = [name.encode() for name in names]
        self.runs: _Places[tuple[int, int]] = _Places()
        self.fillings: _Places[bytes] = _Places()
        self.ends: _Places[tuple[int, ...]] = _Places()
        self._gaps: dict[tuple[str, ...], _Gaps] = {}
        self._known: dict[tuple[tuple[str, ...], tuple[str, ...]], _Around] = {}

    def around(self, names: tuple[str, ...], values: tuple[str, ...]) -> _Around:
        """What stands around the name of a row with these labels of its own."""
        known = self._known.get((names, values))
        if known is None:
            known = self._known[names, values] = self._placed(names, values)
        return known

    def _placed(self, names: tuple[str, ...], values: tuple[str, ...]) -> _Around:
        gaps = self._gaps.get(names)
        if gaps is None:
            gaps = self._gaps[names] = self._sorted(names)
        packed = [*map(v1.label, names, values)]
        fillings = [b"".join([packed[place] for place in places]) for places in gaps.behind]
        fillings[-1] += v1.SAMPLE_HEAD
        end: list[int] = []
        for run, filling in zip(gaps.runs, fillings, strict=True):
            end += run, self.fillings[filling]
        before = b"".join([packed[place] for place in gaps.before])
        after = b"".join([packed[place] for place in gaps.after])
        return _Around(before, after, self.ends[tuple(end)], sum(map(len, packed)))

    def _sorted(self, names: tuple[str, ...]) -> _Gaps:
        """Done once for all rows that have the same names: the order does not depend on the values."""
        before: list[int] = []
        behind: dict[int, list[int]] = {}
        for key, place in sorted([(name.encode(), place) for place, name in enumerate(names)]):
            if key < _NAME_KEY:
                before.append(place)
            else:
                behind.setdefault(bisect(self.fixed, key), []).append(place)
        after = behind.pop(0, [])
        behind.setdefault(len(self.fixed), [])
        runs = [self.runs[run] for run in pairwise([0, *behind])]
        return _Gaps(before, after, runs, [*behind.values()])


def compile_layout(rows: Sequence[Series], names: Sequence[str]) -> Layout | None:
    """The layout of these series beside a target's labels of these sorted ``names``.

    None where there is none: when a row has a label of one of these names or without a value, when one of
    the names stands before ``__name__``, or when two rows are the same series.
    """
    draft = _Draft(names)
    if not rows or not names or draft.fixed[0] <= _NAME_KEY:
        return None
    own_names = {name for own in {own for _, own, _ in rows} for name in own}
    if not own_names.isdisjoint({NAME, *names}) or any("" in values for _, _, values in rows):
        return None
    titles = [v1.label(NAME, name) for name, _, _ in rows]
    arounds = [draft.around(own, values) for _, own, values in rows]
    starts = [one.before + title + one.after for title, one in zip(titles, arounds, strict=True)]
    spread = [one.end for one in arounds]
    if len({*zip(starts, spread, strict=True)}) < len(rows):
        return None
    runs = len(draft.runs)
    takes = [[place + odd * runs for odd, place in zip(cycle((0, 1)), end)] for end in draft.ends]
    return Layout(
        tuple(starts), tuple([len(title) + one.size for title, one in zip(titles, arounds, strict=True)]),
        tuple([slice(*run) for run in draft.runs]), tuple(draft.fillings),
        tuple(map(_taker, takes)), _taker(spread),
    )  # fmt: skip


def _taker(places: Sequence[int]) -> Take:
    """Takes what stands at these places, one at least."""
    if len(places) == 1:
        (only,) = places
        return lambda things: (things[only],)
    return itemgetter(*places)
