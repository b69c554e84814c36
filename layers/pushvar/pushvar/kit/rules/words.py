"""What an alert of a tier is: who is woken, how urgent, in which words.

One mapping for all: P0 is an outage and P1 the infrastructure, both wake somebody; P2 is a ticket for the
owners of the Go programs; P3 goes to the team whose business it is. The severity follows from the priority.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from pushvar.kit.rule_files import Alert, rule_file

if TYPE_CHECKING:
    from pushvar.kit.rule_files import RuleGroup

RUNBOOKS = "docs/alerts.md"
"""Where the runbooks stand in the repository."""

PREFIX = "Pushvar"
"""What the names of all alerts begin with."""

TIERS: dict[str, str] = {"outage": "P0", "infra": "P1", "runtime": "P2", "business": "P3"}
"""Tier -> the priority of its alerts, unless one says otherwise."""

SEVERITIES: dict[str, str] = {"P0": "critical", "P1": "critical", "P2": "warning", "P3": "info"}
"""Priority -> severity, for tools that route by that word."""

TEAM = '{{ or $labels.team "sre" }}'
"""The team of the target, else those who keep everything running."""

WHOSE = "{{ with $labels.customer_id }} of {{ . }}{{ end }}"
INSTANCE = "{{ $labels.job }} on {{ $labels.instance }}" + WHOSE
JOB = "{{ $labels.job }}" + WHOSE
PERCENT = "{{ humanizePercentage $value }}"
COUNT = "{{ humanize $value }}"
TIME = "{{ humanizeDuration $value }}"


@dataclass(frozen=True, slots=True)
class Row:
    """One alert: its name without the prefix, and texts as templates of Prometheus.

    ``description`` has the value and the next step. ``priority`` is only given where it is not the tier's.
    """

    name: str
    expr: str
    holds_for: str
    summary: str
    description: str
    priority: str = ""

    def alert(self, tier: str, runbooks: str) -> Alert:
        """The alert, of one of the TIERS; ``runbooks`` is where the page with its section stands."""
        name = PREFIX + self.name
        priority = self.priority or TIERS[tier]
        labels = {"tier": tier, "priority": priority, "severity": SEVERITIES[priority], "team": TEAM}
        annotations = {
            "summary": self.summary,
            "description": self.description,
            "runbook_url": f"{runbooks}#{name.lower()}",
        }
        return Alert(name, self.expr, self.holds_for, labels, annotations)


def alerts(tier: str, runbooks: str, rows: tuple[Row, ...]) -> tuple[Alert, ...]:
    """The alerts of a tier."""
    return tuple(row.alert(tier, runbooks) for row in rows)


@dataclass(frozen=True, slots=True)
class RuleSet:
    """Groups that belong together; ``head`` are the lines of comment at the top of their file."""

    name: str
    head: tuple[str, ...]
    groups: tuple[RuleGroup, ...]

    @property
    def text(self) -> str:
        """Its file."""
        return rule_file(self.head, self.groups)


def head(name: str, *lines: str) -> tuple[str, ...]:
    """The comment of a generated set."""
    module = name.replace("-", "_")
    return (f"Made by `pushvar kit rules {name}`: change pushvar/kit/rules/sets/{module}.py, not this file.",
            "", *lines)  # fmt: skip
