"""The exit codes of every command, and which of them a cycle deserves."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pushvar.model import Report

FINE, FINDINGS, USAGE, TARGETS_FAILED, DELIVERY_FAILED, OUR_FAULT = range(6)


def of_cycle(report: Report) -> int:
    """Delivery that failed weighs more than targets that failed; what a retry overcame is fine."""
    if any(delivery.failed for delivery in report.deliveries):
        return DELIVERY_FAILED
    return TARGETS_FAILED if any(scrape.reason != "ok" for scrape in report.scrapes) else FINE
