"""Which jobs a planned cycle is for, its rounds, and what the schedule's own time says. Pure.

A planned cycle knows only what the shard finished last, so a job is due when a slot of its interval
began since then: a cycle that was lost is made up for by the next one, and no other memory is needed.

The schedule wakes nobody oftener than once a minute. Jobs with shorter intervals have rounds: cycles of
their own, one after another inside the invocation that the minute gave. Slots are counted from the phase
of the schedule, so that the first round of every minute begins one.
"""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from pushvar.config.schema import Config, ScrapeConfig
    from pushvar.config.values import Duration

TICK_MS = 60_000
"""EventBridge Scheduler wakes nobody oftener."""

ROUND_MS = 10_000
"""Rounds are no closer than this: what is shorter is scraped as often."""

LATEST_MS = 1_800_000
"""No older plan is taken: a queue keeps messages longer than this, so that all late ones are counted."""

FARTHEST_MS = 600_000
"""A scheduled time farther from the clock than this is not believed: a cycle is never named by it."""


def due_jobs(jobs: Iterable[ScrapeConfig], *, cycle_ms: int, finished_ms: int, phase_ms: int) -> list[str]:
    """The names of the jobs that are due in a cycle, after one that was finished (0: none yet)."""
    return [
        job.job_name
        for job in jobs
        if is_due(job.scrape_interval, cycle_ms=cycle_ms, finished_ms=finished_ms, phase_ms=phase_ms)
    ]


def is_due(interval: Duration, *, cycle_ms: int, finished_ms: int, phase_ms: int) -> bool:
    """Whether a slot of the interval began since the finished cycle; ``phase_ms`` is the schedule's."""
    step_ms = max(interval.ms, ROUND_MS)
    return not finished_ms or (cycle_ms - phase_ms) // step_ms > (finished_ms - phase_ms) // step_ms


def phase_of(planned_ms: int) -> int:
    """How far into the minute the schedule wakes, in ms; ``planned_ms`` is a planned cycle."""
    return planned_ms % TICK_MS


def round_offsets(intervals_ms: Iterable[int], planned_ms: int) -> list[int]:
    """When the rounds of a planned cycle begin, in ms after it; the first is 0.

    A round begins where a slot of an interval shorter than the schedule's does.
    """
    start_ms, offsets = planned_ms - phase_of(planned_ms), {0}
    for interval_ms in set(intervals_ms):
        step_ms = max(interval_ms, ROUND_MS)
        offsets.update(range(-start_ms % step_ms, TICK_MS, step_ms))
    return sorted(offsets)


def current_round(offsets: Sequence[int], passed_ms: int) -> int:
    """The index of the last round that has begun, ``passed_ms`` after the first was to begin."""
    return max(0, sum(offset <= passed_ms for offset in offsets) - 1)


def intervals_ms(config: Config) -> list[int]:
    """The intervals of a configuration, that of pushed groups among them."""
    own = [job.scrape_interval.ms for job in config.scrape_configs]
    return [*own, *([config.gateway.interval.ms] if config.gateway.is_open else [])]


def late_after_ms(config: Config) -> int:
    """How old a plan may be: until the next one is there, which has newer work for the shard."""
    shortest_ms = min(intervals_ms(config), default=TICK_MS)
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
