"""Compiled path patterns: matching one path, and walking down a document with all of them at once."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

from pushvar.config.mapping_grammar import compiled
from pushvar.config.patterns import TAIL, segment

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from pushvar.config.patterns import Segment
    from pushvar.convert.structure import Path

Captures = dict[str, str]


_REMEMBERED = 4096
"""Keys of which a segment remembers what it takes of them: the same keys stand in many objects."""


@dataclass(frozen=True, slots=True)
class Step:
    """One segment, ready: the ``literal`` key, or what ``find`` takes; with neither, every key goes.

    ``find`` gives what the captures take of a key, or None for a key that does not fit.
    """

    literal: str | None
    find: Callable[[str], Captures | None] | None
    captures: tuple[str, ...]
    many: bool
    excluded: frozenset[str] = frozenset()

    def takes(self, key: str) -> bool:
        """Whether the key is one of the segment's."""
        if self.literal is not None:
            return key == self.literal
        if self.find is None:
            return key not in self.excluded
        return self.find(key) is not None


ANY = Step(None, None, (), many=False)
"""Takes every key."""


def literal(key: str) -> Step:
    """Takes one key."""
    return Step(key, None, (), many=False)


class Pattern:
    """A pattern of a rule, ready to match whole paths."""

    def __init__(self, segments: Iterable[Step]) -> None:
        self.steps = tuple(segments)
        self._many = any(step.many for step in self.steps)
        self._literals = [(i, step.literal) for i, step in enumerate(self.steps) if step.literal is not None]
        self._finders = [(i, step.find) for i, step in enumerate(self.steps) if step.find is not None]

    def match(self, path: Path) -> Captures | None:
        """What the captures take of the path (and ``tail``), or None."""
        if not self._many:
            return self._exact(path) if len(path) == len(self.steps) else None
        first = self.steps[0]
        if len(path) < len(self.steps) or (first.literal is not None and first.literal != path[0]):
            return None
        return self._with_many(path)

    def _exact(self, path: Path) -> Captures | None:
        for position, key in self._literals:
            if path[position] != key:
                return None
        found: Captures = {}
        for position, find in self._finders:
            taken = find(path[position])
            if taken is None:
                return None
            found |= taken
        return found

    def _with_many(self, path: Path) -> Captures | None:
        """``**`` takes as few keys as it can: the first way that fits the rest."""
        ends = _ends(self.steps, path)
        if 0 not in ends[0]:
            return None
        found: Captures = {}
        tail: list[str] = []
        at = 0
        for position, step in enumerate(self.steps):
            stop = at + 1
            if step.many:
                while stop not in ends[position + 1]:
                    stop += 1
                tail += path[at:stop]
            if step.captures and step.find is not None:
                found |= step.find(path[at]) or {}
            at = stop
        return {**found, TAIL: "_".join(tail)}


def _ends(steps: Sequence[Step], path: Path) -> list[set[int]]:
    """For each step, where in the path it can begin so that the rest of the pattern fits: no backtracking."""
    ends: list[set[int]] = [set() for _ in steps] + [{len(path)}]
    for position in range(len(steps) - 1, -1, -1):
        step, after = steps[position], ends[position + 1]
        if step.many:
            last = max(after, default=-1)
            ends[position] = set(range(last))
        else:
            ends[position] = {at - 1 for at in after if at and step.takes(path[at - 1])}
    return ends


def step_of(one: Segment) -> Step:
    """A segment, compiled."""
    return Step(one.literal, _finder(one), one.captures, one.many)


def _finder(one: Segment) -> Callable[[str], Captures | None] | None:
    if not one.regex:
        return None
    if one.whole:
        name = one.captures[0]
        return lambda key: {name: key} if key else None
    expression = compiled(one.regex)
    groups = [(name, expression.groupindex[name]) for name in one.captures]

    def find(key: str) -> Captures | None:
        taken = expression.fullmatch(_text(key))
        return None if taken is None else {name: taken[group] or "" for name, group in groups}

    return lru_cache(_REMEMBERED)(find)


def pattern_of(segments: Iterable[str]) -> Pattern:
    """The pattern of a rule's ``match``."""
    return Pattern([step_of(segment(one)) for one in segments])


def above(steps: tuple[Step, ...], levels: int) -> set[tuple[Step, ...]]:
    """The patterns of the containers ``levels`` above what these steps match."""
    if not levels or not steps:
        return set() if levels else {steps}
    found = above(steps[:-1], levels - 1)
    return found | above(steps, levels - 1) if steps[-1].many else found


def _text(key: str) -> str:
    return key.encode("utf-8", "replace").decode() if not key.isascii() else key
