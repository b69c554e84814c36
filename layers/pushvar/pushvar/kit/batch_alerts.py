"""The alerts for batch jobs, one row each. ``docs/batch-alerts.md`` has a section for every one.

Late and dead jobs are parted so that one cause gives one alert: who still runs and fails is not missed, who
has no heartbeat is not too long.
"""

from __future__ import annotations

from typing import NamedTuple

from pushvar.kit.batch_series import (
    ALIVE,
    EXIT_CODE,
    EXPIRED,
    FAILURE,
    MISSED_AFTER,
    OVERLAPPING,
    RUNNING,
    SINCE,
    START,
    SUCCEEDED,
    TOO_LONG_AFTER,
    last,
)
from pushvar.kit.rule_files import Alert
from pushvar.kit.rules.words import SEVERITIES, TEAM

_GOLD = '{{ if eq $labels.sla_tier "gold" }}%s{{ else }}%s{{ end }}'
_TIERED = _GOLD % ("P1", "P2")
_WHOSE = "{{ with $labels.customer_id }} of {{ . }}{{ end }}"
_JOB = "Batch job {{ $labels.job }}" + _WHOSE
_VALUE = "{{ humanizeDuration $value }}"

_SILENT_S = 300  # two minutes for heartbeats, three for clocks, the gateway's cycle and this group's
_LATE = f"time() - {SINCE} > {MISSED_AFTER}"
_FAILS = f"time() - {last(FAILURE)} <= {MISSED_AFTER}"
_FAILED = f"{last(EXIT_CODE)} and {last(SUCCEEDED)} == 0\nor\n{last(SUCCEEDED)} == 0\n"
_RUNS = f"{last(RUNNING)} == 1"
_SILENT = f"time() - {ALIVE} > {_SILENT_S}"


class _Row(NamedTuple):
    """One alert: its name behind ``PushvarBatchJob``, and texts as templates of Prometheus."""

    name: str
    priority: str
    holds_for: str
    expr: str
    summary: str
    description: str


_ROWS = (
    _Row(
        "Missed", _TIERED, "5m", f"{_LATE}\nunless\n{_FAILS}\n",
        "did not run",
        f"No success for {_VALUE}, which is two declared intervals and a usual run; a job that never"
        " succeeded counts from its first start. No failure was reported either. Look whether the"
        " scheduler still starts it.",
    ),
    _Row(
        "Failing", _TIERED, "5m", _FAILED,
        "failed",
        "Its last run failed{{ if $value }} with exit code {{ $value }}{{ end }}. Read the run's output,"
        " mend the cause and start it again.",
    ),
    _Row(
        "KeepsFailing", "P1", "5m", f"{_LATE}\nand\n{_FAILS}\n",
        "keeps failing",
        f"No success for {_VALUE}, although it runs: two declared intervals and a usual run are over."
        " What it makes is out of date; mend the cause, or tell those who depend on it.",
    ),
    _Row(
        "TooLong", _TIERED, "5m",
        f"time() - {last(START)} > {TOO_LONG_AFTER}\nand\n{_RUNS}\nunless\n{_SILENT}\n",
        "runs too long",
        f"It has been running for {_VALUE}: longer than its declared timeout or, without one, than twice"
        " its usual time and ten minutes. Look what it waits for before the next run starts.",
    ),
    _Row(
        "Stuck", _TIERED, "2m", f"{_SILENT}\nand\n{_RUNS}\n",
        "stopped without a word",
        f"It said that it runs, and has given no sign of life for {_VALUE}. It was killed, or its machine"
        " is gone; look there, clean up after it and start it again.",
    ),
    _Row(
        "Overlapping", _TIERED, "1m", f"{last(OVERLAPPING)} > 0\n",
        "overlaps with itself",
        "A run began while another one had not ended (batch_job_overlapping is {{ $value }}). See why the"
        " earlier one takes so long, and let the scheduler forbid two at once.",
    ),
    _Row(
        "Disappeared", _TIERED, "5m", f"time() - {EXPIRED}\n",
        "is forgotten",
        f"Nothing was pushed for three intervals, so its metrics ended {_VALUE} ago and its other alerts"
        " with them; that is no recovery. Start it again, or let it go: this ends after a day.",
    ),
)  # fmt: skip


def batch_alerts(runbooks: str) -> tuple[Alert, ...]:
    """All of them; ``runbooks`` is where the page with their sections stands, a path or a URL."""
    return tuple(_alert(row, runbooks) for row in _ROWS)


def _alert(row: _Row, runbooks: str) -> Alert:
    name = f"PushvarBatchJob{row.name}"
    annotations = {
        "summary": f"{_JOB} {row.summary}",
        "description": row.description,
        "runbook_url": f"{runbooks}#{name.lower()}",
    }
    return Alert(name, row.expr, row.holds_for, _labels(row.priority), annotations)


def _labels(priority: str) -> dict[str, str]:
    """Jobs are the business of their team; a P1 of it wakes somebody, as every P1 does."""
    tiered = _GOLD % (SEVERITIES["P1"], SEVERITIES["P2"])
    severity = tiered if priority == _TIERED else SEVERITIES[priority]
    return {"tier": "business", "priority": priority, "severity": severity, "team": TEAM}
