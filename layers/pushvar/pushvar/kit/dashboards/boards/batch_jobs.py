"""Batch jobs: what ran, how it ended, what is late, by the interval and timeout that each declares."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pushvar.catalogue.thresholds import Threshold
from pushvar.kit.dashboards.choices import JOB_SCOPE, TENANT, variables
from pushvar.kit.dashboards.panels import BAD, CALM, GOOD, WATCH, lines, number, table, timeline
from pushvar.kit.dashboards.words import Board, Column, Panel, Query, Row, State

if TYPE_CHECKING:
    from pushvar.kit.settings import KitSettings

_J = JOB_SCOPE
_EACH = "{{customer_id}} {{job}} {{instance}}"
_KEY = "customer_id, service_domain, sla_tier, job, instance"
_LATE = Threshold(1.2, 2.0, "short", "two runs in a row were missed, or failed")
_LONG = Threshold(0.5, 0.8, "percentunit", "soon runs are ended, or overlap")
_ANY = Threshold(1.0, 1.0, "short", "somebody has to look")
_QUIET_S = 120
_QUIET = Threshold(60, _QUIET_S, "s", "a run says that it is there every 30 s")
_RUNS = (
    State(0, "failed", BAD), State(1, "good", GOOD), State(2, "runs, the last one failed", WATCH),
    State(3, "runs", CALM),
)  # fmt: skip
_STATUS = 'status!="success"'


def board(settings: KitSettings) -> Board:
    """The dashboard."""
    del settings  # jobs declare their intervals themselves
    rows = (
        Row("At a glance", _glance()),
        Row("Runs", (_course(), _jobs())),
        Row("Late and long", _times()),
        Row("Failures", _failures()),
        Row("What a run takes and does", _work()),
        Row("Pushes", _pushes()),
    )
    metric = "batch_job_last_start_timestamp_seconds"
    return Board("batch-jobs", "Batch jobs", "Runs, lateness, durations and failures of batch jobs.",
                 variables(metric, (*TENANT, "job")), rows, since="now-24h")  # fmt: skip


def _age() -> str:
    return f"(time() - {_J('batch_job_last_success_timestamp_seconds')})"


def _intervals() -> str:
    """Age of the last success in intervals; of jobs that declared one."""
    return f"{_age()} / ({_J('batch_job_interval_seconds')} > 0)"


def _state() -> str:
    """What a job does (2) and how the last run ended (1)."""
    running, good = _J("batch_job_running"), _J("batch_job_last_success")
    return f"2 * {running} + ({good} or 0 * {running})"


def _glance() -> tuple[Panel, ...]:
    failed = f"count({_J('batch_job_last_success')}) - sum({_J('batch_job_last_success')})"
    overlapping = f"sum({_J('batch_job_overlapping')})"
    refused = f"sum({_J('push_failure_time_seconds')} > bool {_J('push_time_seconds')})"
    return (
        number("Jobs", "short", f"count({_J('batch_job_last_start_timestamp_seconds')})"),
        number("Run now", "short", f"sum({_J('batch_job_running')})"),
        number("Last run failed", "short", failed, threshold=_ANY),
        number("Latest, in intervals", "short", f"max({_intervals()})", threshold=_LATE,
               text="Age of the last success in parts of the declared interval."),
        number("Overlapping", "short", overlapping, threshold=_ANY),
        number("Last push refused", "short", refused, threshold=_ANY,
               text="Groups whose last push the gateway did not take."),
    )  # fmt: skip


def _course() -> Panel:
    return timeline("How runs ended", _state(), _EACH, _RUNS, size=(24, 9),
                    text="A job that says nothing of its result counts as failed until it does.")  # fmt: skip


def _line(expr: str) -> Query:
    """For a table: lines are told apart by the same labels, and never by the metric's name."""
    return Query(f"max by ({_KEY}) ({expr})")


def _jobs() -> Panel:
    columns = (
        (_line(_state()), Column("State", states=_RUNS)),
        (_line(_age()), Column("Since the last success", "s")),
        (_line(_J("batch_job_interval_seconds")), Column("Interval", "s")),
        (_line(_intervals()), Column("In intervals", "short", _LATE)),
        (_line(_J("batch_job_duration_seconds")), Column("Duration", "s")),
        (_line(_J("batch_job_timeout_seconds")), Column("Timeout", "s")),
        (_line(_J("batch_job_last_exit_code")), Column("Exit code", "short", _ANY)),
    )
    names = ("customer_id", "service_domain", "sla_tier")
    labels = (*map(Column, names), Column("job", opens="batch-jobs"), Column("instance"))
    return table("Jobs", columns, labels=labels, size=(24, 10), hidden=("Time",),
                 text="A click on a job opens this dashboard for it alone.")  # fmt: skip


def _times() -> tuple[Panel, ...]:
    limit = f"{_J('batch_job_duration_seconds')} / ({_J('batch_job_timeout_seconds')} > 0)"
    heartbeat = f"(time() - {_J('batch_job_heartbeat_timestamp_seconds')}) and {_J('batch_job_running')} == 1"
    started = f"time() - {_J('batch_job_last_start_timestamp_seconds')}"
    return (
        lines("Age of the last success, in intervals", "short", Query(_intervals(), _EACH), threshold=_LATE),
        lines("Since the last start", "s", Query(started, _EACH)),
        lines("Duration", "s", Query(_J("batch_job_duration_seconds"), _EACH)),
        lines("Duration, of the timeout", "percentunit", Query(limit, _EACH), threshold=_LONG, size=(12, 8)),
        lines("Silence of runs at work", "s", Query(heartbeat, _EACH), threshold=_QUIET, size=(12, 8),
              text="Empty while nothing runs."),
    )  # fmt: skip


def _failures() -> tuple[Panel, ...]:
    ended = f"max by (customer_id, job, instance, status) ({_J('batch_job_last_status', _STATUS)}) == 1"
    bad = f"time() - {_J('batch_job_last_failure_timestamp_seconds')}"
    labels = (Column("customer_id"), Column("job"), Column("instance"), Column("status"))
    return (
        table("Bad last runs", ((Query(ended), Column("Bad", "short", _ANY)),), labels=labels,
              hidden=("Time",), text="Empty is good: every last run was."),
        lines("Since the last failure", "s", Query(bad, _EACH)),
        lines("Exit code", "short", Query(_J("batch_job_last_exit_code"), _EACH), threshold=_ANY),
        lines("Runs that overlap", "short", Query(_J("batch_job_overlapping"), _EACH), threshold=_ANY,
              size=(24, 7)),
    )  # fmt: skip


def _work() -> tuple[Panel, ...]:
    stage = Query(_J("batch_job_stage_duration_seconds"), f"{_EACH} {{{{stage}}}}")
    names = (("processed", "records_processed"), ("failed", "records_failed"), ("retries", "retries"))
    records = tuple(Query(_J(f"batch_job_{name}"), f"{_EACH} {word}") for word, name in names)
    versions = f"count by (job, version, schedule) ({_J('batch_job_info')})"
    return (
        lines("CPU time", "s", Query(_J("batch_job_cpu_seconds"), _EACH)),
        lines("Most memory", "bytes", Query(_J("batch_job_max_rss_bytes"), _EACH)),
        lines("Stages", "s", stage),
        lines("Records", "short", *records, size=(12, 8)),
        lines("Versions", "short", Query(versions, "{{job}} {{version}} {{schedule}}"), size=(12, 8)),
    )


def _pushes() -> tuple[Panel, ...]:
    pushed = f"time() - {_J('push_time_seconds')}"
    refused = f"time() - ({_J('push_failure_time_seconds')} > 0)"
    ended = f"time() - {_J('batch_job_last_completion_timestamp_seconds')}"
    return (
        lines("Since the last push", "s", Query(pushed, _EACH)),
        lines("Since the last push that was refused", "s", Query(refused, _EACH)),
        lines("Since a run last ended", "s", Query(ended, _EACH)),
    )
