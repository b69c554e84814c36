"""Histograms in two lists that stand beside each other: bounds, and one count more than there are bounds."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from pushvar.convert.mapping.explicit import Mapped, Unusable
from pushvar.convert.mapping.paths import ANY, literal
from pushvar.convert.mapping.values import bound_of
from pushvar.convert.structure import NUMBER

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pushvar.config.mappings import MappingRule
    from pushvar.convert.mapping.paths import Captures, Pattern, Step
    from pushvar.convert.mapping.rules import Payload
    from pushvar.convert.structure import Leaf


class ArrayBuckets(Mapped):
    """The counts of a histogram whose bounds stand in a list beside them, one less than there are counts.

    The bounds are inclusive below, as the programs that print them count, so that each upper bound is the
    next smaller number (client_golang does the same with runtime/metrics).
    """

    shift = 1

    def __init__(self, rule: MappingRule, name: str, pattern: Pattern, bounds: str) -> None:
        super().__init__(rule, name, pattern)
        self._bounds = bounds

    @property
    def looking(self) -> Iterator[tuple[Step, ...]]:
        """Both lists."""
        yield from super().looking
        yield self._bounds_steps

    @property
    def labelling(self) -> Iterator[tuple[Step, ...]]:
        """The bounds too: each becomes a label."""
        yield from super().labelling
        yield self._bounds_steps

    @property
    def _bounds_steps(self) -> tuple[Step, ...]:
        return (*self.pattern.steps[:-2], literal(self._bounds), ANY)

    def _bound(self, leaf: Leaf, captures: Captures, payload: Payload) -> float:
        beside = (*leaf.path[:-2], self._bounds)
        bounds, counts = payload.children(beside), payload.children(leaf.path[:-1])
        if len(counts) != len(bounds) + 1:
            raise Unusable(f"{len(counts)} counts for {len(bounds)} bounds")
        position = int(captures["le"])
        if position == len(bounds):
            return math.inf
        text = bounds[position].label
        bound = bound_of(text, self._bound_factor) if text and bounds[position].kind == NUMBER else None
        if bound is None:
            raise Unusable(f"{text} is no bound")
        return math.nextafter(bound, -math.inf)
