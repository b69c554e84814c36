"""An audit with all that is made of it once: sums, causes, the trend. Every form of report shows this."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from pushvar.kit.audit import sums
from pushvar.kit.audit.audit import trend

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pushvar.kit.audit.audit import Audit, Change, Trend
    from pushvar.kit.audit.finding import Finding
    from pushvar.kit.audit.sums import Cause, Count, Group, Missing

_SHARES = ("reachable", "usable", "runtime", "covered")


@dataclass(frozen=True, slots=True)
class Report:
    """``groups`` are by dimension; ``total`` has its count before where there is a trend."""

    audit: Audit
    total: Group
    groups: Mapping[str, tuple[Group, ...]]
    causes: tuple[Cause, ...]
    missing: tuple[Missing, ...]
    worst: tuple[Finding, ...]
    trend: Trend | None = None

    def below(self, percent: float) -> bool:
        """Whether fewer than so many percent are covered; of nothing nothing is."""
        count = self.total.count
        return count.covered * 100 < percent * count.registered or not count.registered


def report_of(audit: Audit, before: Audit | None = None) -> Report:
    """Sum up an audit, and compare it with an earlier one."""
    targets, earlier = audit.targets, before.targets if before else None
    groups = {}
    for dimension in sums.DIMENSIONS:
        known = None if earlier is None else sums.counts_by(earlier, dimension)
        groups[dimension] = sums.groups(sums.counts_by(targets, dimension), known)
    total = sums.Group("all", sums.count(targets), None if earlier is None else sums.count(earlier))
    return Report(
        audit, total, groups, sums.causes(targets), sums.missing(targets), sums.worst(targets),
        trend(before, audit) if before else None,
    )  # fmt: skip


def as_object(report: Report) -> dict[str, Any]:
    """The report as JSON has it; an audit can be read back from it."""
    return {
        **asdict(report.audit),
        "totals": _count(report.total.count),
        "groups": {
            dimension: [
                {
                    "name": one.name,
                    **_count(one.count),
                    **({"before": _count(one.before)} if one.before else {}),
                }
                for one in groups
            ]
            for dimension, groups in report.groups.items()
        },
        "causes": [asdict(one) for one in report.causes],
        "missing": [
            {"category": one.category, "targets": one.targets, "metrics": dict(one.names)}
            for one in report.missing
        ],
        "trend": _trend(report.trend, report.total) if report.trend else None,
    }


def _count(count: Count) -> dict[str, Any]:
    """Exact counts, and shares in percent, None of nothing."""
    whole = count.registered
    shares = {name: 100 * getattr(count, name) / whole if whole else None for name in _SHARES}
    counts = {name: getattr(count, name) for name in ("registered", *_SHARES)}
    return {**counts, "states": asdict(count), "percent": shares}


def _trend(found: Trend, total: Group) -> dict[str, Any]:
    changes = {name: [_change(one) for one in getattr(found, name)] for name in CHANGES}
    before = _count(total.before) if total.before else None
    return {"since_ms": found.since.time_ms, "registry": found.since.registry, "before": before, **changes}


CHANGES = {
    "worse": "worse than before",
    "better": "better than before",
    "new": "new since then",
    "gone": "gone since then",
}
"""The kinds of change -> their titles."""


def _change(change: Change) -> dict[str, Any]:
    target = change.target
    return {
        "key": target.key,
        "job": target.job,
        "url": target.url,
        "before": change.before.state if change.before else None,
        "after": change.after.state if change.after else None,
    }
