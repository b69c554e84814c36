"""The audit as CSV: one line for each target, the worst first."""

from __future__ import annotations

import csv
import io
from typing import TYPE_CHECKING

from pushvar.kit.plain import csv_cell

if TYPE_CHECKING:
    from pushvar.kit.audit.report import Report

_COLUMNS = (
    "state", "why", "job", "url", "instance", "customer_id", "service_domain", "sla_tier", "team", "format",
    "missing", "detail", "hint", "before",
)  # fmt: skip


def csv_text(report: Report) -> str:
    """All targets; ``missing`` are names with blanks between, ``before`` is the state of an earlier audit."""
    covered = [one for one in report.audit.targets if one.state == "covered"]
    known = {one.key: one.state for one in report.trend.since.targets} if report.trend else {}
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(_COLUMNS)
    for one in (*report.worst, *covered):
        cells = (
            one.state, one.why, one.job, one.url, one.instance, one.customer_id, one.service_domain,
            one.sla_tier, one.team, one.format, " ".join(one.missing), one.detail, one.hint,
            known.get(one.key, ""),
        )  # fmt: skip
        writer.writerow(map(csv_cell, cells))
    return out.getvalue()
