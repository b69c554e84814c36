"""P3: services that no alert can see, as ``pushvar audit`` finds them. An audit sends its numbers once."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pushvar.catalogue.audit import AUDIT_COVERAGE, AUDIT_TIME
from pushvar.catalogue.thresholds import THRESHOLDS
from pushvar.kit.rule_files import RuleGroup
from pushvar.kit.rules.expressions import DAY_S, number
from pushvar.kit.rules.words import PERCENT, RUNBOOKS, TIME, Row, RuleSet, alerts, head

if TYPE_CHECKING:
    from pushvar.kit.settings import KitSettings

__all__ = ["RUNBOOKS", "rule_set"]

_AUDITED_EVERY_S = 7 * DAY_S
_SEEN, _BEFORE = "8d", "15d"  # the audit of this week; it and the one before
_RATIO, _TIME = AUDIT_COVERAGE.family.name, AUDIT_TIME.family.name
_WHOSE = "{{ or $labels.customer_id $labels.job }}{{ with $labels.service_domain }} ({{ . }}){{ end }}"


def rule_set(_: KitSettings, runbooks: str) -> RuleSet:
    """The set. Audits come once a week or a day, whatever the interval is."""
    now = f"last_over_time({_RATIO}[{_SEEN}])"
    rows = (
        Row("AuditOld", f"time() - max(last_over_time({_TIME}[{_BEFORE}])) > {_AUDITED_EVERY_S}\n", "1h",
            "The registry was not audited for a week",
            f"The last audit is {TIME} old. Run pushvar audit with --push, from a schedule."),
        Row("CoverageFell", f"max_over_time({_RATIO}[{_BEFORE}]) - {now} > 0.01\n", "1h",
            f"Fewer services of {_WHOSE} are covered",
            f"{PERCENT} of its targets lost core metrics since an earlier audit. pushvar audit lists them,"
            " with what each lacks; a release of theirs is the usual cause."),
        Row("CoverageLow", f"{now} < {number(THRESHOLDS['coverage'].bad)}\n", "1h",
            f"Many services of {_WHOSE} are not covered",
            f"Only {PERCENT} of its targets have the core metrics. pushvar audit lists the rest and what to"
            " add to each."),
    )  # fmt: skip
    about = "What audits say: pushvar audit sends it, see docs/audit.md."
    group = RuleGroup("pushvar-coverage", "5m", alerts("business", runbooks, rows))
    return RuleSet("coverage", head("coverage", about), (group,))
