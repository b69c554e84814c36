"""What is said of a run: at the start, with a heartbeat, at each kind of end; and what an end means."""

from __future__ import annotations

import asyncio
from itertools import count
from pathlib import Path

import pytest
from pushvar.catalogue import BATCH_FAMILIES, BATCH_METRICS, BATCH_MOMENTS, BATCH_STATUSES
from pushvar.config.values import Duration
from pushvar.errors import ConfigError
from pushvar.jobs.run import Declared, Ending, Run, overlap_only, stage_duration
from pushvar.jobs.run_status import exit_code_of, outcome_of, status_of
from pushvar.jobs.transport import Said
from pushvar.model import MetricType

DAY_MS = 86_400_000
START_MS = 1_800_000_000_000

DECLARED = Declared(
    "nightly", (("env", "prod"),), every_s=3600, timeout_s=600, version="2", schedule="@daily"
)
GOOD = Ending(0, "success", 1.23456789, 0.5, 1000)
BAD = Ending(3, "failure", 2.0, 0.5, 1000)


def names(said: Said) -> set[str]:
    """The names of what is said, without their prefix."""
    return {one.family.name.removeprefix("batch_job_") for one in said.families}


def values(said: Said) -> dict[str, float]:
    """What is said, by name without its prefix; series with labels are left out."""
    return {
        sample.name.removeprefix("batch_job_"): sample.value
        for one in said.families
        for sample in one.samples
        if not sample.labels
    }


def run(
    *, declared: Declared = DECLARED, overlapping: bool | None = False, times: tuple[int, ...] = ()
) -> Run:
    """A run whose clock goes a second further with each look, or shows these times."""
    clock = iter(times) if times else count(START_MS, 1000)
    return Run(declared, lambda: next(clock), overlapping=overlapping)


def of(*moments: str) -> set[str]:
    """The names that the table has for these moments."""
    return {row.family.name.removeprefix("batch_job_") for row in BATCH_METRICS if row.when in moments}


def test_each_moment_says_what_the_table_says() -> None:
    """Start, good end and bad end have exactly the metrics of their rows."""
    assert names(run().live(first=True)) == of("always")
    assert names(run().ended(GOOD, first=True)) == of("always", "end", "good")
    assert names(run().ended(BAD, first=True)) == of("always", "end", "bad")
    assert names(overlap_only(START_MS)) == {"overlapping"}


def test_the_table() -> None:
    """All are gauges of one prefix with help and anomaly; the moments are known, units stand in names."""
    assert len(BATCH_FAMILIES) == len(BATCH_METRICS)
    for row in BATCH_METRICS:
        assert row.family.name.startswith("batch_job_")
        assert row.family.type is MetricType.GAUGE
        assert row.when in BATCH_MOMENTS
        assert row.family.help.endswith(".")
        assert row.anomaly
        assert not row.family.unit or row.family.name.endswith(f"_{row.family.unit}")


def test_numbers_of_an_end() -> None:
    """Times are seconds, durations microseconds at the finest, and exactly one status is 1."""
    one = run()
    said = one.ended(BAD, first=False)
    found = values(said)
    assert found["last_start_timestamp_seconds"] == START_MS / 1000
    assert found["last_completion_timestamp_seconds"] == START_MS / 1000 + 1
    assert (
        found["last_failure_timestamp_seconds"] == found["heartbeat_timestamp_seconds"] == START_MS / 1000 + 1
    )
    assert (found["last_exit_code"], found["last_success"], found["running"]) == (3, 0, 0)
    assert (found["interval_seconds"], found["timeout_seconds"]) == (3600, 600)
    assert values(run().ended(GOOD, first=False))["duration_seconds"] == 1.234568
    (status,) = [family for family in said.families if family.family.name == "batch_job_last_status"]
    assert {dict(sample.labels)["status"]: sample.value for sample in status.samples} == {
        name: float(name == "failure") for name in BATCH_STATUSES
    }


def test_what_is_not_known_is_not_said() -> None:
    """A job that declares nothing, nobody who knows of others, a command that never began."""
    bare = run(declared=Declared("bare"), overlapping=None)
    assert names(bare.live(first=True)) == {
        "last_start_timestamp_seconds",
        "running",
        "heartbeat_timestamp_seconds",
    }
    never = bare.ended(Ending(127, "not_started", 0.0), first=True)
    assert not {"cpu_seconds", "max_rss_bytes"} & names(never)


def test_an_interval_is_the_schedule_unless_one_is_given() -> None:
    """The label schedule says how often, in words."""
    (info,) = [
        one.samples[0].labels
        for one in run(declared=Declared("x", every_s=5400)).live(first=True).families
        if one.family.name == "batch_job_info"
    ]
    assert info == (("schedule", "1h30m"),)


def test_whether_it_overlaps() -> None:
    """That it does is said each time, that it does not only until that has arrived: another may say more."""
    alone, second = run(overlapping=False), run(overlapping=True)
    assert values(alone.live(first=True))["overlapping"] == 0
    assert "overlapping" not in names(alone.live(first=False))
    assert "overlapping" not in names(alone.ended(GOOD, first=False))
    assert values(second.live(first=False))["overlapping"] == 1
    assert values(second.ended(GOOD, first=False))["overlapping"] == 1
    assert "running" not in names(second.ended(GOOD, first=False, alone=False))


def test_times_grow() -> None:
    """However the clock stands or goes back, no two pushes have one time."""
    one = run(times=(START_MS, START_MS, START_MS - 5, START_MS + 10, START_MS + 10))
    said = [one.live(first=True), one.live(first=False), one.live(first=False), one.ended(GOOD, first=False)]
    assert [state.time_ms - START_MS for state in said] == [1, 2, 10, 11]


@pytest.mark.parametrize(
    ("declared", "ttl_ms"),
    [
        (Declared("x"), 0),
        (Declared("x", every_s=60), DAY_MS),
        (Declared("x", every_s=86_400), 3 * DAY_MS),
        (Declared("x", every_s=60, ttl_s=3600), 3_600_000),
        (Declared("x", ttl_s=1.5), 1500),
    ],
)
def test_how_long_it_is_kept(declared: Declared, ttl_ms: int) -> None:
    """Three intervals and at least a day, or what is asked for; nothing is said where nothing is declared."""
    assert declared.ttl == Duration(ttl_ms)


@pytest.mark.parametrize(
    "declared",
    [
        Declared(""),
        Declared("x", (("a-b", "x"),)),
        Declared("x", (("__a", "x"),)),
        Declared("x", (("job", "y"),)),
        Declared("x", (("stage", "y"),)),
        Declared("x", (("version", "y"),)),
        Declared("x", (("a", "x"), ("a", "y"))),
    ],
)
def test_what_no_group_can_have(declared: Declared) -> None:
    """A job without a name, labels that are none, are twice or tell the metrics' own series apart."""
    with pytest.raises(ConfigError):
        declared.check()


def test_labels_of_a_group() -> None:
    """They are sorted, the job among them, and any text may be their value."""
    declared = Declared("a/b", (("zone", ""), ("env", "ü")))
    declared.check()
    assert declared.grouping == (("env", "ü"), ("job", "a/b"), ("zone", ""))


def test_as_text_and_as_samples() -> None:
    """The text has no times and ends its lines; packed series have the group's labels, which win."""
    said = Said(overlap_only(START_MS).families, START_MS, (stage_duration('a"b', 1.5),))
    assert said.as_text().decode().splitlines()[-1] == r'batch_job_stage_duration_seconds{stage="a\"b"} 1.5'
    batch = said.as_batch((("job", "x"), ("stage", "mine")))
    assert (batch.samples, batch.size_bytes, said.samples) == (2, len(batch.parts[0]), 2)
    assert b"mine" in batch.parts[0]
    assert b'a"b' not in batch.parts[0]
    assert (said.untold.samples, said.untold.time_ms) == (1, START_MS)


def test_series_that_the_groups_labels_make_one() -> None:
    """They are sent once: a receiver refuses two samples of one series and time."""
    said = Said((), START_MS, (stage_duration("a", 1.0), stage_duration("b", 2.0)))
    assert said.as_batch((("job", "x"), ("stage", "all"))).samples == 1


@pytest.mark.parametrize(
    ("code", "heard", "timed_out", "status"),
    [
        (0, (), False, "success"),
        (1, (), False, "failure"),
        (143, (), False, "failure"),
        (143, (15,), False, "interrupted"),
        (0, (15,), False, "interrupted"),
        (0, (2,), False, "success"),
        (130, (2,), False, "interrupted"),
        (129, (1,), False, "interrupted"),
        (131, (3,), False, "interrupted"),
        (1, (10, 12), False, "failure"),
        (0, (10, 12), False, "success"),
        (124, (15,), True, "timeout"),
    ],
)
def test_statuses(code: int, heard: tuple[int, ...], timed_out: bool, status: str) -> None:  # noqa: FBT001 - a case
    """What ends after SIGTERM is not whole; after the others it depends on how it ended."""
    assert status_of(code, heard=heard, timed_out=timed_out) == status


def test_exit_codes_of_signals() -> None:
    """128 and the number, as a shell says it."""
    assert [exit_code_of(returned) for returned in (0, 3, -9, -15)] == [0, 3, 137, 143]


@pytest.mark.parametrize(
    ("error", "outcome"),
    [
        (None, (0, "success")),
        (ValueError(), (1, "failure")),
        (SystemExit(), (0, "success")),
        (SystemExit(True), (1, "failure")),
        (SystemExit("words"), (1, "failure")),
        (SystemExit(256), (0, "success")),
        (SystemExit(-1), (255, "failure")),
        (KeyboardInterrupt(), (130, "interrupted")),
        (GeneratorExit(), (1, "interrupted")),
        (asyncio.CancelledError(), (1, "interrupted")),
    ],
    ids=repr,
)
def test_outcomes_of_python_code(error: BaseException | None, outcome: tuple[int, str]) -> None:
    """An exception is a failure, SystemExit what it says, an interrupt an interrupt."""
    assert outcome_of(error) == outcome


def test_the_page_for_users_is_fresh() -> None:
    """docs/batch-jobs.md has a line for each metric and each status, in the words of the table."""
    lines = (Path(__file__).parents[2] / "docs" / "batch-jobs.md").read_text().splitlines()
    for row in BATCH_METRICS:
        labels = f"{{{','.join(row.labels)}}}" if row.labels else ""
        assert f"| `{row.family.name}{labels}` | {row.family.help} | {BATCH_MOMENTS[row.when]} |" in lines
    for status, meaning in BATCH_STATUSES.items():
        assert f"| `{status}` | {meaning} |" in lines
    assert len([line for line in lines if line.startswith("| `batch_job_")]) == len(BATCH_METRICS)
