"""What the alerts for batch jobs look at: recorded series, one for each group of pushed metrics.

**Memory.** A group of a gateway or Pushgateway is there all the time, and ends with a stale marker. A job
that writes straight to its backend sends a value once, which no query shows after five minutes. So each
metric has a recorded twin, ``group:<metric>:last``: the metric itself, else what the twin said a minute
ago. A stale marker ends the twin: the metric then has samples in the last four minutes and yet no value, as
it never has when it was only sent once (queries look five minutes back). What was sent once is kept for as
long as a gateway would keep it.

Thresholds come from the group's own series, so one file serves every job: two series match on all labels.
"""

from __future__ import annotations

from pushvar.kit.rule_files import Recording

INTERVAL = "batch_job_interval_seconds"
TIMEOUT = "batch_job_timeout_seconds"
START = "batch_job_last_start_timestamp_seconds"
COMPLETION = "batch_job_last_completion_timestamp_seconds"
SUCCESS = "batch_job_last_success_timestamp_seconds"
FAILURE = "batch_job_last_failure_timestamp_seconds"
SUCCEEDED = "batch_job_last_success"
EXIT_CODE = "batch_job_last_exit_code"
DURATION = "batch_job_duration_seconds"
RUNNING = "batch_job_running"
HEARTBEAT = "batch_job_heartbeat_timestamp_seconds"
OVERLAPPING = "batch_job_overlapping"

METRICS = (
    INTERVAL, TIMEOUT, START, COMPLETION, SUCCESS, FAILURE, SUCCEEDED, EXIT_CODE, DURATION, RUNNING,
    HEARTBEAT, OVERLAPPING,
)  # fmt: skip
"""The metrics of a job that alerts read."""

KEPT_UNTIL = "group:batch_job_kept_until_timestamp_seconds:last"
SINCE = "group:batch_job_no_success_since_timestamp_seconds:last"
USUAL = "group:batch_job_usual_duration_seconds:max"
MISSED_AFTER = "group:batch_job_missed_after_seconds:sum"
TOO_LONG_AFTER = "group:batch_job_too_long_after_seconds:max"
ALIVE = "group:batch_job_alive_timestamp_seconds:max"
IDLE = "group:batch_job_idle_at_expiry_seconds:max"
EXPIRED = "group:batch_job_expired_timestamp_seconds:last"

_DAY_S = 86_400
_SEEN = "4m"  # less than the five minutes that queries look back, more than two intervals of a gateway
_EARLY_S, _LATE_S = 300, 600  # around the expected expiry: clocks, the cycle of the gateway, this group's
_SHORTEST_LIMIT_S = 600  # of a run without a declared timeout: shorter ones are not worth a call


def last(metric: str) -> str:
    """The recorded twin of a metric."""
    return f"group:{metric}:last"


def _life(interval: str) -> str:
    """How long a gateway keeps a group after its last push, unless it was told otherwise."""
    return f"clamp_min(3 * {interval}, {_DAY_S})"


def _latest(*metrics: str) -> str:
    """The greatest of several metrics of a group, where it has one of them at least."""
    stems = "|".join(
        metric.removeprefix("batch_job_").removesuffix("_timestamp_seconds") for metric in metrics
    )
    return f'max without () ({{__name__=~"group:batch_job_({stems})_timestamp_seconds:last"}})'


def _kept_until() -> Recording:
    """The time until which values that were sent once are kept; series that are there push it on."""
    return Recording(
        KEPT_UNTIL,
        f"""\
(
  timestamp({START})
  or
  timestamp({SUCCESS})
)
+ clamp_min(
  3 * {INTERVAL}
  or 0 * {START}
  or 0 * {SUCCESS},
  {_DAY_S}
)
or
(
  {KEPT_UNTIL} > time()
  unless last_over_time({START}[{_SEEN}])
  unless last_over_time({SUCCESS}[{_SEEN}])
)
""",
    )


def _twin(metric: str) -> Recording:
    return Recording(
        last(metric),
        f"""\
{metric}
or
(
  {last(metric)}
  and {KEPT_UNTIL}
  unless last_over_time({metric}[{_SEEN}])
)
""",
    )


def _since() -> Recording:
    """The last success; for a job without one, the first start that was seen."""
    return Recording(
        SINCE,
        f"""\
{last(SUCCESS)} > 0
or
(
  {SINCE}
  and {last(START)}
)
or
{last(START)}
""",
    )


def _usual() -> Recording:
    """The longest good run. It fades by half in five days, so that one long night is not for ever."""
    good = f"({last(DURATION)} unless {last(SUCCEEDED)} == 0)"
    return Recording(
        USUAL,
        f"""\
{good}
  > 0.9999 * {USUAL}
or
(
  0.9999 * {USUAL}
  and {last(DURATION)}
)
or
{good}
""",
    )


def _missed_after() -> Recording:
    """Two intervals and the time that a run takes: two runs should have ended well within it."""
    two = f"2 * ({last(INTERVAL)} > 0)"
    return Recording(MISSED_AFTER, f"{two} + {USUAL}\nor\n{two}\n")


def _too_long_after() -> Recording:
    """The declared timeout; without one, twice the usual duration."""
    return Recording(
        TOO_LONG_AFTER, f"{last(TIMEOUT)} > 0\nor\nclamp_min(2 * {USUAL}, {_SHORTEST_LIMIT_S})\n"
    )


def _alive() -> Recording:
    """The last sign of life, of jobs with a heartbeat; a start counts, the beat may be an older run's."""
    return Recording(ALIVE, f"{_latest(HEARTBEAT, START)}\nand\n{last(HEARTBEAT)}\n")


def _idle() -> Recording:
    """How long nothing was pushed: only of groups with an interval, around the time when they expire."""
    life = _life(f"({last(INTERVAL)} > 0)")
    return Recording(
        IDLE,
        f"""\
time() - {_latest(HEARTBEAT, START, COMPLETION)}
  > {life} - {_EARLY_S}
  < {life} + {_LATE_S}
and
{last(START)}
""",
    )


def _expired() -> Recording:
    """When a group ended of itself, for a day: two minutes ago it was about to, now it is gone.

    A DELETE looks the same to Prometheus, but does not come at that time of all.
    """
    return Recording(
        EXPIRED,
        f"""\
(
  0 * {IDLE} offset 2m + time()
  or
  {EXPIRED} > time() - {_DAY_S}
)
unless
{last(START)}
""",
    )


def recordings() -> tuple[Recording, ...]:
    """In the order in which one needs the other."""
    derived = (_since(), _usual(), _missed_after(), _too_long_after(), _alive(), _idle(), _expired())
    return (_kept_until(), *map(_twin, METRICS), *derived)
