"""A cycle in one log line and a few numbers: what a function tells CloudWatch.

One line for each cycle, not for each target, and no metric by target or tenant: both are paid for.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pushvar.app.planner import Planned
    from pushvar.model import Report

_SHOWN = 10
"""Targets that are down, and problems, that one line names."""


def cycle_line(report: Report) -> dict[str, Any]:
    """The fields of a cycle's log line."""
    reasons = Counter(scrape.reason for scrape in report.scrapes)
    down = [scrape for scrape in report.scrapes if scrape.reason != "ok"]
    line: dict[str, Any] = {
        "shard": report.shard,
        "cycle": report.cycle,
        "duration_s": round(report.duration_s, 3),
        "targets": dict(reasons),
        "down": [f"{one.plan.target.url} {one.reason}: {one.detail}" for one in down[:_SHOWN]],
        "backends": {
            one.backend: {"sent": one.sent, "failed": one.failed, "retries": one.retries, "error": one.error}
            for one in report.deliveries
        },
    }
    extra = {"skipped": report.skipped, "detail": report.detail, "lost_cycles": report.lost_cycles}
    return {name: value for name, value in {**line, **extra}.items() if value not in ("", 0, {}, [])}


def cycle_metrics(report: Report) -> dict[str, float]:
    """The metrics of a cycle: name -> count (seconds for CycleSeconds)."""
    if report.skipped:
        return {f"Cycles{report.skipped.capitalize()}": 1}
    return {
        "Cycles": 1,
        "CyclesLost": report.lost_cycles,
        "CycleSeconds": report.duration_s,
        "Targets": len(report.scrapes),
        "TargetsDown": sum(scrape.reason != "ok" for scrape in report.scrapes),
        "SamplesSent": sum(delivery.sent for delivery in report.deliveries),
        "SamplesFailed": sum(delivery.failed for delivery in report.deliveries),
    }


def plan_line(planned: Planned) -> dict[str, Any]:
    """The fields of a plan's log line."""
    return {
        "cycle": planned.cycle,
        "targets": planned.targets,
        "shards": planned.shards,
        "config_version": planned.config_version,
        "unsent": dict(planned.unsent),
        "problems": [str(problem) for problem in planned.problems[:_SHOWN]],
    }


def plan_metrics(planned: Planned) -> dict[str, float]:
    """The metrics of a plan: name -> count."""
    return {
        "PlannedTargets": planned.targets,
        "PlannedShards": planned.shards,
        "MessagesUnsent": len(planned.unsent),
        "Problems": len(planned.problems),
    }
