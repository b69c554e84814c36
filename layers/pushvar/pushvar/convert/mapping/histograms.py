"""Histograms put together: buckets by bound, what is missing completed, the layout found at each fetch.

Programs print buckets cumulative (each counts all below its bound) or disjoint (each counts its own), and
changed their minds between versions (Vitess twice), so the numbers of each fetch decide. Numbers that fit
neither are a torn read: that histogram has no samples this time.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import accumulate, pairwise
from typing import TYPE_CHECKING, Any

from pushvar.convert.mapping.rules import SHAPE_ERROR, Claim, Computed, Part, Refusal
from pushvar.convert.mapping.values import bound_text
from pushvar.convert.withheld import WITHHELD
from pushvar.labels.sets import label_set

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from pushvar.model import Family, Labels

CUMULATIVE, DISJOINT = "cumulative", "disjoint"
TORN = "the buckets fit neither each other nor the count"


@dataclass(frozen=True, slots=True)
class Histogram:
    """One histogram's parts: buckets by bound, +Inf among them or not, and what stands beside them."""

    family: Family
    labels: Labels
    buckets: tuple[Part, ...]
    sum: Part | None
    count: Part | None

    @property
    def has_inf(self) -> bool:
        """Whether the last bucket is +Inf."""
        return math.isinf(self.buckets[-1].bound)

    @property
    def layout(self) -> str | None:
        """What the rules declare."""
        return next((part.layout for part in self.buckets if part.layout), None)


def assemble(parts: Iterable[Part]) -> Iterator[Computed | Refusal]:
    """The histograms that the parts make, in the order of their first parts; refusals for what is left."""
    groups: dict[tuple[str, Labels], list[Part]] = {}
    for part in parts:
        groups.setdefault((part.family.name, part.labels), []).append(part)
    for group in groups.values():
        yield from _histogram(group)


def _histogram(group: Sequence[Part]) -> Iterator[Computed | Refusal]:
    chosen: dict[tuple[str, float], Part] = {}
    for part in group:
        key = (part.role, part.bound)
        if key in chosen:
            yield Refusal(part.leaf, f"duplicate of {chosen[key].leaf.text}")
        else:
            chosen[key] = part
    buckets = sorted((one for one in chosen.values() if one.role == "bucket"), key=lambda one: one.bound)
    count, total = chosen.get(("count", 0.0)), chosen.get(("sum", 0.0))
    first = group[0]
    problem = _problem(buckets, count)
    if problem:
        for part in chosen.values():
            yield Refusal(part.leaf, SHAPE_ERROR + problem)
        return
    yield _computed(Histogram(first.family, first.labels, tuple(buckets), total, count))


def _problem(buckets: Sequence[Part], count: Part | None) -> str:
    if not buckets:
        return "a histogram without buckets"
    if count is None and not any(part.layout for part in buckets):
        return "no count: say buckets: cumulative or disjoint"
    if count is None and not math.isinf(buckets[-1].bound):
        return "neither a count nor a bucket +Inf"
    return ""


def _computed(one: Histogram) -> Computed:
    name, source = one.family.name, one.count or one.buckets[-1]

    def claim(part: Part, suffix: str, le: str = "") -> Claim:
        labels = label_set((*one.labels, ("le", le))) if le else one.labels
        return Claim(part.leaf, f"{name}{suffix}", one.family, labels, doubt=TORN)

    claims = [claim(part, "_bucket", bound_text(part.bound)) for part in one.buckets]
    if not one.has_inf:
        claims.append(claim(source, "_bucket", "+Inf"))
    claims.append(claim(source, "_count"))
    if one.sum:
        claims.append(claim(one.sum, "_sum"))
    parts = [*one.buckets, *(part for part in (one.count, one.sum) if part)]
    return Computed(tuple(part.leaf.path for part in parts), tuple(claims), _compute(one, len(claims)))


def _compute(one: Histogram, rows: int) -> Callable[..., tuple[float, ...]]:
    many, has_count, has_inf = len(one.buckets), one.count is not None, one.has_inf
    layout, read_sum = one.layout, one.sum.read if one.sum else None
    nothing = (WITHHELD,) * rows

    def compute(*values: Any) -> tuple[float, ...]:
        buckets = values[:many]
        count = values[many] if has_count else None
        upper = cumulative(buckets, count, has_inf=has_inf, layout=layout)
        if upper is None:
            return nothing
        total = upper[-1] if count is None else count
        result = (*upper, total) if has_inf else (*upper, total, total)
        if one.sum is None:
            return result
        last = values[-1]
        return (*result, last if read_sum is None else read_sum(last))

    return compute


def cumulative(
    buckets: Sequence[float], count: float | None, *, has_inf: bool, layout: str | None
) -> tuple[float, ...] | None:
    """The buckets as Prometheus counts them, or None when they cannot be read.

    ``buckets`` are ordered by bound, +Inf last when ``has_inf``. Without a declared ``layout`` they are
    cumulative when none is less than the one before and the last is the count, disjoint when their sum is
    the count. A missing +Inf may hold the rest of the count, as long as only one reading is possible.
    """
    values = (*buckets, *([] if count is None else [count]))
    if not all(math.isfinite(value) and value >= 0 for value in values):
        return None
    sums = tuple(accumulate(buckets))
    rising = all(one <= following for one, following in pairwise(buckets))
    readings = {CUMULATIVE: tuple(buckets) if rising else None, DISJOINT: sums}
    fitting = [
        (kind, found)
        for kind, found in readings.items()
        if found is not None and layout in {None, kind} and _fits(found[-1], count, exactly=has_inf)
    ]
    exact = [found for _kind, found in fitting if found[-1] == count]
    if exact or len(fitting) == 1:
        return (exact or [fitting[0][1]])[0]
    return None


def _fits(last: float, count: float | None, *, exactly: bool) -> bool:
    return count is None or last == count or (not exactly and last < count)
