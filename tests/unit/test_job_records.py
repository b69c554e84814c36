"""What a job writes of itself: which lines are taken, what they become, what is left out with a word."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pushvar.errors import ConfigError
from pushvar.jobs.records import BODY_BYTES, SERIES_LIMIT, Records, assignment, metric_of
from pushvar.wire.exposition import text


def printed(*bodies: bytes, whole: bool = True) -> tuple[list[str], list[str]]:
    """The samples that bodies give, as text, and the problems that they have."""
    records = Records()
    for body in bodies:
        records.read(body, "file", whole=whole)
    lines = text.encode(records.families()).decode().splitlines()
    return [line for line in lines if not line.startswith("#")], [*records.problems]


TAKEN = [
    (b"rows=42", ["batch_job_rows 42"]),
    (b"  rows =\t42 \r\n", ["batch_job_rows 42"]),
    (b"rows=1\nrows=2\n", ["batch_job_rows 2"]),
    (b"rows+=1\nrows+=2.5\n", ["batch_job_rows 3.5"]),
    (b"rows=1e3\nload=-0.5\n", ["batch_job_rows 1000", "batch_job_load -0.5"]),
    (b"batch_job_rows=1\n", ["batch_job_rows 1"]),
    (b"records_processed=5\nretries=1\n", ["batch_job_records_processed 5", "batch_job_retries 1"]),
    (b'{"rows": 1, "ok": true}\n', ["batch_job_rows 1", "batch_job_ok 1"]),
    (b"rows 5\n", ["rows 5"]),
    (b'sold{shop="a=b"} 5 1700000000000\n', ['sold{shop="a=b"} 5']),
    (b"# TYPE sold counter\nsold_total 5\n# EOF\nrows=1\n", ["sold_total 5", "batch_job_rows 1"]),
    (
        b'batch_job_stage_duration_seconds{stage="a"} 1\n' * 2,
        ['batch_job_stage_duration_seconds{stage="a"} 2'],
    ),
    (b"batch_job_records_failed 3\n", ["batch_job_records_failed 3"]),
    (b"\n\n# a comment\n", []),
]


@pytest.mark.parametrize(("body", "samples"), TAKEN)
def test_what_is_taken(body: bytes, samples: list[str]) -> None:
    """Assignments, JSON objects and exposition text, in any mixture."""
    found, problems = printed(body)
    assert sorted(found) == sorted(samples)
    assert problems == []


LEFT_OUT = [
    (b"rows=1\nrows-x=2\n", "file, line 2: 'rows-x' cannot be the name of a number"),
    (b"running=0\n", "file, line 1: batch_job_running is measured and cannot be set"),
    (b"rows=many\n", "file, line 1: 'rows=many' sets nothing"),
    (b'{"rows": "many"}\n', "file, line 1: 'rows' has no number"),
    (b'{"rows": 1]}\n', "file, line 1: is no JSON object"),
    (b"\n\nwhat is this\n", "file, line 3: a line"),
    (b"batch_job_last_success 1\n", "file, line 1: batch_job_last_success is measured"),
    (b"push_time_seconds 1\n", "file, line 1: push_time_seconds is measured"),
]


@pytest.mark.parametrize(("body", "problem"), LEFT_OUT)
def test_what_is_left_out(body: bytes, problem: str) -> None:
    """A line that cannot be taken costs itself, and is named with its number."""
    found, problems = printed(body, b"good=1\n")
    assert "batch_job_good 1" in found
    assert len(problems) == 1
    assert problems[0].startswith(problem)


def test_a_line_that_somebody_writes_just_now() -> None:
    """While the job runs, the last line counts when its end is there."""
    assert printed(b"rows=1\nrows=4", whole=False)[0] == ["batch_job_rows 1"]
    assert printed(b"rows=1\nrows=4", whole=True)[0] == ["batch_job_rows 4"]
    assert printed(b"", whole=False) == ([], [])


def test_a_body_without_end() -> None:
    """What is too long is cut at a line, what has too many series is cut at that; both with a word."""
    found, problems = printed(b"rows+=1\n" * (BODY_BYTES // 8 + 5))
    assert found == [f"batch_job_rows {BODY_BYTES // 8}"]
    assert problems == ["file: only the first 1 MiB are read"]
    found, problems = printed("".join(f'x{{n="{n}"}} 1\n' for n in range(SERIES_LIMIT + 5)).encode())
    assert (len(found), len(problems)) == (SERIES_LIMIT, 1)


def test_the_first_type_of_a_name_stays() -> None:
    """What is a gauge by assignment is one, whatever the text says later."""
    records = Records()
    records.set("rows", 1)
    records.read(b"# TYPE batch_job_rows counter\nbatch_job_rows 2\n", "file", whole=True)
    assert b"# TYPE batch_job_rows gauge\nbatch_job_rows 2\n" in text.encode(records.families())


@pytest.mark.parametrize(
    ("name", "unit", "metric"),
    [
        ("rows", "", "batch_job_rows"),
        ("size", "bytes", "batch_job_size_bytes"),
        ("size_bytes", "bytes", "batch_job_size_bytes"),
        ("batch_job_size", "bytes", "batch_job_size_bytes"),
        ("_x", "", "batch_job__x"),
    ],
)
def test_names(name: str, unit: str, metric: str) -> None:
    """A prefix before it, the unit behind it, each once."""
    assert metric_of(name, unit) == metric


@pytest.mark.parametrize("name", ["", "a-b", "1a", "a:b", "duration_seconds", "batch_job_running", "é"])
def test_names_that_cannot_be(name: str) -> None:
    """What is no name, or is measured."""
    with pytest.raises(ConfigError):
        metric_of(name)


@pytest.mark.parametrize(
    "words", ["rows", "=1", "rows=", "rows=x", "rows==1", "rows=1 2", "rows=0x10", "a=b=1"]
)
def test_what_sets_nothing(words: str) -> None:
    """It is refused with what to write instead."""
    with pytest.raises(ConfigError, match="write rows=42"):
        assignment(words)


@given(st.binary(max_size=300))
def test_any_bytes(body: bytes) -> None:
    """Whatever a job writes, nothing is raised, and what is taken can be printed."""
    records = Records()
    records.read(body, "file", whole=True)
    text.encode(records.families())
