"""Which jobs a planned cycle is for, and what the schedule's own time says. Pure.

A planned cycle knows only what the shard finished last, so a job is due when a slot of its interval
began since then: a cycle that was lost is made up for by the next one, and no other memory is needed.
"""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from pushvar.config.schema import Config, ScrapeConfig
    from pushvar.config.values import Duration

TICK_MS = 60_000
"""EventBridge Scheduler wakes nobody oftener."""

LATEST_MS = 1_800_000
"""No older plan is taken: a queue keeps messages longer than this, so that all late ones are counted."""

FARTHEST_MS = 600_000
"""A scheduled time farther from the clock than this is not believed: a cycle is never named by it."""


def due_jobs(jobs: Iterable[ScrapeConfig], *, cycle_ms: int, finished_ms: int) -> list[str]:
    """The names of the jobs that are due in a cycle, after one that was finished (0: none yet)."""
    return [
        job.job_name
        for job in jobs
        if is_due(job.scrape_interval, cycle_ms=cycle_ms, finished_ms=finished_ms)
    ]


def is_due(interval: Duration, *, cycle_ms: int, finished_ms: int) -> bool:
    """Whether a slot of the interval began since the finished cycle; what is short is due in each."""
    if interval.ms <= TICK_MS or not finished_ms:
        return True
    return cycle_ms // interval.ms > finished_ms // interval.ms


def late_after_ms(config: Config) -> int:
    """How old a plan may be: until the next one is there, which has newer work for the shard."""
    intervals = [job.scrape_interval.ms for job in config.scrape_configs]
    if config.gateway.is_open:
        intervals.append(config.gateway.interval.ms)
    shortest_ms = min(intervals, default=TICK_MS)
    return max(TICK_MS, min(shortest_ms, LATEST_MS))


def nominal_ms(text: object, now_ms: int) -> int | None:
    """A scheduled time (``2022-03-22T18:59:43Z``) in Unix ms, or None when it is none near ``now_ms``.

    Source: EventBridge Scheduler's context attribute ``<aws.scheduler.scheduled-time>``.
    """
    try:
        moment = datetime.fromisoformat(str(text))
    except ValueError:
        return None
    if moment.tzinfo is None:
        return None
    time_ms = round(moment.timestamp() * 1000)
    return time_ms if abs(time_ms - now_ms) <= FARTHEST_MS else None
