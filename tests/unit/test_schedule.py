"""What is due in a planned cycle, how old a plan may be, and which scheduled times are believed."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from pushvar.collect.schedule import (
    TICK_MS,
    current_round,
    due_jobs,
    intervals_ms,
    late_after_ms,
    nominal_ms,
    phase_of,
    round_offsets,
)
from pushvar.config.load import load

if TYPE_CHECKING:
    from pushvar.config.schema import Config

START_MS = 1_795_176_000_000  # a multiple of an hour, and of 90 s


def config(**intervals: str) -> Config:
    """A configuration with a job for each interval."""
    jobs = "".join(f"- {{job_name: {name}, scrape_interval: {text}}}\n" for name, text in intervals.items())
    return load(f"scrape_configs:\n{jobs}", source="test")


def beats(interval: str, *, lost: frozenset[int] = frozenset()) -> list[int]:
    """The ticks in which a job of that interval is due; some ticks are lost on the way."""
    jobs = config(job=interval).scrape_configs
    finished_ms, due = 0, []
    for tick in range(12):
        cycle_ms = START_MS + tick * TICK_MS
        if tick in lost:
            continue
        if due_jobs(jobs, cycle_ms=cycle_ms, finished_ms=finished_ms, phase_ms=phase_of(cycle_ms)):
            due.append(tick)
        finished_ms = cycle_ms
    return due


@pytest.mark.parametrize(
    ("interval", "ticks"),
    [
        ("10s", [*range(12)]),
        ("1m", [*range(12)]),
        ("2m", [0, 2, 4, 6, 8, 10]),
        ("5m", [0, 5, 10]),
        ("90s", [0, 2, 3, 5, 6, 8, 9, 11]),
        ("1h", [0]),
    ],
)
def test_mixed_intervals(interval: str, ticks: list[int]) -> None:
    """Every job keeps its own pace on ticks of a minute, a job shorter than the tick runs in each."""
    assert beats(interval) == ticks


def test_a_lost_cycle_is_made_up_for() -> None:
    """The tick of a five-minute job is lost: the next one that comes is its turn."""
    assert beats("5m", lost=frozenset({5, 6})) == [0, 7, 10]


def test_jobs_are_due_each_by_itself() -> None:
    """One job's pace says nothing of another's."""
    jobs = config(fast="1m", slow="5m").scrape_configs
    due = due_jobs(jobs, cycle_ms=START_MS + TICK_MS, finished_ms=START_MS, phase_ms=0)
    assert due == ["fast"]


def test_the_clock_may_name_cycles() -> None:
    """Without a usable time a cycle is named by a moment near the tick: a job of a minute is due in each."""
    jobs, finished_ms = config(job="1m").scrape_configs, 0
    for cycle_ms in (START_MS + 59_900, START_MS + 60_100 + TICK_MS, START_MS + 59_800 + 2 * TICK_MS):
        phase_ms = phase_of(cycle_ms)
        assert due_jobs(jobs, cycle_ms=cycle_ms, finished_ms=finished_ms, phase_ms=phase_ms) == ["job"]
        finished_ms = cycle_ms


@pytest.mark.parametrize("phase_ms", [0, 37_250])
@pytest.mark.parametrize(
    ("intervals", "beats_s"),
    [
        ({"a": "10s"}, {"a": [0, 10, 20, 30, 40, 50, 60, 70, 80, 90, 100, 110]}),
        ({"a": "1s"}, {"a": [0, 10, 20, 30, 40, 50, 60, 70, 80, 90, 100, 110]}),
        ({"a": "15s", "b": "20s"}, {"a": [0, 15, 30, 45, 60, 75, 90, 105], "b": [0, 20, 40, 60, 80, 100]}),
        ({"a": "30s", "b": "1m", "c": "2m"}, {"a": [0, 30, 60, 90], "b": [0, 60], "c": [0]}),
        ({"a": "25s", "b": "1m"}, {"a": [0, 25, 50, 75, 100], "b": [0, 60]}),
        ({"a": "1m"}, {"a": [0, 60]}),
    ],
)
def test_rounds(intervals: dict[str, str], beats_s: dict[str, list[int]], phase_ms: int) -> None:
    """Two ticks of the schedule, wherever in the minute it wakes: every job has its own even pace."""
    whole = config(**intervals)
    start_ms = START_MS // 600_000 * 600_000 + phase_ms  # 600 s: a multiple of all intervals
    seen: dict[str, list[int]] = {name: [] for name in intervals}
    finished_ms = 0
    for tick_ms in (start_ms, start_ms + TICK_MS):
        offsets = round_offsets(intervals_ms(whole), tick_ms)
        assert offsets[0] == 0
        for offset in offsets:
            now_ms = tick_ms + offset
            for job in due_jobs(
                whole.scrape_configs, cycle_ms=now_ms, finished_ms=finished_ms, phase_ms=phase_of(tick_ms)
            ):
                seen[job].append((now_ms - start_ms) // 1000)
            finished_ms = now_ms
    assert seen == beats_s


def test_no_round_is_empty() -> None:
    """A tick has a round for its first moment and for each slot that begins in it, no others."""
    assert round_offsets([60_000, 120_000], START_MS) == [0]
    assert round_offsets([20_000, 30_000, 60_000], START_MS) == [0, 20_000, 30_000, 40_000]


@pytest.mark.parametrize(
    ("passed_ms", "index"), [(-5_000, 0), (0, 0), (9_999, 0), (10_000, 1), (25_000, 2), (70_000, 2)]
)
def test_the_round_of_a_moment(passed_ms: int, index: int) -> None:
    """One that comes late begins with the last round that has begun: the past cannot be scraped."""
    assert current_round([0, 10_000, 20_000], passed_ms) == index


@pytest.mark.parametrize(
    ("intervals", "limit_ms"),
    [
        ({"a": "1m"}, 60_000),
        ({"a": "10s"}, 60_000),
        ({"a": "5m", "b": "2m"}, 120_000),
        ({"a": "2h"}, 1_800_000),
    ],
)
def test_how_old_a_plan_may_be(intervals: dict[str, str], limit_ms: int) -> None:
    """As old as the shortest interval, a minute at least."""
    assert late_after_ms(config(**intervals)) == limit_ms


def test_a_scheduled_time() -> None:
    """The scheduler's own spelling, and any offset."""
    for text in ("2026-11-20T12:00:00Z", "2026-11-20T13:00:00+01:00"):
        assert nominal_ms(text, 1_795_176_030_000) == 1_795_176_000_000


@pytest.mark.parametrize(
    "text",
    [
        "<aws.scheduler.scheduled-time>", "", None, 7, {}, "2026-11-20", "2026-11-20T12:00:00",
        "2027-11-20T12:00:00Z", "2026-11-20T11:40:00Z", "9999-12-31T23:59:59-23:00",
    ],
)  # fmt: skip
def test_a_time_that_is_not_believed(text: object) -> None:
    """No time, one without a zone, or one far from now: it would name a cycle that spoils the next ones."""
    assert nominal_ms(text, 1_795_176_030_000) is None
