"""The list of groups, read out of a gateway's JSON."""

from __future__ import annotations

import json
from typing import Any

import pytest
from pushvar.errors import PushError
from pushvar.jobs.batch_groups import HeldGroup, held_groups


def family(*values: str) -> dict[str, Any]:
    """A family with a series of each value."""
    return {"type": "GAUGE", "metrics": [{"labels": {}, "value": value} for value in values]}


def answer(*groups: dict[str, Any]) -> str:
    """What a gateway says."""
    return json.dumps({"status": "success", "data": groups})


def test_groups() -> None:
    """Each is a line by job and labels; what a group does not say, or says of several series, is unknown."""
    whole = {
        "labels": {"job": "b", "env": "x"},
        "last_push_successful": False,
        "push_time_seconds": family("1.7e9"),
        "batch_job_running": family("1"),
        "batch_job_last_exit_code": family("137"),
        "batch_job_last_success_timestamp_seconds": family("1.6e9"),
    }
    bare = {"labels": {"job": "a"}, "push_time_seconds": family("0"), "batch_job_running": family("1", "0")}
    first, second = held_groups(answer(whole, bare))
    assert first == HeldGroup((("job", "a"),), None, False, None, None, None)
    assert second == HeldGroup((("env", "x"), ("job", "b")), 1.7e9, True, 1.6e9, True, 137)
    assert (second.job, second.others) == ("b", (("env", "x"),))


@pytest.mark.parametrize(
    "document", ["", "<html>", "[]", "{}", '{"data": null}', '{"data": [1]}', '{"data": [{}]}', "[" * 100_000]
)
def test_what_is_no_list(document: str) -> None:
    """Anything else is a PushError, which asks for the URL."""
    with pytest.raises(PushError, match="no list of groups"):
        held_groups(document)
