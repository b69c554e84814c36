"""A cycle in one log line and a few numbers: what a function tells CloudWatch.

One line for each cycle, not for each target, and no metric by target or tenant: both are paid for. The
numbers are those of our own metrics, counted by the same functions. Which of them are worth their price,
and how each is to be read, stands in docs/observability.md.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pushvar.convert.own_metrics import by_label, count_cycle, gauge_cycle, total

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pushvar.app.planner import Planned
    from pushvar.model import Delivery, Report

_SHOWN = 10
"""Targets that are down, problems, notes of a backend: so many one line names."""

_NOTHING: tuple[object, ...] = ("", 0, {}, [])


def cycle_line(report: Report) -> dict[str, Any]:
    """The fields of a cycle's log line; what is zero or empty is left out."""
    counted, gauges = _numbers(report)
    down = [scrape for scrape in report.scrapes if scrape.reason != "ok"]
    line: dict[str, Any] = {
        "shard": report.shard,
        "cycle": report.cycle,
        "duration_s": round(report.duration_s, 3),
        "targets": _whole(by_label(counted, "pushvar_scrapes_total", "reason")),
        "groups": sum(one.plan.target.pushed for one in report.scrapes),
        "down": [f"{one.plan.target.url} {one.reason}: {one.detail}" for one in down[:_SHOWN]],
        "backends": {one.backend: _backend(one, report.started_ms) for one in report.deliveries},
        "leaves_skipped": _whole(by_label(counted, "pushvar_leaves_skipped_total", "reason")),
        "shed": _whole(by_label(counted, "pushvar_series_shed_total", "reason")),
        "repairs": _whole(by_label(counted, "pushvar_repairs_total", "kind")),
        "dead_rules": gauges["pushvar_dead_rules"],
        "skipped": report.skipped,
        "detail": report.detail,
        "lost_cycles": report.lost_cycles,
    }
    return _said(line)


def is_quiet(report: Report) -> bool:
    """Whether all went well: nothing down, dropped or kept for later, and no cycle skipped or lost."""
    well = all(scrape.reason == "ok" for scrape in report.scrapes)
    return well and not (report.skipped or report.detail or is_troubled(report))


def is_troubled(report: Report) -> bool:
    """Whether samples were late or lost, which is our matter; a target that is down is the target's."""
    late = any(one.error or one.lost or one.spooled or one.waiting for one in report.deliveries)
    return late or bool(report.lost_cycles) or report.skipped == "late"


def target_lines(report: Report) -> Iterator[dict[str, Any]]:
    """The fields of a line for each target of a cycle: what it took and what became of it."""
    for scrape in report.scrapes:
        target = scrape.plan.target
        labels = dict(target.labels)
        line = {
            "cycle": report.cycle,
            "target": target.url,
            "job": labels.get("job", target.job),
            "instance": labels.get("instance", ""),
            "customer_id": labels.get("customer_id", ""),
            "reason": scrape.reason,
            "detail": scrape.detail,
            "duration_s": round(scrape.duration_s, 4),
            "size_bytes": scrape.body_bytes,
            "samples": scrape.samples,
        }
        yield _said(line)


def unit_of(metric: str) -> str:
    """CloudWatch's unit of a metric, which stands in its name."""
    return next((unit for unit in ("Seconds", "Bytes") if metric.endswith(unit)), "Count")


def cycle_metrics(report: Report) -> dict[str, float]:
    """The metrics of a cycle: name -> count (seconds where the name says so)."""
    if report.skipped:
        return {f"Cycles{report.skipped.capitalize()}": 1}
    counted, gauges = _numbers(report)
    scrapes = by_label(counted, "pushvar_scrapes_total", "reason")
    return {
        "Cycles": counted["pushvar_cycles_total"],
        "CyclesLost": counted["pushvar_cycles_lost_total"],
        "CycleSeconds": gauges["pushvar_cycle_duration_seconds"],
        "Targets": sum(scrapes.values()),
        "TargetsDown": sum(scrapes.values()) - scrapes.get("ok", 0),
        "SamplesSent": total(counted, "pushvar_samples_sent_total"),
        "SamplesReplayed": total(counted, "pushvar_samples_replayed_total"),
        "SamplesSpooled": total(counted, "pushvar_samples_spooled_total"),
        "SamplesDropped": total(counted, "pushvar_samples_dropped_total"),
        "SpoolSamples": total(gauges, "pushvar_spool_samples"),
        "SpoolAgeSeconds": max((_age_s(one, report.started_ms) for one in report.deliveries), default=0),
    }


def _numbers(report: Report) -> tuple[dict[str, float], dict[str, float]]:
    scrapes, deliveries = report.scrapes, report.deliveries
    return (
        count_cycle(scrapes, deliveries, lost_cycles=report.lost_cycles),
        gauge_cycle(scrapes, deliveries, time_ms=report.started_ms, duration_s=report.duration_s),
    )


def _backend(one: Delivery, now_ms: int) -> dict[str, Any]:
    more = {
        "replayed": one.replayed,
        "spooled": one.spooled,
        "dropped": dict(one.dropped),
        "waiting": one.waiting,
        "waiting_s": round(_age_s(one, now_ms), 1),
        "retries": one.retries,
        "error": one.error,
        "notes": list(one.notes[:_SHOWN]),
    }
    return {"sent": one.sent, **_said(more)}


def _age_s(one: Delivery, now_ms: int) -> float:
    """How old the oldest sample is that waits."""
    return max(0, now_ms - one.waiting_since_ms) / 1000 if one.waiting else 0.0


def _said(fields: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in fields.items() if value not in _NOTHING}


def _whole(counts: dict[str, float]) -> dict[str, int]:
    return {name: int(count) for name, count in counts.items()}


def plan_line(planned: Planned) -> dict[str, Any]:
    """The fields of a plan's log line."""
    return {
        "cycle": planned.cycle,
        "targets": planned.targets,
        "shards": planned.shards,
        "groups": planned.groups,
        "config_version": planned.config_version,
        "unsent": dict(planned.unsent),
        "problems": [str(problem) for problem in planned.problems[:_SHOWN]],
        **({"resizing": planned.resizing} if planned.resizing else {}),
        **({"skipped": planned.skipped} if planned.skipped else {}),
    }


def plan_metrics(planned: Planned) -> dict[str, float]:
    """The metrics of a plan: name -> count."""
    if planned.skipped:
        return {"PlansSkipped": 1}
    return {
        "PlannedTargets": planned.targets,
        "PlannedShards": planned.shards,
        "MessagesUnsent": len(planned.unsent),
        "Problems": len(planned.problems),
        "ConfigInvalid": int(planned.outdated),
    }
