"""A goal, and what became of it in a run. Nothing fails by one."""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from benchmarks.measure import Spread
from benchmarks.tables import Section

if TYPE_CHECKING:
    from collections.abc import Sequence


Found = Mapping[str, Any]
"""What was measured, by the name of the part."""

SIGNS = {"<=": operator.le, "<": operator.lt, ">=": operator.ge}
NOT_MEASURED, REACHED, REPORTED = "not measured", "reached", "reported"


@dataclass(frozen=True, slots=True)
class Goal:
    """One figure: ``sign`` and ``bound`` say what is asked of its median; without a sign it is only reported.

    ``parts`` name what has to have run; ``seen`` then gives the figure in ``unit``, or None where the run
    had not the size that it takes.
    """

    name: str
    words: str
    parts: tuple[str, ...]
    seen: Callable[[Found], Spread | None]
    unit: str = "x"
    sign: str = ""
    bound: float = 0.0

    @property
    def asked(self) -> str:
        """The figure asked for."""
        return f"{self.sign} {self.bound:g}{_behind(self.unit)}" if self.sign else REPORTED


@dataclass(frozen=True, slots=True)
class Judged:
    """What became of a goal in one run."""

    name: str
    words: str
    asked: str
    unit: str
    seen: Spread | None
    verdict: str


def judged(goals: Sequence[Goal], found: Found) -> list[Judged]:
    """All of them, in their order, by what a run measured."""
    return [_judged(goal, found) for goal in goals]


def _judged(goal: Goal, found: Found) -> Judged:
    seen = goal.seen(found) if all(part in found for part in goal.parts) else None
    verdict = NOT_MEASURED if seen is None else verdict_of(goal.sign, goal.bound, seen.median)
    return Judged(goal.name, goal.words, goal.asked, goal.unit, seen, verdict)


def verdict_of(sign: str, bound: float, figure: float) -> str:
    """``reached``, or by how much of the bound the figure falls short of it."""
    if not sign:
        return REPORTED
    if SIGNS[sign](figure, bound):
        return REACHED
    short = abs(figure / bound - 1)
    return f"falls short by {short:.0%}" if short >= 0.01 else "falls short by less than 1%"


def section(rows: Sequence[Judged]) -> Section:
    """The table that ends a run."""
    reached = sum(row.verdict == REACHED for row in rows)
    short = sum(row.verdict.startswith("falls short") for row in rows)
    return Section(
        "Goals",
        ("goal", "asked", "seen: median (least-most)", "became"),
        tuple((row.words, row.asked, _shown(row.seen, row.unit), row.verdict) for row in rows),
        f"{reached} reached, {short} short, {sum(row.verdict == NOT_MEASURED for row in rows)} not measured.",
    )


def _shown(seen: Spread | None, unit: str) -> str:
    if seen is None:
        return ""
    digits = 0 if seen.median >= 100 else 1 if seen.median >= 3 else 2
    median, low, high = (f"{value:,.{digits}f}" for value in (seen.median, seen.low, seen.high))
    ends = "" if seen.low == seen.high else f" ({low}-{high})"
    return f"{median}x{ends}" if unit == "x" else f"{median} {unit}{ends}"


def one_value(value: float) -> Spread:
    """A figure that is measured once in a run."""
    return Spread(value, value, value)


def over(above: Spread, below: Spread) -> Spread:
    """The ratio of two that were not measured round by round: its ends are the farthest that may be."""
    return Spread(above.median / below.median, above.low / below.high, above.high / below.low)


def _behind(unit: str) -> str:
    return unit if unit == "x" else f" {unit}"
