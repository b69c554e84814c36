"""What is said of a batch job: by ``pushvar job run``, by the Python API, by who pushes the same names.

All are gauges of one group, whose labels are ``job`` and those that the job is given. A counter of runs
is not among them: each run is a process of its own and would always say 1 (only who keeps the groups
could count). Prometheus' "Instrumentation: batch jobs" says why the time of the last success matters most.
"""

from __future__ import annotations

from dataclasses import dataclass

from pushvar.model import Family, MetricType

_PREFIX = "batch_job_"
_UNITS = ("bytes", "seconds")

BATCH_MOMENTS: dict[str, str] = {
    "always": "at the start, with each heartbeat and at the end",
    "told": "when the job says it, with the next heartbeat or at the end",
    "end": "at the end",
    "good": "at the end of a good run; a bad one leaves it as it was",
    "bad": "at the end of a bad run; a good one leaves it as it was",
}
"""When a metric is pushed. A POST replaces what it names and nothing else, so the rest stays."""

BATCH_STATUSES: dict[str, str] = {
    "success": "exit code 0",
    "failure": "another exit code, a signal, or an exception",
    "interrupted": "it was asked to end: SIGTERM, or another signal that it then ended by",
    "timeout": "it took longer than its declared limit and was ended",
    "not_started": "the command was not found or could not be executed",
}
"""Values of the label ``status``: exactly one of them is 1. All but the first are bad runs."""


@dataclass(frozen=True, slots=True)
class BatchMetric:
    """One of the metrics; ``labels`` are those beside the group's, ``when`` a key of BATCH_MOMENTS.

    ``anomaly`` says which value or movement deserves a look. A job may set those that are ``settable``.
    """

    family: Family
    labels: tuple[str, ...]
    when: str
    anomaly: str
    settable: bool = False


def _row(
    when: str, name: str, labels: str, text: str, anomaly: str, *, settable: bool = False
) -> BatchMetric:
    """A gauge; the unit stands at the end of its name."""
    unit = next((unit for unit in _UNITS if name.endswith(f"_{unit}")), "")
    family = Family(_PREFIX + name, MetricType.GAUGE, text, unit)
    return BatchMetric(family, tuple(labels.split()), when, anomaly, settable)


BATCH_METRICS: tuple[BatchMetric, ...] = (
    _row("always", "last_start_timestamp_seconds", "", "When the last run began.",
         "older than two intervals: nobody starts the job any more"),
    _row("always", "overlapping", "", "1 when the last run began while another one was at work.",
         "1: the job takes longer than its interval, or hangs"),
    _row("always", "interval_seconds", "", "How often the job is to run, as declared.",
         "not the interval of its schedule: the alerts on missed runs are wrong"),
    _row("always", "timeout_seconds", "", "How long a run may take, as declared.",
         "below the usual duration: good runs are ended"),
    _row("always", "info", "version schedule", "Always 1; the labels say which job it is.",
         "two versions for long: a rollout that stopped half way"),
    _row("always", "running", "", "1 while a run is at work.",
         "1 for longer than the timeout, or with an old heartbeat: it hangs, or its machine died"),
    _row("always", "heartbeat_timestamp_seconds", "", "When a run last said that it is there.",
         "minutes old while running is 1: the run was killed or cut off"),
    _row("told", "stage_duration_seconds", "stage", "How long a stage of the last run took.",
         "one stage that grows while the others do not: that is where to look"),
    _row("told", "records_processed", "", "Records that the last run processed.",
         "0, or far from the usual number: an input that is empty or double", settable=True),
    _row("told", "records_failed", "", "Records that the last run could not process.",
         "above 0 in a good run: it skips what it cannot read", settable=True),
    _row("told", "retries", "", "How often the last run had to try again.",
         "growth: something that it depends on gets worse", settable=True),
    _row("end", "last_completion_timestamp_seconds", "", "When the last run ended, good or bad.",
         "older than last_start and not running: it never came to its end"),
    _row("end", "duration_seconds", "", "How long the last run took.",
         "near the interval or the timeout: soon runs overlap or are ended"),
    _row("end", "last_exit_code", "", "Exit code of the last run; 128+n for signal n.",
         "137 is SIGKILL, mostly out of memory; 127 a command that is not there; 124 the timeout"),
    _row("end", "last_success", "", "1 when the last run was good.",
         "0: the last run was bad; last_status says in which way"),
    _row("end", "last_status", "status", "1 for how the last run ended, 0 for every other way.",
         "interrupted again and again: its machine or pod ends before it does"),
    _row("end", "cpu_seconds", "", "CPU time of the last run and of the processes it waited for.",
         "far below the duration: it waits; far above: it runs in parallel"),
    _row("end", "max_rss_bytes", "", "Peak memory of the largest process of the last run.",
         "near the limit of its container: the next one may be killed"),
    _row("good", "last_success_timestamp_seconds", "", "When the last good run ended.",
         "older than two intervals: two runs were missed or failed"),
    _row("bad", "last_failure_timestamp_seconds", "", "When the last bad run ended.",
         "newer than the last success: it fails now"),
)  # fmt: skip

BATCH_FAMILIES: dict[str, Family] = {row.family.name: row.family for row in BATCH_METRICS}
"""Their families by name."""

BATCH_PREFIX = _PREFIX
"""What the names of all of them begin with, and those of what a job sets itself."""
