"""What an audit of a registry says of each group of targets, and of all of them."""

from __future__ import annotations

from dataclasses import dataclass

from pushvar.model import Family, MetricType

_G = MetricType.GAUGE

AUDIT_STATES: dict[str, str] = {
    "covered": "it answers, and has the whole core set",
    "partial": "it answers with numbers of the Go runtime, but some of the core set are missing",
    "no_runtime": "it answers with a document that has no numbers of the Go runtime",
    "no_format": "it answers with what is neither expvar nor Prometheus text",
    "unreachable": "it gives no usable answer: the failure class says why",
}
"""What a target is found to be; each target is exactly one of them."""


@dataclass(frozen=True, slots=True)
class AuditMetric:
    """One metric of an audit."""

    family: Family
    labels: tuple[str, ...]
    anomaly: str


AUDIT_LABELS = ("customer_id", "service_domain", "sla_tier", "team")
"""Whose the targets of a group are: what audits are summed up by."""

AUDIT_TARGETS = AuditMetric(
    Family("pushvar_audit_targets", _G, "Targets of the registry by what the last audit found them to be."),
    (*AUDIT_LABELS, "state"),
    "fewer covered ones than before: a release lost its runtime metrics; pushvar audit names it",
)
AUDIT_COVERAGE = AuditMetric(
    Family("pushvar_coverage_ratio", _G, "Share of a group's targets that have the whole core set, 0 to 1."),
    AUDIT_LABELS,
    "below 1: targets that alerts know nothing of; ratios of groups cannot be averaged, count targets",
)
AUDIT_TIME = AuditMetric(
    Family("pushvar_audit_timestamp_seconds", _G, "Unix time of the last audit.", "seconds"),
    (),
    "older than a week: nobody audits, and what its other metrics say may be over",
)

AUDIT_METRICS = (AUDIT_TARGETS, AUDIT_COVERAGE, AUDIT_TIME)
"""All of them."""
