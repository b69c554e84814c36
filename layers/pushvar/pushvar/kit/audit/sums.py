"""Findings summed up: exact counts beside every share. Ratios are never averaged, targets are counted."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import astuple, dataclass
from typing import TYPE_CHECKING

from pushvar.catalogue.audit import AUDIT_LABELS
from pushvar.catalogue.core import CORE
from pushvar.kit.audit.finding import lacking

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from pushvar.kit.audit.finding import Finding

DIMENSIONS: dict[str, str] = {
    "team": "team",
    "customer_id": "customer",
    "service_domain": "domain",
    "sla_tier": "tier",
    "job": "job",
}
"""What is summed up by: the field of a finding -> its title."""

NO_TEAM = "no team"
"""Stands for the team of targets that have no such label."""

WORST_FIRST = ("unreachable", "no_format", "no_runtime", "partial", "covered")
RANKS = {state: rank for rank, state in enumerate(WORST_FIRST)}

_TIERS = {"gold": 0, "silver": 1}


@dataclass(frozen=True, slots=True)
class Count:
    """How many targets are in each state."""

    covered: int = 0
    partial: int = 0
    no_runtime: int = 0
    no_format: int = 0
    unreachable: int = 0

    @property
    def registered(self) -> int:
        """All of them."""
        return self.usable + self.no_format + self.unreachable

    @property
    def reachable(self) -> int:
        """Those that answer, with whatever."""
        return self.registered - self.unreachable

    @property
    def usable(self) -> int:
        """Those whose answer gives series: what ``up`` is 1 for."""
        return self.covered + self.partial + self.no_runtime

    @property
    def runtime(self) -> int:
        """Those that have numbers of the Go runtime, all or some."""
        return self.covered + self.partial

    @property
    def uncovered(self) -> int:
        """Those that lack something."""
        return self.registered - self.covered

    @property
    def ratio(self) -> float | None:
        """The share of covered ones, 0 to 1; None of nothing."""
        return self.covered / self.registered if self.registered else None


@dataclass(frozen=True, slots=True)
class Group:
    """The targets that have one value of a dimension; ``before`` are those of an earlier audit, if any."""

    name: str
    count: Count
    before: Count | None = None


@dataclass(frozen=True, slots=True)
class Cause:
    """Why targets are not covered: state and detail, how many, and the next step."""

    state: str
    why: str
    targets: int
    hint: str


@dataclass(frozen=True, slots=True)
class Missing:
    """One kind of the core set: how many targets lack some of it, and how many lack each name."""

    category: str
    targets: int
    impact: str
    remedy: str
    names: tuple[tuple[str, int], ...]


def count(findings: Iterable[Finding]) -> Count:
    """The count of these."""
    return Count(**Counter(one.state for one in findings))


def counts_by(findings: Iterable[Finding], dimension: str) -> dict[str, Count]:
    """Value of the dimension -> its count, in the order of the findings."""
    states: defaultdict[str, Counter[str]] = defaultdict(Counter)
    for one in findings:
        states[getattr(one, dimension) or NO_TEAM][one.state] += 1
    return {name: Count(**counted) for name, counted in states.items()}


def groups(counts: Mapping[str, Count], before: Mapping[str, Count] | None = None) -> tuple[Group, ...]:
    """The groups, those with most targets to mend first."""
    made = [Group(name, one, None if before is None else before.get(name)) for name, one in counts.items()]
    return tuple(sorted(made, key=lambda one: (-one.count.uncovered, one.count.covered, one.name)))


def cut(found: Sequence[Group], limit: int) -> tuple[Group, ...]:
    """The first groups, and all others as one more; 0 is no limit."""
    if not limit or len(found) <= limit:
        return tuple(found)
    rest = found[limit:]
    before = [one.before for one in rest if one.before]
    others = Group(f"{len(rest):,} more", _sum(one.count for one in rest), _sum(before) if before else None)
    return (*found[:limit], others)


def _sum(counts: Iterable[Count]) -> Count:
    return Count(*map(sum, zip(*map(astuple, counts), strict=True)))


def label_sets(findings: Iterable[Finding]) -> dict[tuple[str, ...], Count]:
    """Values of AUDIT_LABELS -> the count of the targets that have them: the series of the metrics."""
    states: defaultdict[tuple[str, ...], Counter[str]] = defaultdict(Counter)
    for one in findings:
        states[tuple(getattr(one, label) for label in AUDIT_LABELS)][one.state] += 1
    return {values: Count(**counted) for values, counted in sorted(states.items())}


def causes(findings: Iterable[Finding]) -> tuple[Cause, ...]:
    """Why targets are not covered, the commonest first."""
    counted: Counter[tuple[str, str]] = Counter()
    hints: dict[tuple[str, str], str] = {}
    for one in findings:
        if one.state != "covered":
            counted[one.state, one.why] += 1
            hints.setdefault((one.state, one.why), one.hint)
    ordered = sorted(counted.items(), key=lambda item: (-item[1], RANKS[item[0][0]], item[0]))
    return tuple(Cause(*key, targets, hints[key]) for key, targets in ordered)


def missing(findings: Iterable[Finding]) -> tuple[Missing, ...]:
    """What targets that give series lack of the core set, the commonest first."""
    names: Counter[str] = Counter()
    kinds: Counter[str] = Counter()
    for one in findings:
        names.update(one.missing)
        kinds.update(kind.category for kind in lacking(one.missing))
    found = []
    for kind in CORE:
        lost = [(name, names[name]) for name in kind.families if names[name]]
        if lost:
            lost.sort(key=lambda item: -item[1])
            targets = kinds[kind.category]
            found.append(Missing(kind.category, targets, kind.impact, kind.remedy, tuple(lost)))
    return tuple(sorted(found, key=lambda one: -one.targets))


def worst(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """Those that are not covered: by state, higher service levels first, then those that lack most."""
    found = [one for one in findings if one.state != "covered"]
    return tuple(
        sorted(
            found,
            key=lambda one: (
                RANKS[one.state], _TIERS.get(one.sla_tier, len(_TIERS)), -len(one.missing), one.job, one.url,
            ),
        )
    )  # fmt: skip


def share(part: int, whole: int) -> str:
    """``39.0%``; ``100.0%`` and ``0.0%`` only where it is all or nothing, ``-`` where there is nothing."""
    if not whole:
        return "-"
    tenths = round(1000 * part / whole)
    if part not in (0, whole):
        tenths = min(max(tenths, 1), 999)
    return f"{tenths / 10:.1f}%"
